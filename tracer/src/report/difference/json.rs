//! A difference as one JSON object, for programs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::{Change, DifferenceExporter, Fate, Pair, Side, changes, note, totals};
use crate::model::{Amount, DifferenceNote, Domain, Frame, MemoryPoint, SCHEMA, Target, Tool};
use crate::report::json::contract::CaptureJson;
use crate::report::{Options, json};

/// For programs. Complete: only `top` applies to it.
pub struct DifferenceJson;

#[derive(Serialize)]
struct Difference<'a> {
    schema: u32,
    tool: &'a Tool,
    before: Whole<'a>,
    after: Whole<'a>,
    notes: Vec<String>,
    /// The code of each note.
    codes: Vec<&'static str>,
    changes: Vec<Row<'a>>,
}

/// One side.
#[derive(Serialize)]
struct Whole<'a> {
    name: &'a str,
    target: &'a Target,
    capture: CaptureJson<'a>,
    /// The last that is known of the process's memory.
    memory: Option<&'a MemoryPoint>,
    #[serde(flatten, serialize_with = "Amount::live_json")]
    live: Amount,
}

/// One stack.
#[derive(Serialize)]
struct Row<'a> {
    fate: Fate,
    change_bytes: i128,
    change_count: i128,
    #[serde(serialize_with = "Amount::live_json")]
    before: Amount,
    #[serde(serialize_with = "Amount::live_json")]
    after: Amount,
    domain: Domain,
    allocators: &'a BTreeSet<&'a str>,
    sites: &'a BTreeSet<&'a str>,
    stack: &'a [&'a Frame],
}

impl DifferenceExporter for DifferenceJson {
    fn write(&self, pair: &Pair<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let complete = Options { runtime_frames: true, native: true, ..options.clone() };
        let changes = changes(pair, &complete);
        let (before, after) = totals(&changes);
        let shown = options.shown(&changes);
        let notes = note::notes(pair);
        let difference = Difference {
            schema: SCHEMA,
            tool: &pair.after.document.tool,
            before: whole(&pair.before, before),
            after: whole(&pair.after, after),
            notes: notes.iter().map(note::sentence).collect(),
            codes: notes.iter().map(DifferenceNote::code).collect(),
            changes: shown.iter().map(row).collect(),
        };
        json::write_value(&difference, out)
    }
}

fn whole<'a>(side: &Side<'a>, live: Amount) -> Whole<'a> {
    let document = side.document;
    Whole {
        name: side.name,
        target: &document.target,
        capture: CaptureJson::new(&document.capture),
        memory: document.memory.last(),
        live,
    }
}

fn row<'a>(change: &'a Change<'a>) -> Row<'a> {
    let Change { before, after, .. } = *change;
    Row {
        fate: change.fate(),
        change_bytes: i128::from(after.bytes) - i128::from(before.bytes),
        change_count: i128::from(after.count) - i128::from(before.count),
        before,
        after,
        domain: change.domain,
        allocators: &change.allocators,
        sites: &change.sites,
        stack: &change.frames,
    }
}
