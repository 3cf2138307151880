//! Which objects own blocks of an allocator: those that lie in one, and those that lead to one.

use super::class::{Class, Kind};
use super::index::AddressMap;
use super::objects::Heap;
use super::view::{View, word_at};
use crate::model::{Address, Memory};

/// A block of an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRange {
    /// Its address.
    pub start: Address,
    /// Its bytes.
    pub size: u64,
}

/// What can lie before an object in its block: the collector's head, a dict and weak references,
/// what a debugging allocator adds.
const BEFORE: u64 = 64;
/// Most bytes of an object, or of a block, in which pointers to blocks are looked for.
const MOST: u64 = 1 << 20;
/// Most bytes of blocks in all.
const ALL: u64 = 128 << 20;
/// Most bytes of structs in all: a size that was made up could have the same memory read again and
/// again.
const ALL_STRUCTS: u64 = 512 << 20;
/// Bytes read at once.
const CHUNK: usize = 16 << 10;

/// For each of `blocks`, which are by address and do not overlap, the number of the object that
/// owns it: one that lies in it, else one whose struct has its address, else one that does so
/// through other blocks (a list of C, a tree). Where several do, the first one found.
pub fn owners(view: &View<'_>, heap: &Heap, blocks: &[BlockRange]) -> Vec<Option<u32>> {
    let mut search = Search::new(view.memory, blocks);
    for (number, object) in (0..).zip(heap.objects.iter()) {
        search.inside(number, object.address);
    }
    for (number, object) in (0..).zip(heap.objects.iter()) {
        search.fields(number, object.address, heap.classes.get(object.class));
    }
    search.spread();
    search.owners
}

struct Search<'a> {
    memory: &'a dyn Memory,
    blocks: &'a [BlockRange],
    /// From addresses to places in `blocks`.
    places: AddressMap<u32>,
    /// First address of the first block, and the one after the last.
    bounds: (u64, u64),
    owners: Vec<Option<u32>>,
    /// Owned blocks that were not looked at yet.
    open: Vec<usize>,
    /// Bytes of structs that may still be read.
    structs: u64,
}

impl<'a> Search<'a> {
    fn new(memory: &'a dyn Memory, blocks: &'a [BlockRange]) -> Self {
        let places = (0..).zip(blocks).map(|(place, block)| (block.start.0, place)).collect();
        let end = blocks.last().map_or(0, |last| last.start.0.saturating_add(last.size));
        let bounds = (blocks.first().map_or(0, |first| first.start.0), end);
        let (owners, open) = (vec![None; blocks.len()], Vec::new());
        Self { memory, blocks, places, bounds, owners, open, structs: ALL_STRUCTS }
    }

    /// Claims the block that an object begins in.
    fn inside(&mut self, number: u32, object: Address) {
        if object.0 < self.bounds.0 || object.0 >= self.bounds.1 {
            return;
        }
        let Some(place) = self.blocks.partition_point(|block| block.start <= object).checked_sub(1)
        else {
            return;
        };
        let before = object.0 - self.blocks[place].start.0;
        if before <= BEFORE && before < self.blocks[place].size {
            self.claim(place, number);
        }
    }

    /// Claims the blocks that the struct of an object leads to.
    fn fields(&mut self, number: u32, object: Address, class: &Class) {
        // Behind their heads is text, or digits.
        let text = matches!(class.kind, Kind::Str | Kind::Bytes | Kind::Int);
        let size = class.basic_size.saturating_sub(16).min(MOST);
        if !text
            && let Some(fields) = object.offset(16)
            && let Some(left) = self.structs.checked_sub(size)
        {
            self.structs = left;
            self.words(number, fields, size);
        }
    }

    /// Claims what owned blocks lead to, and so on.
    fn spread(&mut self) {
        let mut left = ALL;
        while let Some(place) = self.open.pop() {
            let (block, owner) = (self.blocks[place], self.owners[place]);
            let size = block.size.min(MOST);
            let (Some(owner), Some(rest)) = (owner, left.checked_sub(size)) else { continue };
            left = rest;
            self.words(owner, block.start, size);
        }
    }

    /// Claims the blocks whose addresses are among the words of a chunk of memory.
    fn words(&mut self, number: u32, from: Address, size: u64) {
        let mut chunk = [0; CHUNK];
        for at in (0..size & !7).step_by(CHUNK) {
            let length = usize::try_from((size - at) & !7).unwrap_or(CHUNK).min(CHUNK);
            let Some(start) = from.offset(at) else { return };
            if !self.memory.read(start, &mut chunk[..length]) {
                return;
            }
            for offset in (0..length).step_by(8) {
                self.word(number, word_at(&chunk, offset));
            }
        }
    }

    fn word(&mut self, number: u32, word: u64) {
        if word >= self.bounds.0
            && word < self.bounds.1
            && let Some(&place) = self.places.get(&word)
        {
            self.claim(place as usize, number);
        }
    }

    fn claim(&mut self, place: usize, number: u32) {
        if let Some(owner @ None) = self.owners.get_mut(place) {
            *owner = Some(number);
            self.open.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Words by address; all others are 0 below 1 MiB, and cannot be read above.
    struct MemoryWords(BTreeMap<u64, u64>);

    impl Memory for MemoryWords {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            for (at, word) in (address.0..).step_by(8).zip(into.chunks_mut(8)) {
                let value = self.0.get(&at).copied().unwrap_or(0).to_le_bytes();
                word.copy_from_slice(&value[..word.len()]);
            }
            address.0.saturating_add(into.len() as u64) <= 1 << 20
        }
    }

    fn blocks() -> Vec<BlockRange> {
        let block = |start, size| BlockRange { start: Address(start), size };
        vec![block(0x1000, 0x800), block(0x2000, 64), block(0x3000, 64), block(0x4000, 64)]
    }

    fn of(size: u64) -> Class {
        Class { kind: Kind::Opaque, basic_size: size, ..Class::nothing() }
    }

    /// One that an object lies in, one that a struct leads to, one that only another block leads
    /// to, and nobody's.
    #[test]
    fn blocks_have_owners() {
        let memory = MemoryWords([(0x9010, 0x2000), (0x2008, 0x3000), (0x9018, 0x4008)].into());
        let blocks = blocks();
        let mut search = Search::new(&memory, &blocks);
        search.inside(7, Address(0x1010));
        search.inside(8, Address(0x1100));
        search.inside(9, Address(0x5000));
        search.fields(3, Address(0x9000), &of(64));
        search.spread();
        assert_eq!(search.owners, [Some(7), Some(3), Some(3), None]);
    }

    /// The bytes of a string are nobody's pointers, and what cannot be read leads nowhere.
    #[test]
    fn text_leads_nowhere() {
        let memory = MemoryWords([(0x9010, 0x2000)].into());
        let blocks = blocks();
        let mut search = Search::new(&memory, &blocks);
        for kind in [Kind::Str, Kind::Bytes, Kind::Int] {
            search.fields(1, Address(0x9000), &Class { kind, ..of(64) });
        }
        search.fields(1, Address((1 << 20) - 32), &of(64));
        search.fields(1, Address(u64::MAX - 8), &of(u64::MAX));
        assert_eq!(search.owners, [None; 4]);
    }

    /// Sizes that were made up do not make us read without an end.
    #[test]
    fn absurd_sizes_are_bounded() {
        let memory = MemoryWords(BTreeMap::new());
        let blocks = blocks();
        let mut search = Search::new(&memory, &blocks);
        for number in 0..2000 {
            search.fields(number, Address(0x9000), &of(u64::MAX));
        }
        assert_eq!(search.structs, ALL_STRUCTS % MOST);
    }
}
