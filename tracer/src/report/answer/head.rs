//! The head: the answer, then what it is an answer about.

use std::io;

use super::{advice, headline};
use crate::model::{Document, Leak, LeakKind, Note};
use crate::report::quantity::{duration, share_in_words, span};
use crate::report::text::head::{notes, target};
use crate::report::text::page::Page;
use crate::report::{escape, utc};

pub fn write(page: &mut Page<'_>, document: &Document) -> io::Result<()> {
    page.headline(&escape::terminal(&format!("{}.", headline::process(document))))?;
    page.paragraph(0, &about(document))?;
    let wanted: Vec<Note> =
        document.capture.notes.iter().filter(|note| !is_detail(note, document)).cloned().collect();
    notes(page, &wanted)
}

/// How allocators were seen changes nothing for the reader of an answer; the full report has it. What an entry says need
/// not be said again.
fn is_detail(note: &Note, document: &Document) -> bool {
    let has_arenas = || document.leaks.iter().any(|leak| advice::arenas_of(leak).is_some());
    match note {
        Note::AllocatorTraced { .. } | Note::CodeEndsNotSeen => true,
        Note::ArenasHalfEmpty { .. } => has_arenas(),
        _ => false,
    }
}

/// `python (pid 16122, CPython 3.11.7), watched for 2 min from 14:02: resident 72.7 MiB to 76.6 MiB. What
/// follows explains 95 % of its growth.`
fn about(document: &Document) -> String {
    let capture = &document.capture;
    let mut text = format!(
        "{}, watched for {} from {}",
        target(document),
        duration(capture.seconds),
        utc(capture.started)
    );
    if let (Some(first), Some(last)) = (document.memory.first(), document.memory.last()) {
        text.push_str(&format!(": resident memory {}", span(first.rss_bytes, last.rss_bytes)));
    }
    text.push('.');
    if let Some(explained) = explained(document) {
        text.push_str(&format!(" {explained}"));
    }
    text
}

/// Whether it is what the allocator retains without growth.
fn is_there(leak: &Leak) -> bool {
    leak.kind == LeakKind::Allocator && leak.explains.is_none()
}

fn explained(document: &Document) -> Option<String> {
    let growth = document.growth.as_ref()?;
    // What the allocator retains explains what is there, growth or not.
    if document.leaks.iter().all(is_there) {
        return None;
    }
    if !growth.significant {
        return Some("Whether the process as a whole keeps growing cannot be told yet.".to_owned());
    }
    let shares = document.leaks.iter().filter_map(|leak| leak.explains);
    let share: f64 = shares.filter(|share| share.is_finite()).sum();
    let share = share_in_words(share.clamp(0.0, 1.0));
    Some(format!("What follows explains {share} of its growth."))
}
