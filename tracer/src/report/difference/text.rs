//! A difference that a person reads: what grew, then what shrank.

use std::io::{self, Write};

use super::{Change, DifferenceExporter, Fate, Pair, Side, changes, note, totals};
use crate::model::{Amount, Domain};
use crate::report::quantity::{bytes, change, count, count_change, counted, duration, span};
use crate::report::text::page::{Page, Style};
use crate::report::text::{entry, head};
use crate::report::{Options, escape, utc};

/// Stacks of each kind that are shown by default.
const TOP: usize = 20;

/// A page for people.
pub struct DifferenceText;

impl DifferenceExporter for DifferenceText {
    fn write(&self, pair: &Pair<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut page = Page::new(out, options.colour);
        let changes = changes(pair, options);
        let of = |fates: [Fate; 2]| -> Vec<&Change<'_>> {
            changes.iter().filter(|change| fates.contains(&change.fate())).collect()
        };
        let (grew, shrank) = (of([Fate::New, Fate::Grew]), of([Fate::Gone, Fate::Shrank]));
        opening(&mut page, pair, &changes)?;
        page.gap()?;
        page.paragraph(0, &summary(&grew, &shrank, changes.len()))?;
        let top = options.top.unwrap_or(TOP);
        section(&mut page, "Grew", &grew, top)?;
        section(&mut page, "Shrank", &shrank, top)?;
        page.gap()?;
        page.heading("How to read it")?;
        page.paragraph(2, &reading(pair))
    }
}

/// Who is compared with whom, and what stands in the way.
fn opening(page: &mut Page<'_>, pair: &Pair<'_>, changes: &[Change<'_>]) -> io::Result<()> {
    let (before, after) = totals(changes);
    let by = change(before.bytes, after.bytes);
    let names = format!("{} against {}", pair.after.name, pair.before.name);
    page.heading(&format!("{by} still live: {}", escape::terminal(&names)))?;
    page.item(0, "Before: ", Style::Bold, &side(&pair.before, before))?;
    page.item(0, "After:  ", Style::Bold, &side(&pair.after, after))?;
    for fact in note::notes(pair) {
        page.item(0, "Note: ", Style::Warning, &escape::terminal(&note::sentence(&fact)))?;
    }
    Ok(())
}

/// `panel (pid 4711, CPython 3.11.7), watched for 1 min from …; 9.5 MiB live in 1,000 blocks.`
fn side(side: &Side<'_>, amount: Amount) -> String {
    let document = side.document;
    let resident = document.memory.last().map_or_else(String::new, |point| {
        format!(" Its resident memory was {}.", bytes(point.rss_bytes))
    });
    format!(
        "{}: {}, watched for {} from {}; {} live in {}.{resident}",
        escape::terminal(side.name),
        head::target(document),
        duration(document.capture.seconds),
        utc(document.capture.started),
        bytes(amount.bytes),
        counted(amount.count, "block", "blocks"),
    )
}

fn summary(grew: &[&Change<'_>], shrank: &[&Change<'_>], all: usize) -> String {
    let same = all - grew.len() - shrank.len();
    if grew.is_empty() && shrank.is_empty() {
        return "Every stack holds what it held.".to_owned();
    }
    let mut parts = Vec::new();
    for (verb, changes) in [("grew", grew), ("shrank", shrank)] {
        if !changes.is_empty() {
            parts.push(format!("{} {verb} by {}", stacks(changes.len()), bytes(sum(changes))));
        }
    }
    match same {
        0 => {}
        1 => parts.push("1 stack holds what it held".to_owned()),
        _ => parts.push(format!("{} hold what they held", stacks(same))),
    }
    format!("{}.", parts.join(", "))
}

fn section(page: &mut Page<'_>, title: &str, all: &[&Change<'_>], top: usize) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let (shown, rest) = all.split_at(all.len().min(top));
    page.gap()?;
    page.heading(&if rest.is_empty() {
        format!("{title}, by stack, largest change first")
    } else {
        let (shown, all) = (count(number(shown.len())), count(number(all.len())));
        format!("{title}, by stack: the largest {shown} of {all}")
    })?;
    for (index, change) in shown.iter().enumerate() {
        if index > 0 {
            page.gap()?;
        }
        write_change(page, index + 1, change)?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    page.gap()?;
    let more = format!("{} more", stacks(rest.len()));
    let by = format!("{} by {}", title.to_lowercase(), bytes(sum(rest)));
    page.paragraph(0, &format!("{more}: {by}; --top shows more of them."))
}

fn write_change(page: &mut Page<'_>, rank: usize, change: &Change<'_>) -> io::Result<()> {
    page.item(0, &format!("{rank:>2}. "), Style::Bold, &headline(change))?;
    if !change.frames.is_empty() {
        page.gap()?;
    }
    entry::frames(page, &change.frames)
}

/// `+4.1 MiB (from 2.0 to 6.1 MiB) in +410 blocks, allocated by `keep` (app.py:12) through numpy.`
fn headline(changed: &Change<'_>) -> String {
    let Change { before, after, .. } = changed;
    let how = match changed.fate() {
        Fate::New => "new".to_owned(),
        Fate::Gone => "all of it gone".to_owned(),
        _ => span(before.bytes, after.bytes),
    };
    let noun = match changed.domain {
        Domain::Malloc => ("block", "blocks"),
        Domain::Mmap => ("mapping", "mappings"),
    };
    let blocks = count_change(before.count, after.count, noun.0, noun.1);
    let by = change(before.bytes, after.bytes);
    format!("{by} ({how}) in {blocks}, {}.", entry::by_whom(&changed.frames))
}

fn reading(pair: &Pair<'_>) -> String {
    let same = "Stacks are the same when they look the same: function, file, line and library of every \
                frame. A line that moved in its file makes another stack.";
    let held = if note::is_one_recording(pair) {
        "Both sides hold what was allocated since the recording began."
    } else {
        "Each recording holds only what was allocated after it began."
    };
    format!("{same} {held}")
}

/// By how many bytes these changed, whatever the direction.
fn sum(changes: &[&Change<'_>]) -> u64 {
    changes.iter().map(|change| change.size().0).fold(0, u64::saturating_add)
}

fn stacks(length: usize) -> String {
    counted(number(length), "stack", "stacks")
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
