//! What C structs own: the blocks of an allocator that they lead to, and the objects in those.
//!
//! A table of a C dict, the elements of a `std::vector`, what a holder of pybind11 or a `Box` of Rust
//! points to: nothing says where in there references are, so every word is compared. Only words that
//! are the address of a block lead on, or of what lies behind a count of references or a size at its
//! begin (`Arc` of Rust, `std::make_shared`, sqlite). A block is what its allocator says twice: a
//! header of glibc that agrees with the next one, or a pool of pymalloc.

use std::collections::VecDeque;

use super::pool::{HEADER, Pool};
use super::view::{View, word_at};
use crate::model::Address;

/// Most bytes of a block.
const MOST: u64 = 16 << 20;
/// Most bytes of the blocks of one object.
const MOST_BYTES: u64 = 64 << 20;
/// Most blocks of one object.
const MOST_BLOCKS: u32 = 1 << 18;
/// Most blocks of different sizes on the way to an object. Those of one size are the nodes of a list
/// or tree, which count once, also where there is another block between each two of them.
const HOPS: u8 = 8;
/// What may lie before the value that a pointer means, bytes: two words.
const PREFIX: u64 = 16;
/// The largest block of pymalloc: sizes up to here are believed, as what they are said of was read.
const SMALL: u64 = 512;
/// Bytes read at once.
const CHUNK: usize = 16 << 10;
/// Allocators align to this.
const ALIGNMENT: u64 = 16;

/// Who wants to know what is in blocks.
pub trait BlockVisitor {
    /// A word of a block, and how many blocks lead to it from the struct on, at least one.
    fn word(&mut self, word: Address, hops: u8) -> Next;
    /// Whether the block at an address is to be read: one that was read before is not.
    fn claim(&mut self, block: Address) -> bool;
}

/// What the search does with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is an object, which is no block's business.
    Leave,
    /// It may be the address of a block.
    Follow,
    /// It is what was looked for.
    Stop,
}

/// A block that is still to be read.
struct Open {
    block: Block,
    hops: u8,
    /// Bytes of the block that led to it, 0 for the first.
    before: u64,
}

/// A block of an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    start: Address,
    size: u64,
}

/// Tells `visitor` every word of the blocks that `starts` lead to, and of those that these lead to, the
/// nearest first, as far as it can be an address. Gives the number of words that were read.
pub fn search(view: &View<'_>, starts: &[Address], visitor: &mut dyn BlockVisitor) -> u64 {
    let mut search = Search { view, visitor, open: VecDeque::new(), blocks: 0, bytes: 0 };
    for &start in starts {
        search.add(start, 1, (0, 0));
    }
    while let Some(open) = search.open.pop_front() {
        if !search.read(&open) {
            break;
        }
    }
    search.bytes / 8
}

struct Search<'a, 'v> {
    view: &'a View<'v>,
    visitor: &'a mut dyn BlockVisitor,
    open: VecDeque<Open>,
    blocks: u32,
    bytes: u64,
}

impl Search<'_, '_> {
    /// Adds the block at an address, if there is one, reached from one of so many bytes that was reached
    /// from one of so many.
    fn add(&mut self, at: Address, hops: u8, from: (u64, u64)) {
        let Some(block) = block_at(self.view, at) else { return };
        let known = block.size == from.0 || block.size == from.1;
        let hops = if known { hops.saturating_sub(1).max(1) } else { hops };
        let bytes = self.bytes.saturating_add(block.size);
        let may = hops <= HOPS && self.blocks < MOST_BLOCKS && bytes <= MOST_BYTES;
        if may && self.visitor.claim(block.start) {
            (self.blocks, self.bytes) = (self.blocks + 1, bytes);
            self.open.push_back(Open { block, hops, before: from.0 });
        }
    }

    /// False when what was looked for is found.
    fn read(&mut self, open: &Open) -> bool {
        let mut chunk = [0; CHUNK];
        for at in (0..open.block.size & !7).step_by(CHUNK) {
            let length = usize::try_from(open.block.size - at).unwrap_or(CHUNK).min(CHUNK) & !7;
            let Some(start) = open.block.start.offset(at) else { return true };
            if !self.view.memory.read(start, &mut chunk[..length]) {
                return true;
            }
            let words = (0..length).step_by(8).map(|offset| word_at(&chunk, offset));
            for word in words.filter(|word| can_be_address(*word)).map(Address) {
                match self.visitor.word(word, open.hops) {
                    Next::Leave => {}
                    Next::Follow => self.add(word, open.hops + 1, (open.block.size, open.before)),
                    Next::Stop => return false,
                }
            }
        }
        true
    }
}

fn can_be_address(word: u64) -> bool {
    word.is_multiple_of(8) && (1 << 16..1 << 47).contains(&word)
}

/// The block that begins at an address, or so little before it that the value which it holds does.
fn block_at(view: &View<'_>, at: Address) -> Option<Block> {
    if !at.0.is_multiple_of(8) || !can_be_address(at.0) {
        return None;
    }
    if let Some(block) = in_pool(view, at) {
        return block;
    }
    let starts = (0..=PREFIX).step_by(8).filter_map(|prefix| at.0.checked_sub(prefix));
    starts.filter(|start| start.is_multiple_of(ALIGNMENT)).map(Address).find_map(|start| {
        let size = of_glibc(view, start)?;
        Some(Block { start, size })
    })
}

/// The same number of bytes, if something that begins at an address can have so many: they are mapped,
/// and its allocator does not say that there are fewer.
pub fn fitting(view: &View<'_>, at: Address, bytes: u64) -> Option<u64> {
    let fits = bytes <= SMALL
        || view.mapped.holds(at, bytes)
            && in_pool(view, at).is_none()
            && of_glibc(view, at).is_none_or(|size| bytes <= size);
    fits.then_some(bytes)
}

/// The block of pymalloc at an address or a little before it: `None` when that is in no pool,
/// `Some(None)` when it is in one, where no block begins.
fn in_pool(view: &View<'_>, at: Address) -> Option<Option<Block>> {
    let size = view.objects.pool_size;
    let pool = Address(at.0 & !(u64::from(size) - 1));
    let mut header = [0; HEADER];
    if !view.memory.read(pool, &mut header) {
        return None;
    }
    let bytes = u64::from(Pool::read(&header, pool, size)?.block);
    let inside = at.0.checked_sub(pool.0 + HEADER as u64);
    let begins = inside.and_then(|inside| inside.checked_rem(bytes)).filter(|into| *into <= PREFIX);
    Some(begins.map(|into| Block { start: Address(at.0 - into), size: bytes }))
}

/// Bytes of a block of glibc's malloc: `mchunk_size` before it, with three flags, and where it ends
/// the next one, which says that this one is in use (`malloc/malloc.c`).
fn of_glibc(view: &View<'_>, at: Address) -> Option<u64> {
    const IN_USE: u64 = 1;
    const MAPPED: u64 = 2;
    const LEAST: u64 = 32;
    const PAGE: u64 = 4096;
    let head = view.memory.u64(Address(at.0.checked_sub(8)?))?;
    let size = head & !7;
    if !size.is_multiple_of(ALIGNMENT) || size < LEAST {
        return None;
    }
    if head & MAPPED != 0 {
        let whole = size.is_multiple_of(PAGE) && (at.0 - ALIGNMENT).is_multiple_of(PAGE);
        return whole.then_some(size - ALIGNMENT).filter(|size| *size <= MOST);
    }
    if size > MOST {
        return None;
    }
    let next = view.memory.u64(at.offset(size - 8)?)?;
    (next & IN_USE != 0 && next & MAPPED == 0 && next & !7 >= LEAST).then_some(size - 8)
}

#[cfg(test)]
mod tests;
