//! Where free chunks are: memory that holds nothing of the program, only what was there before it was freed.

use std::ops::Range;

use super::state::HEADER;
use super::tcache;
use crate::model::Memory;

/// Smaller ones are not worth a place: what is left in them leads to little.
const LEAST: u64 = 64;
/// Most that are known of one arena, 16 bytes each.
const MOST: usize = 1 << 18;
/// Most chunks of one arena that may be caches of threads.
const CACHES: usize = 1 << 12;

/// What is free in arenas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeChunks {
    /// What in free chunks is nobody's.
    contents: Vec<Range<u64>>,
    /// Chunks in use that may be caches of threads.
    caches: Vec<Range<u64>>,
    /// Where chunks are.
    heaps: Vec<Range<u64>>,
}

impl FreeChunks {
    /// Takes down a chunk that is free, from its begin to that of the next one.
    pub fn free(&mut self, chunk: &Range<u64>) {
        self.content(chunk.start.saturating_add(HEADER)..chunk.end);
    }

    /// Takes down a chunk that is free and looks as if it were in use: then the word behind it is its own, too.
    pub fn cached(&mut self, chunk: &Range<u64>) {
        self.content(chunk.start.saturating_add(HEADER)..chunk.end.saturating_add(8));
    }

    fn content(&mut self, content: Range<u64>) {
        if content.end.saturating_sub(content.start) >= LEAST && self.contents.len() < MOST {
            self.contents.push(content);
        }
    }

    /// Takes down a chunk that is in use, or looks so.
    pub fn used(&mut self, chunk: &Range<u64>) {
        if tcache::may_be(chunk.end - chunk.start) && self.caches.len() < CACHES {
            self.caches.push(chunk.clone());
        }
    }

    /// Takes down a heap.
    pub fn heap(&mut self, heap: Range<u64>) {
        self.heaps.push(heap);
    }

    /// With those of another arena.
    pub fn plus(mut self, other: Self) -> Self {
        self.contents.extend(other.contents);
        self.caches.extend(other.caches);
        self.heaps.extend(other.heaps);
        self
    }

    /// What is nobody's, by address, with chunks that threads have cached.
    pub fn contents(mut self, memory: &dyn Memory) -> Vec<Range<u64>> {
        self.heaps.sort_unstable_by_key(|heap| heap.start);
        let inside = |at: u64| {
            let next = self.heaps.partition_point(|heap| heap.start <= at);
            next.checked_sub(1).is_some_and(|heap| at < self.heaps[heap].end)
        };
        let cached =
            self.caches.iter().filter_map(|cache| tcache::contents(memory, cache, &inside));
        self.contents.extend(cached.flatten().filter(|part| part.end - part.start >= LEAST));
        self.contents.sort_unstable_by_key(|part| part.start);
        // No two chunks overlap, unless lists were read while they changed.
        self.contents.dedup_by(|next, part| next.start < part.end);
        self.contents
    }
}
