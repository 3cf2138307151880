//! Caches of threads: chunks that were freed and look as if they were in use. Each thread has a struct with a list for
//! each size (`tcache_perthread_struct` in `malloc/malloc.c`), in a chunk of its own on its arena. From 2.42 on there are more
//! lists, for large chunks, and the struct counts how many chunks each has room for.
//!
//! Such a struct is known by what its lists say of each other: as many chunks in each as it counts, each of the size of its
//! list, in use by its header, and with the key that freed chunks have in their second word.

use std::ops::Range;

use super::state::{self, HEADER};
use crate::model::{Address, Memory};

/// Lists of chunks of one size each, the first (`TCACHE_SMALL_BINS`).
const LISTS: usize = 64;
/// Most chunks in a list (`MAX_TCACHE_COUNT` is larger, but nobody sets it).
const LONGEST: u64 = 127;

/// One version of the struct.
struct Layout {
    /// Size of the chunk that has it.
    chunk: u64,
    /// Bytes of each count.
    width: usize,
    /// `TCACHE_MAX_BINS`
    lists: usize,
    /// Whether it counts free places, not chunks.
    counts_room: bool,
}

/// 2.42 on, 2.30 on, and before.
const LAYOUTS: [Layout; 3] = [
    Layout { chunk: 0x300, width: 2, lists: 76, counts_room: true },
    Layout { chunk: 0x290, width: 2, lists: LISTS, counts_room: false },
    Layout { chunk: 0x250, width: 1, lists: LISTS, counts_room: false },
];
/// Fewer chunks with one key may be anything.
const FEWEST: usize = 4;

/// Whether a chunk of such a size can have the struct of a thread.
pub fn may_be(size: u64) -> bool {
    LAYOUTS.iter().any(|layout| layout.chunk == size)
}

/// What in the chunks that a thread has cached is nobody's; `inside` says whether an address is in a heap. Lists that were being
/// changed are left out; `None` where it is no such struct.
pub fn contents(
    memory: &dyn Memory,
    chunk: &Range<u64>,
    inside: &dyn Fn(u64) -> bool,
) -> Option<Vec<Range<u64>>> {
    let size = chunk.end.checked_sub(chunk.start)?;
    let layout = LAYOUTS.iter().find(|layout| layout.chunk == size)?;
    let start = Address(chunk.start.checked_add(HEADER)?);
    let bytes = memory.bytes(start, layout.lists * (layout.width + 8))?;
    let (counts, lists) = bytes.split_at_checked(layout.lists * layout.width)?;
    let (counts, lists) = (layout.counts(counts), state::words(lists));
    let mut cache = Cache { memory, inside, key: None, found: Vec::new() };
    for ((index, count), first) in (0_u64..).zip(counts).zip(lists) {
        if count > LONGEST || (count == 0) != (first == 0) {
            return None;
        }
        if index >= LISTS as u64 {
            continue;
        }
        let before = cache.found.len();
        if cache.follow(first, count, 32 + 16 * index).is_none() {
            cache.found.truncate(before);
        }
    }
    (cache.found.len() >= FEWEST).then_some(cache.found)
}

impl Layout {
    /// Chunks in each list. Where free places are counted, an empty list has as many as any can have.
    fn counts(&self, bytes: &[u8]) -> Vec<u64> {
        let count =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let counts: Vec<u64> = bytes.chunks(self.width).map(count).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        match self.counts_room {
            true => counts.into_iter().map(|room| most - room).collect(),
            false => counts,
        }
    }
}

/// The lists of one thread.
struct Cache<'a> {
    memory: &'a dyn Memory,
    inside: &'a dyn Fn(u64) -> bool,
    /// What all of its chunks have in their second word; from 2.29 on.
    key: Option<u64>,
    found: Vec<Range<u64>>,
}

impl Cache<'_> {
    /// Goes along one list; `None` where it is not what is said of it.
    fn follow(&mut self, first: u64, count: u64, size: u64) -> Option<()> {
        let mut at = first;
        for _ in 0..count {
            let chunk = at.checked_sub(HEADER).filter(|chunk| state::is_chunk(*chunk))?;
            if !(self.inside)(chunk) {
                return None;
            }
            let words = state::words(&self.memory.bytes(Address(chunk + 8), 24)?);
            let [header, link, key] = words[..] else { return None };
            if header & !7 != size || key == 0 || *self.key.get_or_insert(key) != key {
                return None;
            }
            // The last word is that of the next chunk's header which is this one's while it is in use.
            self.found.push(at..chunk.checked_add(size + 8)?);
            at = self.next(link, at)?;
        }
        (at == 0).then_some(())
    }

    /// Where a link leads, which is combined with its own address from 2.32 on.
    fn next(&self, link: u64, at: u64) -> Option<u64> {
        let fits = |next: u64| {
            next == 0 || next.is_multiple_of(16) && next >= HEADER && (self.inside)(next - HEADER)
        };
        [link ^ at >> 12, link].into_iter().find(|next| fits(*next))
    }
}
