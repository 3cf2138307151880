//! Chunks that the program has freed and that are not marked as free: those of fast bins, which are lists of chunks of
//! one small size. The pointer to the next one is stored as it is up to 2.31, later combined with its own
//! address (`PROTECT_PTR` in `malloc/malloc.c`).

use super::state;
use crate::model::{Address, Memory};

/// Most chunks of an arena that are followed.
const MOST: usize = 1 << 16;

/// Bytes in fast bins, given their first chunks; `inside` says whether an address is in a heap of the arena. What makes no
/// sense ends a list.
pub fn fast_bins(memory: &dyn Memory, first: &[u64], inside: impl Fn(u64) -> bool) -> u64 {
    let mut left = MOST;
    let mut sum = 0_u64;
    for (index, first) in (0_u64..).zip(first) {
        let (mut at, size) = (*first, 32 + 16 * index);
        while at != 0 && left > 0 && state::is_chunk(at) && inside(at) {
            left -= 1;
            let Some([word, link]) = words(memory, at) else { break };
            if word & !7 != size {
                break;
            }
            sum = sum.saturating_add(size);
            at = next(link, at, &inside).unwrap_or(0);
        }
    }
    sum
}

/// Size and first word of contents.
fn words(memory: &dyn Memory, at: u64) -> Option<[u64; 2]> {
    state::words(&memory.bytes(Address(at + 8), 16)?).try_into().ok()
}

/// The chunk that a link leads to, in the notation that makes sense; `None` at the end.
fn next(link: u64, at: u64, inside: impl Fn(u64) -> bool) -> Option<u64> {
    let combined = link ^ (at + 16) >> 12;
    [link, combined].into_iter().find(|next| state::is_chunk(*next) && inside(*next))
}
