//! The verdict page: the [answer], and behind it, where somebody asks for more, how each verdict
//! came about: stacks, types, what was dismissed, the ledger. Never wider than
//! [`width::COLUMNS`](super::width::COLUMNS).

mod dismissed;
mod evidence;
mod head;
pub mod objects;
#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;
pub(super) mod verdict;

use std::io::{self, Write};

use super::text::closing;
use super::text::page::Page;
use super::{Exporter, Options, answer, sentence};
use crate::model::{Document, Finding, Verdict};

/// Findings that are shown in full by default.
pub(super) const TOP: usize = 10;

/// Findings in chapters: what leaks, and what grows and cannot be judged yet.
pub(super) const CHAPTERS: [(&str, Verdict); 2] = [
    ("Stacks that leak", Verdict::Leak),
    ("Stacks that grow, too early to judge", Verdict::Undetermined),
];

/// The verdict page.
pub struct Leaks;

impl Exporter for Leaks {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        answer::write(&mut Page::narrow(out, options.colour), document, options)?;
        if !options.verbose {
            return Ok(());
        }
        let mut page = Page::new(out, options.colour);
        head::write(&mut page, document)?;
        let mut room = options.top.unwrap_or(TOP);
        for (title, verdict) in CHAPTERS {
            let findings: Vec<&Finding> =
                document.findings.iter().filter(|finding| finding.verdict == verdict).collect();
            let shown = &findings[..findings.len().min(room)];
            room -= shown.len();
            chapter(&mut page, title, document, shown, options)?;
            rest(&mut page, &findings[shown.len()..])?;
        }
        objects::write(&mut page, document, options.top.is_some_and(|top| top > TOP))?;
        dismissed::write(&mut page, document)?;
        closing::write(&mut page, document)
    }
}

fn chapter(
    page: &mut Page<'_>,
    title: &str,
    document: &Document,
    findings: &[&Finding],
    options: &Options,
) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    page.gap()?;
    page.heading(title)?;
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            page.gap()?;
        }
        verdict::write(page, finding, document, options)?;
    }
    Ok(())
}

/// How much is not shown, so that nobody takes the list for complete.
fn rest(page: &mut Page<'_>, rest: &[&Finding]) -> io::Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    let number = super::quantity::count(u64::try_from(rest.len()).unwrap_or(u64::MAX));
    let retained =
        rest.iter().map(|finding| finding.evidence.retained.bytes).fold(0, u64::saturating_add);
    page.gap()?;
    page.paragraph(
        0,
        &format!(
            "{number} more of these retain {}; --top shows more of them.",
            super::quantity::bytes(retained)
        ),
    )
}
