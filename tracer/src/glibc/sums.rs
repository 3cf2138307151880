//! Bytes of chunks by what becomes of them, and what of the free ones is resident.

use std::ops::Range;

use super::free::FreeChunks;
use crate::model::{FreeMemory, MallocUse};

const PAGE: u64 = 4096;
/// A free chunk has so many bytes of lists at its begin (`struct malloc_chunk`), which trimming leaves alone.
const LISTS: u64 = 48;
/// An arena that retains less is not counted among those that retain.
const RETAINS: u64 = 1 << 20;

/// One arena.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of the system.
    pub system: u64,
    /// In chunks that are in use, headers included, also those that are cached.
    pub used: u64,
    /// In chunks that the program has freed and that are retained for the next of their size.
    pub cached: u64,
    /// In free chunks between others.
    pub holes: FreeMemory,
    /// In the last chunk.
    pub top: FreeMemory,
    /// What could not be read, or contradicted itself.
    pub unread: u64,
    /// Where the free chunks are.
    pub free: FreeChunks,
}

impl Sums {
    /// Whether everything was read.
    pub fn is_whole(&self) -> bool {
        self.unread == 0
    }

    /// An arena of which nothing is known but its size.
    pub fn unread(system: u64) -> Self {
        Self { system, unread: system, ..Self::default() }
    }

    /// As it is told.
    pub fn told(self, of_thread: bool) -> MallocUse {
        let retained = self.holes.resident_bytes.saturating_add(self.top.resident_bytes);
        let cached = self.cached.min(self.used);
        MallocUse {
            arenas: 1,
            retaining_arenas: u64::from(retained >= RETAINS),
            system_bytes: self.system,
            used_bytes: self.used - cached,
            cached_bytes: cached,
            holes: self.holes,
            top: self.top,
            of_threads_bytes: if of_thread { retained } else { 0 },
            // Trimming shrinks the heap of the main arena, but not those of threads.
            trimmable_bytes: self.holes.page_bytes
                + if of_thread { 0 } else { self.top.page_bytes },
            unread_bytes: self.unread,
        }
    }
}

/// The resident parts of a heap, asked for in ascending order.
#[derive(Clone, Debug)]
pub struct ResidentParts {
    parts: Vec<Range<u64>>,
    /// The first that may matter.
    at: usize,
}

impl ResidentParts {
    /// Parts by address.
    pub fn new(parts: Vec<Range<u64>>) -> Self {
        Self { parts, at: 0 }
    }

    /// The end of the resident part that has this address.
    pub fn end_of(&self, at: u64) -> Option<u64> {
        let next = self.parts.partition_point(|part| part.end <= at);
        self.parts.get(next).filter(|part| part.start <= at).map(|part| part.end)
    }

    /// A free chunk: its size, and what of it is resident, in all and in whole pages.
    pub fn free(&mut self, chunk: Range<u64>) -> FreeMemory {
        let pages = (chunk.start + LISTS).next_multiple_of(PAGE)..chunk.end / PAGE * PAGE;
        FreeMemory {
            bytes: chunk.end - chunk.start,
            resident_bytes: self.overlap(&chunk),
            page_bytes: self.overlap(&pages),
        }
    }

    /// ResidentParts bytes of a range. Ranges are asked for by their start.
    fn overlap(&mut self, range: &Range<u64>) -> u64 {
        while self.parts.get(self.at).is_some_and(|part| part.end <= range.start) {
            self.at += 1;
        }
        let behind = self.parts[self.at.min(self.parts.len())..].iter();
        let inside = behind.take_while(|part| part.start < range.end);
        inside.map(|part| part.end.min(range.end).saturating_sub(part.start.max(range.start))).sum()
    }
}
