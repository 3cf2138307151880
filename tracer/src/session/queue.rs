//! Records that wait to be handled.

use std::collections::VecDeque;

/// Most bytes of waiting records. Stacks of new sites come in bursts that are much faster than they can be handled.
pub const QUEUE_BYTES: usize = 32 << 20;

/// The records of one target, oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    records: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Queue {
    /// One more.
    pub fn push(&mut self, record: &[u8]) {
        self.bytes += record.len();
        self.records.push_back(record.to_vec());
    }

    /// Bytes that there is room for.
    pub fn room(&self) -> usize {
        QUEUE_BYTES.saturating_sub(self.bytes)
    }

    /// The bytes of the oldest record.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let record = self.records.pop_front()?;
        self.bytes -= record.len();
        Some(record)
    }
}
