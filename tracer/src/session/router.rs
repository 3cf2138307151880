//! Takes records out of the ring as soon as they come, and hands each to its target.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::error::SessionError;
use super::queue::Queue;
use super::watch;
use crate::probe::{Records, Slot};

/// Bytes taken out of the ring before others get a word in.
const AT_ONCE: usize = 1 << 20;

/// Where the records of each target go.
#[derive(Debug)]
pub struct Router {
    queues: Arc<Queues>,
    flushes: mpsc::Sender<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
struct Queues(Mutex<HashMap<Slot, Arc<Queue>>>);

impl Router {
    /// Begins to route, in a task of its own that ends with the router.
    ///
    /// # Errors
    /// The ring cannot be awaited.
    pub fn start(records: Box<dyn Records>) -> Result<Self, SessionError> {
        let queues = Arc::new(Queues::default());
        let (flushes, asked) = mpsc::channel(1);
        let ready = watch::readable(records.as_fd())?;
        tokio::spawn(route(records, ready, Arc::clone(&queues), asked));
        Ok(Self { queues, flushes })
    }

    /// Gives a target a queue. Comes before its first record.
    pub fn open(&self, slot: Slot) -> Arc<Queue> {
        let queue = Arc::default();
        self.queues.all().insert(slot, Arc::clone(&queue));
        queue
    }

    /// The records of a target that still come are nobody's.
    pub fn close(&self, slot: Slot) {
        self.queues.all().remove(&slot);
    }

    /// Waits until everything that is in the ring now is in the queues.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        // A task that ended has lost its runtime; then nothing comes any more.
        if self.flushes.send(done).await.is_ok() {
            let _ = wait.await;
        }
    }
}

impl Queues {
    /// No user of the lock can leave it half changed.
    fn all(&self) -> MutexGuard<'_, HashMap<Slot, Arc<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, slot: Slot, record: &[u8]) {
        if let Some(queue) = self.all().get(&slot) {
            queue.push(record);
        }
    }
}

async fn route(
    mut records: Box<dyn Records>,
    mut ready: watch::Readable,
    queues: Arc<Queues>,
    mut flushes: mpsc::Receiver<oneshot::Sender<()>>,
) {
    loop {
        let flushed = tokio::select! {
            asked = flushes.recv() => match asked {
                Some(asked) => Some(asked),
                None => return,
            },
            ready = ready.readable_mut() => {
                let Ok(mut ready) = ready else { return };
                ready.clear_ready();
                None
            }
        };
        // The ring wakes us only once we have read it to its end.
        while records.fetch(AT_ONCE, &mut |slot, record| queues.put(slot, record)) {
            tokio::task::yield_now().await;
        }
        if let Some(flushed) = flushed {
            // Whoever asked may have left.
            let _ = flushed.send(());
        }
    }
}
