//! Where `main_arena` is. It is a static variable without a symbol, but an empty list of free chunks points
//! to its own head, and an arena has 127 of those in a row, most of them empty.

use std::ops::Range;

use super::state::{self, BINS};
use crate::model::{Address, Memory};

/// Most bytes of data that are looked through; libc has some 50 KiB.
const MOST: u64 = 4 << 20;
/// So many of the 127 lists must be empty: those for large chunks nearly always are.
const EMPTY: usize = 32;

/// The main arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainArena {
    /// Where it begins.
    pub address: Address,
    /// Bytes from there to its list heads, which depends on the version.
    pub bins: u64,
}

/// Finds it in writable data of libc. `None` when there is none, or when several things look like one.
pub fn find(memory: &dyn Memory, data: &[Range<u64>]) -> Option<MainArena> {
    let mut found = data.iter().flat_map(|range| in_range(memory, range));
    found.next().filter(|first| found.all(|other| other == *first))
}

fn in_range(memory: &dyn Memory, range: &Range<u64>) -> Vec<MainArena> {
    let length = range.end.saturating_sub(range.start).min(MOST);
    let start = range.start.next_multiple_of(8);
    let bytes =
        usize::try_from(length).ok().and_then(|length| memory.bytes(Address(start), length));
    let words = state::words(&bytes.unwrap_or_default());
    let heads = (0..words.len()).filter(|index| looks_like_heads(&words[*index..], start, *index));
    heads.filter_map(|index| main_arena(memory, &words[index..], address(start, index))).collect()
}

fn address(start: u64, index: usize) -> u64 {
    start.saturating_add(u64::try_from(index).unwrap_or(u64::MAX / 8) * 8)
}

fn looks_like_heads(words: &[u64], start: u64, index: usize) -> bool {
    let heads = address(start, index);
    let free = state::lists(words, heads);
    free.is_some_and(|free| free.len() <= 2 * (127 - EMPTY))
}

/// The arena with these list heads: the ring of arenas, which begins at it, says where it begins.
fn main_arena(memory: &dyn Memory, words: &[u64], heads: u64) -> Option<MainArena> {
    let next = state::next_of(words)?;
    let mut of_version = BINS.iter().filter_map(|&bins| {
        let main = MainArena { address: Address(heads.checked_sub(bins)?), bins };
        let leads_on = next == main.address.0 || super::heap::may_hold_arena(Address(next));
        (leads_on && super::ring(memory, main).is_some()).then_some(main)
    });
    of_version.next().filter(|main| {
        of_version.next().is_none() && state::read(memory, main.address, main.bins).is_some()
    })
}
