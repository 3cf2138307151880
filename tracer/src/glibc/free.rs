//! Where free chunks are: memory that holds nothing of the program, only what was there before it was freed.

use std::ops::Range;

/// Smaller ones are not worth a place: what is left in them leads to little.
const LEAST: u64 = 64;
/// Most that are known of one arena, 16 bytes each.
const MOST: usize = 1 << 18;
/// Bytes at the begin of a chunk that are not its own: what stands there may belong to the chunk before.
const HEADER: u64 = 16;

/// Free chunks of one arena, by address within each of its heaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeChunks(Vec<Range<u64>>);

impl FreeChunks {
    /// Takes down a chunk that is free, from its begin to that of the next one.
    pub fn add(&mut self, chunk: &Range<u64>) {
        let content = chunk.start.saturating_add(HEADER)..chunk.end;
        if content.end.saturating_sub(content.start) >= LEAST && self.0.len() < MOST {
            self.0.push(content);
        }
    }

    /// What in them is nobody's.
    pub fn contents(self) -> Vec<Range<u64>> {
        self.0
    }
}
