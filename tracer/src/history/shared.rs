//! A recording in memory that one side fills and another one judges.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{InMemory, RecordingEvent, Sink};

/// The same recording for all clones. Each call holds a lock for as long as it takes to put it
/// down.
#[derive(Clone, Debug, Default)]
pub struct SharedHistory(Arc<Mutex<InMemory>>);

impl SharedHistory {
    /// The recording as it is now.
    pub fn snapshot(&self) -> InMemory {
        self.lock().clone()
    }

    /// Whoever panicked while filling it left no row half put down that a document could not be
    /// made of.
    fn lock(&self) -> MutexGuard<'_, InMemory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for SharedHistory {
    type Error = Infallible;

    fn take(&mut self, event: RecordingEvent<'_>) -> Result<(), Infallible> {
        self.lock().take(event)
    }
}
