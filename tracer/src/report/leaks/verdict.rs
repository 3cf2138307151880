//! One finding in full: the sentence, the verdict, the stack, the evidence.

use std::io;

use super::{evidence, sentence};
use crate::model::{Confidence, Document, Finding, Frame, Verdict};
use crate::report::text::entry;
use crate::report::text::page::{Page, Style};
use crate::report::{Options, escape, notes, stacks};

/// Columns before the text of a finding; room for its rank.
const INDENT: usize = 4;

pub fn write(
    page: &mut Page<'_>,
    finding: &Finding,
    document: &Document,
    options: &Options,
) -> io::Result<()> {
    let text = sentence::finding(finding, document);
    let rank = usize::try_from(finding.rank).unwrap_or(usize::MAX);
    write_as(page, (rank, &text), finding, options)
}

/// The same under another rank, and with another sentence.
pub fn write_as(
    page: &mut Page<'_>,
    (rank, text): (usize, &str),
    finding: &Finding,
    options: &Options,
) -> io::Result<()> {
    page.item(0, &format!("{rank:>2}. "), Style::Bold, &escape::terminal(text))?;
    page.paragraph(INDENT, &word(finding))?;
    for note in &finding.site.notes {
        page.item(INDENT, "Note: ", Style::Warning, &escape::terminal(&notes::of_stack(note)))?;
    }
    let frames: Vec<&Frame> =
        finding.site.stack.iter().filter(|frame| stacks::is_shown(frame, options)).collect();
    if !frames.is_empty() {
        page.gap()?;
        entry::frames(page, &frames)?;
    }
    page.gap()?;
    if let Some(why) = evidence::why(finding) {
        page.item(INDENT, "Why: ", Style::Bold, &escape::terminal(&why))?;
    }
    if let Some(retainers) = evidence::retainers(finding) {
        page.item(INDENT, "Retained by: ", Style::Bold, &escape::terminal(&retainers))?;
    }
    let figures = evidence::figures(finding).join(" ");
    page.item(INDENT, "Measured: ", Style::Bold, &escape::terminal(&figures))?;
    Ok(())
}

/// `Leak, likely: more probable than everything else by far. Id 3f9ac1d2.`
fn word(finding: &Finding) -> String {
    let id = escape::terminal(&finding.site.id);
    let sure = match finding.confidence {
        Confidence::Suspect => "suspect: something harmless would look the same so far",
        Confidence::Likely => "likely: more probable than everything else by far",
        Confidence::Confirmed => "confirmed: nothing harmless explains it",
    };
    match finding.verdict {
        Verdict::Leak => format!("Leak, {sure}. Id {id}."),
        verdict => format!("{}. Id {id}.", sentence::capitalised(verdict.name())),
    }
}
