//! The head: the answer, then what it is an answer about.

use std::io;

use super::{advice, headline};
use crate::model::{Document, Leak, LeakKind, Note};
use crate::report::quantity::{duration, rate, share_in_words, span};
use crate::report::text::head::{notes, target};
use crate::report::text::page::Page;
use crate::report::{escape, utc};

/// Where so much is explained, what was not counted at first is a detail.
const ALL: f64 = 0.9;

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
        Note::SystemCallsSeen { .. } => headline::explained(document) > ALL,
        _ => false,
    }
}

/// `python (pid 16122, CPython 3.11.7), watched for 2 min from 14:02: resident memory from 72.7 to 76.6 MiB. After the
/// first 15 s, while it warmed up, it grew by 1.8 MiB a minute (1.2 to 2.1 MiB): what follows explains 95 % of that.`
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

/// What it grows by once it is warm, which is what shares are of, and how much of that is explained.
fn explained(document: &Document) -> Option<String> {
    let growth = document.growth.as_ref()?;
    // What the allocator retains explains what is there, growth or not.
    if document.leaks.iter().all(is_there) {
        return None;
    }
    if !growth.significant {
        return Some(
            "That goes up and down too much to say yet how much of its growth this explains."
                .to_owned(),
        );
    }
    let slope = growth.slope_bytes_per_hour;
    let share = headline::explained(document);
    let of_that = match share {
        share if share > 0.995 => "what follows explains all of that".to_owned(),
        share => format!("what follows explains {} of that", share_in_words(share)),
    };
    let since = match growth.warm_up_seconds {
        seconds if seconds > 0.0 => {
            format!("After the first {}, while it warmed up, it grew", duration(seconds))
        }
        _ => "It grew".to_owned(),
    };
    Some(format!("{since} by {} ({}): {of_that}.", rate::each(slope.est), rate::bounds(&slope)))
}
