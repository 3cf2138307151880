//! What the targets of a session have in common.

use std::os::fd::AsFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch as channel};
use tokio::task::spawn_blocking;

use super::error::SessionError;
use super::event::{Event, EventKind, TargetId};
use super::router::Router;
use super::watch;
use crate::probe::{Kernel, ProbeError, Slot};

/// Targets whose memory is scanned at once: a heap takes much room.
const SCANS: usize = 2;
/// Targets whose files are read at once: debug information takes much room.
const FILES: usize = 2;
/// How often probes are arranged anew.
const ARRANGE: Duration = Duration::from_secs(1);
/// Places for events that only those take which must not be left out.
const RESERVED: usize = 512;

/// A turn to scan memory; over when the last job that has it ends.
pub type Turn = Arc<OwnedSemaphorePermit>;

/// What the targets of a session have in common.
pub struct Shared {
    /// One attach or detach at a time.
    pub kernel: Arc<Mutex<Box<dyn Kernel>>>,
    /// Their records.
    pub router: Router,
    /// Turns for scans of memory.
    pub scans: Arc<Semaphore>,
    /// Turns for reading the files of a target.
    pub files: Arc<Semaphore>,
    /// Whether the probes of all targets are lost.
    pub lost: channel::Receiver<bool>,
    events: mpsc::Sender<Event>,
}

impl Shared {
    /// Begins to take records out of the ring, and to watch over the probes.
    ///
    /// # Errors
    /// The kernel side has no records, or cannot be awaited.
    pub fn new(
        mut kernel: Box<dyn Kernel>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, SessionError> {
        let router = Router::start(kernel.records()?)?;
        let guard = kernel.guard().map_err(|source| SessionError::Wait { source })?;
        let kernel = Arc::new(Mutex::new(kernel));
        tokio::spawn(arrange(Arc::downgrade(&kernel)));
        Ok(Self {
            kernel,
            router,
            scans: Arc::new(Semaphore::new(SCANS)),
            files: Arc::new(Semaphore::new(FILES)),
            lost: when_readable(watch::readable(guard.as_fd())?),
            events,
        })
    }

    /// Tells the owner of the session. A status is left out when many events wait.
    pub async fn tell(&self, target: TargetId, what: EventKind) {
        if matches!(what, EventKind::Status(_)) && self.events.capacity() < RESERVED {
            return;
        }
        // An owner that left does not want to know.
        let _ = self.events.send(Event { target, what }).await;
    }

    /// Takes out the probes on the allocator of one of a target's libraries.
    pub async fn release_library(&self, slot: Slot, library: u32) {
        let mut kernel = Arc::clone(&self.kernel).lock_owned().await;
        // A guard that is gone holds nothing any more.
        let _ = blocking(move || kernel.release_library(slot, library)).await;
    }

    /// Has the kernel count mappings that a target makes by system calls of its own.
    ///
    /// # Errors
    /// The kernel side panicked; the answer is in the result.
    pub async fn see_mappings(&self, slot: Slot) -> Result<Result<(), ProbeError>, SessionError> {
        let mut kernel = Arc::clone(&self.kernel).lock_owned().await;
        blocking(move || kernel.see_mappings(slot)).await
    }

    /// Takes the probes of a target out, and forgets its records.
    pub async fn detach(&self, slot: Slot) {
        let mut kernel = Arc::clone(&self.kernel).lock_owned().await;
        // A guard that is gone holds nothing any more.
        let _ = blocking(move || kernel.detach(slot)).await;
    }
}

/// Keeps hits cheap for those that have many, until the session ends.
async fn arrange(kernel: Weak<Mutex<Box<dyn Kernel>>>) {
    let mut times = watch::every(ARRANGE);
    loop {
        times.tick().await;
        let Some(kernel) = kernel.upgrade() else { return };
        let mut kernel = kernel.lock_owned().await;
        if blocking(move || kernel.arrange()).await.is_err() {
            return;
        }
    }
}

/// Turns true when the descriptor becomes readable.
fn when_readable(descriptor: watch::Readable) -> channel::Receiver<bool> {
    let (tell, told) = channel::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            ready = descriptor.readable() => if ready.is_ok() {
                tell.send_replace(true);
            },
            () = tell.closed() => {}
        }
        // A dropped sender would look like an event.
        tell.closed().await;
    });
    told
}

/// Runs something that blocks, and waits for it.
///
/// # Errors
/// It panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SessionError> {
    spawn_blocking(work).await.map_err(|_| SessionError::Broken)
}
