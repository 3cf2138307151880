//! The last looks at the memory of the target before a recording ends.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::error::SessionError;
use super::super::recorder::Recorder;
use super::{Beside, Signals, every};
use crate::model::{NoObjects, NoSearch, Note};
use crate::probe::Records;

/// They may keep people waiting so long.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Time between two looks at the ring while they wait.
const DRAIN: Duration = Duration::from_millis(20);

/// Searches for pointers and looks at Python objects once more, while frees are still seen; a signal ends it, and so
/// does time.
pub async fn looks(
    recorder: &mut Recorder,
    ring: &mut dyn Records,
    signals: &mut Signals,
    beside: &mut Beside,
) -> Result<(), SessionError> {
    if beside.search.is_wanted() && !beside.search.runs() {
        recorder.search(&mut beside.search)?;
    }
    beside.search.hurry();
    let limit = Instant::now() + LONGEST_WAIT;
    let mut drains = every(DRAIN);
    // One that only counts may be at work: then the last look waits for its end.
    let mut joins = beside.objects.is_wanted() || beside.objects.runs();
    while beside.search.runs() || beside.objects.runs() || joins {
        if joins && !beside.objects.runs() {
            joins = false;
            recorder.join_objects(&mut beside.objects)?;
        }
        tokio::select! {
            biased;
            () = signals.any() => break,
            () = sleep_until(limit) => {
                too_slow(recorder, beside);
                break;
            }
            scanned = beside.search.scanned() => recorder.scanned(&mut beside.search, scanned)?,
            looked = beside.objects.looked() => {
                recorder.looked_at_objects(&mut beside.objects, looked)?;
            }
            _ = drains.tick() => while recorder.drain(ring) {},
        }
    }
    Ok(())
}

/// Notes what there was no time for.
fn too_slow(recorder: &mut Recorder, beside: &Beside) {
    if beside.search.runs() {
        recorder.note(Note::SearchUnfinished { reason: NoSearch::TooSlow });
    }
    if beside.objects.runs() {
        recorder.note(Note::ObjectsUnfinished { reason: NoObjects::TooSlow });
    }
}
