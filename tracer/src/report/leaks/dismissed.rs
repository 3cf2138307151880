//! What was examined and is no leak: a reader who suspects it shall see that it was not missed.

use std::io;

use super::sentence;
use crate::model::{Document, Finding, Verdict};
use crate::report::escape;
use crate::report::quantity::{self, count};
use crate::report::text::page::{Page, Style};

/// Lines at most; the rest is counted.
const MOST: usize = 12;

pub fn write(page: &mut Page<'_>, document: &Document) -> io::Result<()> {
    let dismissed: Vec<&Finding> =
        document.findings.iter().filter(|finding| has_no_finding(finding.verdict)).collect();
    let counted = document.growth.as_ref().map_or(&[][..], |growth| &growth.dismissed);
    if dismissed.is_empty() && counted.iter().all(|(_, number)| *number == 0) {
        return Ok(());
    }
    page.gap()?;
    page.heading("Examined, and no leak")?;
    for verdict in Verdict::ALL {
        for finding in dismissed.iter().take(MOST).filter(|finding| finding.verdict == verdict) {
            let text = sentence::finding(finding, document);
            let id = escape::terminal(&finding.site.id);
            let mark = format!("{} {id}: ", verdict.name());
            page.item(2, "- ", Style::Dim, &format!("{mark}{}", escape::terminal(&text)))?;
        }
    }
    if let Some(more) = dismissed.len().checked_sub(MOST).filter(|more| *more > 0) {
        page.paragraph(2, &format!("(and {more} more, see -f json)"))?;
    }
    rest(page, counted)
}

fn has_no_finding(verdict: Verdict) -> bool {
    !super::CHAPTERS.iter().any(|(_, shown)| *shown == verdict)
}

/// `Without a line of their own: 40 baseline, 12 cache-bounded.`
fn rest(page: &mut Page<'_>, counted: &[(Verdict, u64)]) -> io::Result<()> {
    let number_of = |wanted: fn(Verdict) -> bool| {
        let chosen = counted.iter().filter(|(verdict, _)| wanted(*verdict));
        chosen.map(|(_, number)| *number).fold(0, u64::saturating_add)
    };
    let leaks = number_of(|verdict| verdict == Verdict::Leak);
    if leaks > 0 {
        let stacks = quantity::counted(leaks, "more stack", "more stacks");
        page.paragraph(2, &format!("{stacks} may leak, and less than those above."))?;
    }
    let open = number_of(|verdict| verdict != Verdict::Leak && !has_no_finding(verdict));
    if open > 0 {
        let stacks = quantity::counted(open, "stack", "stacks");
        page.paragraph(2, &format!("Too little was seen of {stacks} to test any growth."))?;
    }
    let words: Vec<String> = counted
        .iter()
        .filter(|(verdict, number)| *number > 0 && has_no_finding(*verdict))
        .map(|(verdict, number)| format!("{} {}", count(*number), verdict.name()))
        .collect();
    match words.is_empty() {
        true => Ok(()),
        false => page.paragraph(2, &format!("Without a line of their own: {}.", words.join(", "))),
    }
}
