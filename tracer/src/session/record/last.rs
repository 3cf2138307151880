//! The search for pointers before a recording ends.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::error::SessionError;
use super::super::recorder::Recorder;
use super::super::search::{PointerSearch, Unfinished};
use super::{Signals, every};
use crate::probe::Ring;

/// The last search for pointers may keep people waiting so long.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Time between two looks at the ring while they wait.
const DRAIN: Duration = Duration::from_millis(20);

/// Searches once more, while frees are still seen; a signal ends it, and so does time.
pub async fn search(
    recorder: &mut Recorder,
    ring: &mut Ring,
    signals: &mut Signals,
    search: &mut PointerSearch,
) -> Result<(), SessionError> {
    if search.is_wanted() && !search.runs() {
        recorder.search(search)?;
    }
    search.hurry();
    let limit = Instant::now() + LONGEST_WAIT;
    let mut drains = every(DRAIN);
    while search.runs() {
        tokio::select! {
            biased;
            () = signals.any() => break,
            () = sleep_until(limit) => {
                recorder.note(Unfinished::TooSlow.sentence().unwrap_or_default());
                break;
            }
            scanned = search.scanned() => recorder.scanned(search, scanned)?,
            _ = drains.tick() => while recorder.drain(ring) {},
        }
    }
    Ok(())
}
