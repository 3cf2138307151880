//! Records of one target that wait to be handled.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::probe;

/// Most bytes of waiting records. Stacks of new sites come in bursts that are much faster than they
/// can be handled.
const BYTES: usize = 32 << 20;

/// The records of one target, oldest first. What finds no room is dropped and counted, so that a
/// target whose records are handled too slowly costs nothing to others.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    taken: Notify,
    most: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: Dropped,
}

/// What found no room so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Records of any kind.
    pub records: u64,
    /// Of these, first stacks of sites.
    pub sites: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self::bounded(BYTES)
    }
}

impl Queue {
    /// Holds at most about `most` bytes.
    pub fn bounded(most: usize) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), taken: Notify::new(), most }
    }

    /// One more.
    pub fn push(&self, record: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.bytes.saturating_add(record.len()) > self.most {
            waiting.dropped.records += 1;
            waiting.dropped.sites += u64::from(probe::is_site(record));
            return;
        }
        waiting.bytes += record.len();
        waiting.records.push_back(record.to_vec());
        drop(waiting);
        self.arrived.notify_one();
    }

    /// The bytes of the oldest record.
    pub fn take(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting();
        let record = waiting.records.pop_front()?;
        waiting.bytes -= record.len();
        drop(waiting);
        self.taken.notify_one();
        Some(record)
    }

    /// Waits until so many bytes find room, or all that there is.
    pub async fn has_room(&self, bytes: usize) {
        let is_full = || {
            let waiting = self.waiting();
            waiting.bytes > 0 && waiting.bytes.saturating_add(bytes) > self.most
        };
        while is_full() {
            self.taken.notified().await;
        }
    }

    /// Waits until there is a record.
    pub async fn filled(&self) {
        while self.waiting().records.is_empty() {
            self.arrived.notified().await;
        }
    }

    /// What found no room so far.
    pub fn dropped(&self) -> Dropped {
        self.waiting().dropped
    }

    /// No user of the lock can leave it half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_came_in_and_make_room() {
        let queue = Queue::bounded(10);
        queue.push(b"first");
        queue.push(b"then");
        queue.push(b"last");
        assert_eq!(queue.dropped(), Dropped { records: 1, sites: 0 });
        assert_eq!(queue.take().as_deref(), Some(&b"first"[..]));
        queue.push(b"next");
        assert_eq!(queue.take().as_deref(), Some(&b"then"[..]));
        assert_eq!(queue.take().as_deref(), Some(&b"next"[..]));
        assert_eq!(queue.take(), None);
    }

    #[tokio::test]
    async fn whoever_needs_room_waits_for_it() {
        let queue = Queue::bounded(10);
        queue.has_room(100).await;
        queue.push(b"first");
        queue.has_room(5).await;
        let room = queue.has_room(6);
        tokio::pin!(room);
        tokio::select! {
            biased;
            () = &mut room => panic!("there is none"),
            () = std::future::ready(()) => {}
        }
        queue.take();
        room.await;
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let queue = Queue::bounded(10);
        let (_, ()) = tokio::join!(queue.filled(), async { queue.push(b"one") });
        // It stays filled until the record is taken.
        queue.filled().await;
        queue.take();
        assert!(queue.take().is_none());
    }
}
