//! Pointers of glibc's allocator that look like references to a block, and are none.
//!
//! A free chunk stands in doubly linked lists, whose pointers lead to the begin of the chunk
//! (`malloc/malloc.c`, "Chunk representation"). That is 16 bytes before its first usable byte, and
//! its first 8 bytes are lent to the block before it: where that one uses them, it seems to be
//! pointed to for as long as its neighbour is free. The lists themselves tell: what chunk P calls
//! its next calls P its previous.

use super::Blocks;
use crate::model::{Address, Memory};

const WORD: u64 = 8;
/// Chunks are a multiple of this.
const ALIGNMENT: u64 = 16;
const SMALLEST: u64 = 24;
/// Where a free chunk has its links: next and previous of its list, and of the list of sizes.
const NEXT: u64 = 16;
const PREVIOUS: u64 = 24;
const NEXT_SIZE: u64 = 32;
const PREVIOUS_SIZE: u64 = 40;

/// A reference that the allocator may have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TagLink {
    /// The number of the block that it seems to lead to.
    pub(super) block: usize,
    /// What it says: the begin of the chunk behind the block.
    chunk: u64,
    /// Where it stands.
    place: u64,
}

/// The reference from `place` to a block, if it leads to where the chunk behind the block begins.
pub(super) fn possible(blocks: &Blocks, block: usize, word: u64, place: u64) -> Option<TagLink> {
    let known = blocks.all().get(block)?;
    let usable = known.size.checked_add(WORD + ALIGNMENT - 1)? / ALIGNMENT * ALIGNMENT - WORD;
    let chunk = known.start.0.checked_add(usable.max(SMALLEST) - WORD)?;
    (word == chunk).then_some(TagLink { block, chunk, place })
}

/// Whether a free chunk begins there that names the place as its neighbour in a list. If the chunk
/// has been taken out of the list since, this is denied: the reference then counts.
pub(super) fn is_of_allocator(memory: &dyn Memory, link: &TagLink) -> bool {
    let names = |field: u64, neighbour_field: u64| {
        let field = link.chunk.checked_add(field).map(Address);
        let neighbour = field.and_then(|field| memory.u64(field));
        neighbour.is_some() && neighbour == link.place.checked_sub(neighbour_field)
    };
    names(PREVIOUS, NEXT)
        || names(NEXT, PREVIOUS)
        || names(PREVIOUS_SIZE, NEXT_SIZE)
        || names(NEXT_SIZE, PREVIOUS_SIZE)
}
