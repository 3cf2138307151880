//! How a snapshot of a heap was taken, and what it left out: the same for a heap histogram and for
//! retainers.

use std::borrow::Cow;
use std::io;

use crate::model::{CensusTarget, HeapSnapshot, Tool};
use crate::report::quantity::{brief, count, counted, whole};
use crate::report::sentence::capitalised;
use crate::report::text::page::{Page, Style};
use crate::report::{escape, notes, utc, width};

/// Remarks shown before the rest is left to JSON.
const MOST_NOTES: usize = 10;

/// `panel (pid 4711, CPython 3.11.7)`
pub fn target(target: &CensusTarget) -> String {
    let name = width::cut_middle(&escape::terminal(&target.comm), 40);
    let version = width::cut_end(&escape::terminal(&target.python.version), 40);
    format!("{name} (pid {}, CPython {version})", target.pid)
}

/// Which process, when the snapshot was taken, how long that took and whether the process was
/// paused.
pub fn snapshot_of(process: &CensusTarget, snapshot: &HeapSnapshot) -> String {
    let still = match snapshot.paused_seconds {
        Some(seconds) => format!("the process stood still for {}", brief(seconds)),
        None => "the process ran on meanwhile".to_owned(),
    };
    let which = match snapshot.snapshots {
        0 | 1 => "snapshot".to_owned(),
        snapshots => format!("last of {} snapshots", count(u64::from(snapshots))),
    };
    format!(
        "{}, {which} at {}; it took {}, and {still}.",
        target(process),
        utc(whole(snapshot.at)),
        brief(snapshot.seconds)
    )
}

/// What was left out, and how the numbers are to be read.
pub fn write(
    page: &mut Page<'_>,
    process: &CensusTarget,
    snapshot: &HeapSnapshot,
    tool: &Tool,
    legend: &[String],
) -> io::Result<()> {
    page.gap()?;
    page.heading("What was not seen")?;
    left_out(page, snapshot)?;
    for note in snapshot.notes.iter().take(MOST_NOTES) {
        page.item(2, "Note: ", Style::Warning, &sentence(notes::of_heap(*note)))?;
    }
    if let more @ 1.. = snapshot.notes.len().saturating_sub(MOST_NOTES) {
        page.paragraph(2, &format!("(and {more} more notes, see -f json)"))?;
    }
    page.gap()?;
    page.heading("How it was measured")?;
    page.paragraph(2, &measured(process, snapshot, tool, legend))
}

fn left_out(page: &mut Page<'_>, snapshot: &HeapSnapshot) -> io::Result<()> {
    if snapshot.skipped.is_empty() {
        return page.paragraph(2, "Nothing was left out.");
    }
    page.paragraph(2, "Left out, because it could not be read or made no sense:")?;
    let widest = snapshot.skipped.iter().map(|(_, number)| count(*number).len()).max().unwrap_or(0);
    for (part, number) in &snapshot.skipped {
        let mark = format!("{:>widest$}  ", count(*number));
        page.item(4, &mark, Style::Warning, notes::skipped(*part))?;
    }
    Ok(())
}

/// A note with a capital letter and a full stop, harmless.
fn sentence(note: &str) -> String {
    let note = capitalised(&escape::terminal(note));
    let stop = if note.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{note}{stop}")
}

fn measured(
    process: &CensusTarget,
    snapshot: &HeapSnapshot,
    tool: &Tool,
    legend: &[String],
) -> String {
    let mut sentences = legend.to_vec();
    sentences.push(
        "Bytes are what sys.getsizeof would say, with the buffers of arrays on top; not what objects refer \
         to."
        .to_owned(),
    );
    sentences.push(match snapshot.paused_seconds {
        Some(_) => "All is of one moment.".to_owned(),
        None => {
            "Objects that came or went meanwhile may be missing, or be there though they are gone; \
                 --pause makes it one moment."
                .to_owned()
        }
    });
    if snapshot.interpreters > 1 {
        let interpreters = counted(u64::from(snapshot.interpreters), "interpreter", "interpreters");
        sentences.push(format!("The process has {interpreters}; all were read."));
    }
    let source: Cow<'_, str> = match process.python.layout_source.as_str() {
        "table" => "leakspy's own table".into(),
        "debug offsets" => "the interpreter's own debug offsets".into(),
        other => width::cut_end(&escape::terminal(other), 60).into(),
    };
    let (name, version) = (escape::terminal(&tool.name), escape::terminal(&tool.version));
    sentences.push(format!("Layout of objects known from {source}. Made by {name} {version}."));
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_sentences() {
        assert_eq!(sentence("the process ended"), "The process ended.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence("\u{1b}[2J"), "\\x1b[2J.");
    }
}
