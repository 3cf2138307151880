//! What makes two recordings hard to compare.

use super::{Pair, Side};
use crate::model::{CounterClass, Document};
use crate::report::quantity::{counted, duration};

/// Lengths that differ by less than this share are the same.
const SAME_LENGTH: f64 = 0.05;

/// What a reader must know about the two sides before he believes a difference, as sentences with
/// names from outside.
pub fn notes(pair: &Pair<'_>) -> Vec<String> {
    if is_one_recording(pair) {
        return Vec::new();
    }
    let (before, after) = (pair.before.document, pair.after.document);
    let mut notes: Vec<String> =
        [programs(before, after), interpreters(before, after), lengths(before, after)]
            .into_iter()
            .flatten()
            .collect();
    notes.extend([pair.before, pair.after].iter().filter_map(losses));
    notes
}

/// Whether both sides are moments of the same recording.
pub fn is_one_recording(pair: &Pair<'_>) -> bool {
    let (before, after) = (pair.before.document, pair.after.document);
    before.target == after.target && before.capture.started == after.capture.started
}

fn programs(before: &Document, after: &Document) -> Option<String> {
    let (a, b) = (&before.target, &after.target);
    if a.exe != b.exe {
        return Some(format!(
            "These are different programs, {} and {}: few of their stacks can look the same.",
            a.exe, b.exe
        ));
    }
    (a.comm != b.comm).then(|| {
        format!(
            "The processes have different names, {} and {}: they may do different work.",
            a.comm, b.comm
        )
    })
}

fn interpreters(before: &Document, after: &Document) -> Option<String> {
    let (a, b) = (before.target.python.as_ref()?, after.target.python.as_ref()?);
    (a.version != b.version).then(|| {
        format!(
            "CPython {} and CPython {} do not call the same functions on the way to an allocation; \
             --no-native compares the Python frames alone.",
            a.version, b.version
        )
    })
}

fn lengths(before: &Document, after: &Document) -> Option<String> {
    let (a, b) = (before.capture.seconds, after.capture.seconds);
    let differ = (a - b).abs() > SAME_LENGTH * a.max(b) && (a - b).abs() >= 1.0;
    differ.then(|| {
        format!(
            "The recordings are of different lengths, {} and {}: whatever grows all the time differs \
             for that reason alone.",
            duration(a),
            duration(b)
        )
    })
}

fn losses(side: &Side<'_>) -> Option<String> {
    let lost =
        side.document.losses.iter().filter(|loss| loss.counter.class() == CounterClass::Loss);
    let lost = lost.map(|loss| loss.count).fold(0, u64::saturating_add);
    (lost > 0).then(|| {
        format!(
            "{} missing from the numbers of {}; `leakspy report` says why.",
            counted(lost, "call is", "calls are"),
            side.name
        )
    })
}
