//! Descriptors that are awaited.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::error::SessionError;

/// A descriptor of our own.
pub type Readable = AsyncFd<OwnedFd>;

/// Waits on a descriptor of its own, so that nobody can close it meanwhile.
///
/// # Errors
/// The system has no room for another one.
pub fn readable(descriptor: BorrowedFd<'_>) -> Result<Readable, SessionError> {
    let wait = |source| SessionError::Wait { source };
    let own = descriptor.try_clone_to_owned().map_err(wait)?;
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives, and the
    // `AsyncFd` owns it.
    let watched = unsafe { AsyncFd::register_with_interest(own, Interest::READABLE) };
    watched.map_err(|error| wait(error.into()))
}

/// The first one after a whole period; one that comes late moves those after it.
pub fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
