//! Chunks that the program has freed and that are not marked as free: those of fast bins, which are lists of chunks of
//! one small size. The pointer to the next one is stored as it is up to 2.31, later combined with its own
//! address (`PROTECT_PTR` in `malloc/malloc.c`).

use std::ops::Range;

use super::state::{self, HEADER};
use crate::model::{Address, Memory};

/// Most chunks of an arena that are followed.
const MOST: usize = 1 << 16;

/// What is in fast bins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FastChunks {
    /// Bytes, also of lists that make no sense at some place.
    pub bytes: u64,
    /// Chunks in lists that come to their end: these are free.
    pub free: Vec<Range<u64>>,
}

/// What is in fast bins, given their first chunks; `inside` says whether an address is in a heap of the arena.
pub fn fast_bins(memory: &dyn Memory, first: &[u64], inside: impl Fn(u64) -> bool) -> FastChunks {
    let mut found = FastChunks::default();
    for (index, first) in (0_u64..).zip(first) {
        let size = 32 + 16 * index;
        let left = MOST.saturating_sub(found.free.len());
        let follow = |combined| follow(memory, (*first, size), combined, &inside, left);
        let both = [true, false].map(follow).into_iter();
        let (chunks, ends) =
            both.max_by_key(|(chunks, ends)| (*ends, chunks.len())).unwrap_or_default();
        found.bytes = chunks.iter().fold(found.bytes, |sum, _| sum.saturating_add(size));
        if ends {
            found.free.extend(chunks.into_iter().map(|at| at..at.saturating_add(size)));
        }
    }
    found
}

/// The chunks of a list, in one of the two notations, up to where it makes no sense; and whether it comes to its end.
fn follow(
    memory: &dyn Memory,
    (first, size): (u64, u64),
    combined: bool,
    inside: &dyn Fn(u64) -> bool,
    most: usize,
) -> (Vec<u64>, bool) {
    let mut chunks = Vec::new();
    let mut at = first;
    while at != 0 {
        if chunks.len() >= most || !state::is_chunk(at) || !inside(at) {
            return (chunks, false);
        }
        let Some([_, link]) = words(memory, at).filter(|[word, _]| word & !7 == size) else {
            return (chunks, false);
        };
        chunks.push(at);
        at = if combined { link ^ (at + HEADER) >> 12 } else { link };
    }
    (chunks, true)
}

/// Size and first word of contents.
fn words(memory: &dyn Memory, at: u64) -> Option<[u64; 2]> {
    state::words(&memory.bytes(Address(at + 8), 16)?).try_into().ok()
}
