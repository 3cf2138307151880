//! Caches of threads: chunks that were freed and look as if they were in use. Each thread has a struct with a list for
//! each size (`tcache_perthread_struct` in `malloc/malloc.c`, 2.26 to 2.41), in a chunk of its own on its arena.
//!
//! Such a struct is known by what its lists say of each other: as many chunks in each as it counts, each of the size of its
//! list, in use by its header, and with the key that freed chunks have in their second word.

use std::ops::Range;

use super::state;
use crate::model::{Address, Memory};

/// `TCACHE_MAX_BINS`
const LISTS: usize = 64;
/// Most chunks in a list (`MAX_TCACHE_COUNT` is larger, but nobody sets it).
const LONGEST: u64 = 127;
/// Size of the chunk that has the struct, and bytes of each count in it: 2.30 on, and before.
const KINDS: [(u64, usize); 2] = [(0x290, 2), (0x250, 1)];
const HEADER: u64 = 16;
/// Fewer chunks with one key may be anything.
const FEWEST: usize = 4;

/// Whether a chunk of such a size can have the struct of a thread.
pub fn may_be(size: u64) -> bool {
    KINDS.iter().any(|(of, _)| *of == size)
}

/// What in the chunks that a thread has cached is nobody's; `inside` says whether an address is in a heap. Lists that were being
/// changed are left out; `None` where it is no such struct.
pub fn contents(
    memory: &dyn Memory,
    chunk: &Range<u64>,
    inside: &dyn Fn(u64) -> bool,
) -> Option<Vec<Range<u64>>> {
    let size = chunk.end.checked_sub(chunk.start)?;
    let (_, width) = KINDS.iter().find(|(of, _)| *of == size)?;
    let bytes = memory
        .bytes(Address(chunk.start.checked_add(HEADER)?), usize::try_from(size - HEADER).ok()?)?;
    let (counts, lists) = bytes.split_at_checked(LISTS * width)?;
    let lists = state::words(lists.get(..8 * LISTS)?);
    let mut cache = Cache { memory, inside, key: None, found: Vec::new() };
    for ((index, count), first) in (0_u64..).zip(counts.chunks(*width)).zip(lists) {
        let count = count.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        if count > LONGEST || (count == 0) != (first == 0) {
            return None;
        }
        let before = cache.found.len();
        if cache.follow(first, count, 32 + 16 * index).is_none() {
            cache.found.truncate(before);
        }
    }
    (cache.found.len() >= FEWEST).then_some(cache.found)
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
