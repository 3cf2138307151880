//! Takes records out of the ring as soon as they come, and hands each to its target. A target that is
//! alone has its records wait in the ring when its queue is full: those that find no room there are sent
//! again by the kernel, when their site allocates next. Where targets share the ring, none waits for
//! another, and what a full queue has no room for is lost.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};

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
struct Queues {
    of: Mutex<HashMap<Slot, Arc<Queue>>>,
    /// Somebody came or went.
    changed: Notify,
}

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
        self.queues.changed.notify_one();
        queue
    }

    /// The records of a target that still come are nobody's.
    pub fn close(&self, slot: Slot) {
        self.queues.all().remove(&slot);
        self.queues.changed.notify_one();
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
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what is taken next finds room, if there is one target alone.
    async fn has_room(&self) {
        loop {
            let alone = {
                let all = self.all();
                all.values().next().filter(|_| all.len() == 1).cloned()
            };
            let Some(queue) = alone else { return };
            tokio::select! {
                biased;
                () = queue.has_room(AT_ONCE) => return,
                () = self.changed.notified() => {}
            }
        }
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
        let mut flushed = tokio::select! {
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
        loop {
            if flushed.is_none() {
                tokio::select! {
                    () = queues.has_room() => {}
                    asked = flushes.recv() => match asked {
                        Some(asked) => flushed = Some(asked),
                        None => return,
                    },
                }
            }
            if !records.fetch(AT_ONCE, &mut |slot, record| queues.put(slot, record)) {
                break;
            }
            tokio::task::yield_now().await;
        }
        if let Some(flushed) = flushed {
            // Whoever asked may have left.
            let _ = flushed.send(());
        }
    }
}
