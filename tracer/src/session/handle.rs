//! A session: any number of targets in one process, each on its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::error::SessionError;
use super::event::{Event, EventKind, TargetId};
use super::follow::Following;
use super::options::RecordOptions;
use super::shared::Shared;
use crate::probe::Kernel;

/// Events that wait to be read.
const EVENTS: usize = 1024;

/// Records any number of targets. The caller owns the runtime, and handles signals; blocking work
/// goes to the runtime's threads for it, of which there should be [`Session::BLOCKING_THREADS`].
///
/// Dropping a session asks all targets to end at once, which they do as long as the runtime runs.
pub struct Session {
    shared: Arc<Shared>,
    events: mpsc::Receiver<Event>,
    /// Of the targets whose last event was not read yet: how often each was asked to end.
    stops: BTreeMap<TargetId, watch::Sender<u32>>,
    next: u32,
}

impl Session {
    /// Threads for blocking work that are enough for any number of targets.
    pub const BLOCKING_THREADS: usize = 8;

    /// No targets yet. To be called inside of a runtime.
    ///
    /// # Errors
    /// The kernel side has no records, or cannot be awaited.
    pub fn new(kernel: Box<dyn Kernel>) -> Result<Self, SessionError> {
        let (tell, events) = mpsc::channel(EVENTS);
        let shared = Arc::new(Shared::new(kernel, tell)?);
        Ok(Self { shared, events, stops: BTreeMap::new(), next: 0 })
    }

    /// Begins to attach a target; events tell what comes of it.
    pub fn attach(&mut self, options: RecordOptions) -> TargetId {
        let target = TargetId(self.next);
        self.next += 1;
        let (stop, stopped) = watch::channel(0);
        self.stops.insert(target, stop);
        let shared = Arc::clone(&self.shared);
        tokio::spawn(Following::new(shared, target, options, stopped).run());
        target
    }

    /// Asks a target to end in good order; when that was asked before, without the last scans of
    /// its memory. A target that is still being attached ends as soon as it is. Others do not
    /// notice.
    pub fn detach(&mut self, target: TargetId) {
        if let Some(stop) = self.stops.get(&target) {
            stop.send_modify(|times| *times = times.saturating_add(1));
        }
    }

    /// As [`Self::detach`], all targets.
    pub fn detach_all(&mut self) {
        let all: Vec<TargetId> = self.targets().collect();
        all.into_iter().for_each(|target| self.detach(target));
    }

    /// Targets that have not come to their end.
    pub fn targets(&self) -> impl Iterator<Item = TargetId> + '_ {
        self.stops.keys().copied()
    }

    /// The next event; nothing when there are no targets left. Nothing is lost when it is dropped
    /// before.
    pub async fn next_event(&mut self) -> Option<Event> {
        if self.stops.is_empty() {
            return None;
        }
        let event = self.events.recv().await?;
        if matches!(event.what, EventKind::Finished(_) | EventKind::Failed(_)) {
            self.stops.remove(&event.target);
        }
        Some(event)
    }
}
