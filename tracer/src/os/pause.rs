//! STUB of the lead.
use std::time::{Duration, Instant};

use super::{OsError, Process};

/// A process that stands still.
#[derive(Debug)]
pub struct Pause {
    since: Instant,
}

impl Pause {
    /// Stops it.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub fn begin(_: &Process) -> Result<Self, OsError> {
        Ok(Self { since: Instant::now() })
    }

    /// Lets it go; for how long it stood.
    pub fn end(self) -> Duration {
        self.since.elapsed()
    }
}
