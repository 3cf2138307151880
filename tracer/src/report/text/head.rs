//! The head of a text report: who was watched, for how long, and what came of it.

use std::io;

use super::page::{Page, Style};
use crate::model::{Amount, Document, Domain, Note};
use crate::report::quantity::{bytes, change, counted, duration, percent};
use crate::report::stacks::{self, Stack};
use crate::report::{escape, notes as words, utc};

/// Remarks shown before the rest is left to JSON.
const MOST_NOTES: usize = 10;

pub fn write(page: &mut Page<'_>, document: &Document, stacks: &[Stack<'_>]) -> io::Result<()> {
    let live = bytes(stacks::total_live(stacks).bytes);
    let headline = format!("{live} still live in {}", target(document));
    page.heading(&headline)?;
    page.paragraph(0, &sentences(document, stacks).join(" "))?;
    notes(page, &document.capture.notes)
}

/// `panel (pid 4711, CPython 3.11.7)`
pub fn target(document: &Document) -> String {
    let target = &document.target;
    let python = match &target.python {
        Some(python) => format!("CPython {}", python.version),
        None => "no Python that leakspy understands".to_owned(),
    };
    escape::terminal(&format!("{} (pid {}, {python})", target.comm, target.pid)).into_owned()
}

fn sentences(document: &Document, stacks: &[Stack<'_>]) -> Vec<String> {
    let mut sentences = vec![
        format!(
            "Watched for {} from {}.",
            duration(document.capture.seconds),
            utc(document.capture.started)
        ),
        allocated(document, stacks),
    ];
    sentences.extend(mapped(stacks));
    sentences.extend(resident(document));
    sentences.extend(limit(document));
    sentences
}

fn allocated(document: &Document, stacks: &[Stack<'_>]) -> String {
    let all = document.sites.iter().map(|site| site.allocated);
    let all = all.fold(Amount::default(), Amount::plus);
    if all.count == 0 {
        return "In that time it allocated nothing.".to_owned();
    }
    let live = stacks::total_live(stacks);
    let allocated = format!(
        "In that time it allocated {} in {}",
        bytes(all.bytes),
        counted(all.count, "block", "blocks")
    );
    if live.count == all.count {
        return format!("{allocated} and freed none of them.");
    }
    if live.count == 0 {
        return format!("{allocated} and freed them all.");
    }
    format!(
        "{allocated}; {} in {} {} still live.",
        bytes(live.bytes),
        counted(live.count, "block", "blocks"),
        if live.count == 1 { "is" } else { "are" },
    )
}

fn mapped(stacks: &[Stack<'_>]) -> Option<String> {
    let mapped = stacks
        .iter()
        .filter(|stack| stack.domain == Domain::Mmap)
        .map(|stack| stack.live.bytes)
        .fold(0, u64::saturating_add);
    (mapped > 0).then(|| {
        format!(
            "Of the live bytes, {} are mappings: address space, not all of it in use.",
            bytes(mapped)
        )
    })
}

/// What became of the resident memory of the process.
pub fn resident(document: &Document) -> Option<String> {
    let (first, last) = (document.memory.first()?, document.memory.last()?);
    let (before, after) = (first.swap_bytes.unwrap_or(0), last.swap_bytes.unwrap_or(0));
    let swapped = match (before, after) {
        (0, 0) => String::new(),
        _ => format!(", its swapped memory from {} to {}", bytes(before), bytes(after)),
    };
    Some(format!(
        "Its resident memory went from {} to {} ({}){swapped}.",
        bytes(first.rss_bytes),
        bytes(last.rss_bytes),
        change(first.rss_bytes, last.rss_bytes)
    ))
}

fn limit(document: &Document) -> Option<String> {
    let limit = document.target.limit_bytes?;
    Some(match document.memory.last() {
        Some(last) => format!(
            "Its memory limit is {}, of which it now has {}.",
            bytes(limit),
            percent(last.rss_bytes.saturating_add(last.swap_bytes.unwrap_or(0)), limit)
        ),
        None => format!("Its memory limit is {}.", bytes(limit)),
    })
}

/// What was noticed on the way: it changes how the rest is to be read, so it comes first.
pub fn notes(page: &mut Page<'_>, notes: &[Note]) -> io::Result<()> {
    let notes: Vec<&Note> = notes.iter().filter(|note| words::is_of_its_own(note)).collect();
    if notes.is_empty() {
        return Ok(());
    }
    page.gap()?;
    for note in notes.iter().take(MOST_NOTES) {
        page.item(0, "Note: ", Style::Warning, &escape::terminal(&words::note(note)))?;
    }
    match notes.len().saturating_sub(MOST_NOTES) {
        0 => Ok(()),
        more => page.paragraph(0, &format!("(and {more} more notes, see -f json)")),
    }
}
