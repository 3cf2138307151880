//! `struct malloc_state`: one arena.
//!
//! Its fields from `top` on lie at the same distance from each other in every version: `top`,
//! `last_remainder`, 127 list heads of two pointers, a bitmap, `next`, `next_free`, `attached_threads`,
//! `system_mem`, `max_system_mem`. What comes before differs, and with it the distance of the list heads from
//! the begin.

use crate::model::{Address, Memory};

/// Where the list heads begin: from 2.43 on there are no fast bins before them.
pub const BINS: [u64; 2] = [24, 112];
/// Fast bins, where there are any, end where `top` begins.
pub const FAST_BINS: u64 = 10;

/// List heads: `NBINS` without the first, which is not used.
const HEADS: u64 = 127;
const HEAD: u64 = 16;
/// From the list heads on: behind them the bitmap of 16 bytes.
const NEXT: u64 = HEADS * HEAD + 16;
const SYSTEM_MEM: u64 = NEXT + 24;
const MAX_SYSTEM_MEM: u64 = NEXT + 32;
/// Bytes from the list heads to the end.
pub const TAIL: u64 = NEXT + 40;

/// Bytes at the begin of a chunk before those that the program gets: the size of the chunk before, or its last word, and the
/// own size.
pub const HEADER: u64 = 16;

/// Address space of a process ends here.
pub const END: u64 = 1 << 47;

/// An arena whose fields agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArenaState {
    /// The last chunk, from which new memory is cut off; a place in the arena itself before anything was.
    pub top: u64,
    /// Bytes that it has of the system.
    pub system: u64,
    /// First chunks of the fast bins; empty where there are none.
    pub fast: Vec<u64>,
    /// Whether it has any memory.
    pub is_used: bool,
    /// Pointers of its lists that lead out of it: to free chunks.
    pub free: Vec<u64>,
}

/// Reads and checks the arena at `at`, whose list heads begin `bins` bytes later.
pub fn read(memory: &dyn Memory, at: Address, bins: u64) -> Option<ArenaState> {
    let length = usize::try_from(bins + TAIL).ok()?;
    let words = words(&memory.bytes(at, length)?);
    let word = |offset: u64| words.get(usize::try_from(offset / 8).ok()?).copied();
    let heads = at.0.checked_add(bins)?;
    let free = lists(&words[usize::try_from(bins / 8).ok()?..], heads)?;
    let (top, system) = (word(bins - 16)?, word(bins + SYSTEM_MEM)?);
    let most = word(bins + MAX_SYSTEM_MEM)?;
    let is_used = top != heads - 16;
    let plausible = system <= most && most < END && (is_used == (system > 0));
    let has_fast = bins >= 16 + 8 * FAST_BINS;
    let fast = (0..if has_fast { FAST_BINS } else { 0 })
        .map(|index| word(bins - 16 - 8 * FAST_BINS + 8 * index))
        .collect::<Option<Vec<u64>>>()?;
    (plausible && top % 16 == 0 && top < END).then_some(ArenaState {
        top,
        system,
        fast,
        is_used,
        free,
    })
}

/// The arena after this one in the ring.
pub fn next(memory: &dyn Memory, at: Address, bins: u64) -> Option<Address> {
    memory.pointer(Address(at.0.checked_add(bins + NEXT)?))
}

/// Where `next` of list heads at `heads` leads.
pub fn next_of(words: &[u64]) -> Option<u64> {
    words.get(usize::try_from(NEXT / 8).ok()?).copied()
}

/// Checks list heads, which lie at address `heads`: each is empty and points to itself, twice, or points twice
/// to chunks. Gives those pointers.
pub fn lists(words: &[u64], heads: u64) -> Option<Vec<u64>> {
    let mut free = Vec::new();
    for index in 0..HEADS {
        let at = usize::try_from(2 * index).ok()?;
        let own = heads.checked_add(HEAD * index)?.checked_sub(16)?;
        let (forward, back) = (*words.get(at)?, *words.get(at + 1)?);
        match (forward == own, back == own) {
            (true, true) => {}
            (false, false) if is_chunk(forward) && is_chunk(back) => free.extend([forward, back]),
            _ => return None,
        }
    }
    Some(free)
}

/// Whether it can be the address of a chunk.
pub fn is_chunk(at: u64) -> bool {
    at != 0 && at.is_multiple_of(16) && at < END
}

/// Little-endian words.
pub fn words(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks_exact(8);
    words.map(|word| word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))).collect()
}
