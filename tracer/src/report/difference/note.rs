//! What makes two recordings hard to compare.

use super::{Pair, Side};
use crate::model::{CounterClass, DifferenceNote, Document};
use crate::report::quantity::{counted, duration};

/// Lengths that differ by less than this share are the same.
const SAME_LENGTH: f64 = 0.05;

/// What a reader must know about the two sides before he believes a difference.
pub fn notes(pair: &Pair<'_>) -> Vec<DifferenceNote> {
    if is_one_recording(pair) {
        return Vec::new();
    }
    let (before, after) = (pair.before.document, pair.after.document);
    let of_both = [programs(before, after), interpreters(before, after), lengths(before, after)];
    let of_each = [pair.before, pair.after].map(|side| losses(&side));
    of_both.into_iter().chain(of_each).flatten().collect()
}

/// One of them as a sentence, with names from outside.
pub fn sentence(note: &DifferenceNote) -> String {
    use DifferenceNote as Note;
    match note {
        Note::OtherProgram { before, after } => format!(
            "These are different programs, {before} and {after}: few of their stacks can look the \
             same."
        ),
        Note::OtherName { before, after } => format!(
            "The processes have different names, {before} and {after}: they may do different work."
        ),
        Note::OtherInterpreter { before, after } => format!(
            "CPython {before} and CPython {after} do not call the same functions on the way to an \
             allocation; --no-native compares the Python frames alone."
        ),
        Note::OtherLength { before, after } => format!(
            "The recordings are of different lengths, {} and {}: whatever grows all the time differs \
             for that reason alone.",
            duration(*before),
            duration(*after)
        ),
        Note::CallsLost { side, calls } => format!(
            "{} missing from the numbers of {side}; `leakspy report` says why.",
            counted(*calls, "call is", "calls are")
        ),
    }
}

/// Whether both sides are moments of the same recording.
pub fn is_one_recording(pair: &Pair<'_>) -> bool {
    let (before, after) = (pair.before.document, pair.after.document);
    before.target == after.target && before.capture.started == after.capture.started
}

fn programs(before: &Document, after: &Document) -> Option<DifferenceNote> {
    let (a, b) = (&before.target, &after.target);
    if a.exe != b.exe {
        let (before, after) = (a.exe.clone(), b.exe.clone());
        return Some(DifferenceNote::OtherProgram { before, after });
    }
    (a.comm != b.comm)
        .then(|| DifferenceNote::OtherName { before: a.comm.clone(), after: b.comm.clone() })
}

fn interpreters(before: &Document, after: &Document) -> Option<DifferenceNote> {
    let (a, b) = (before.target.python.as_ref()?, after.target.python.as_ref()?);
    (a.version != b.version).then(|| DifferenceNote::OtherInterpreter {
        before: a.version.clone(),
        after: b.version.clone(),
    })
}

fn lengths(before: &Document, after: &Document) -> Option<DifferenceNote> {
    let (before, after) = (before.capture.seconds, after.capture.seconds);
    let difference = (before - after).abs();
    (difference > SAME_LENGTH * before.max(after) && difference >= 1.0)
        .then_some(DifferenceNote::OtherLength { before, after })
}

fn losses(side: &Side<'_>) -> Option<DifferenceNote> {
    let lost =
        side.document.losses.iter().filter(|loss| loss.counter.class() == CounterClass::Loss);
    let calls = lost.map(|loss| loss.count).fold(0, u64::saturating_add);
    (calls > 0).then(|| DifferenceNote::CallsLost { side: side.name.to_owned(), calls })
}
