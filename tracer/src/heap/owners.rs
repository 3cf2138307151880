//! Which objects own blocks of an allocator: those that lie in one, and those that lead to one.

use super::class::{Class, Kind};
use super::index::AddressMap;
use super::objects::Heap;
use super::size;
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
/// through other blocks (a list of C, a tree). Where several have its address, one whose size covers it: views of an array
/// have it, too, and count none of its data. Else the first one found.
pub fn owners(view: &View<'_>, heap: &Heap, blocks: &[BlockRange]) -> Vec<Option<u32>> {
    let mut search = Search::new(view.memory, blocks);
    for (number, object) in (0..).zip(heap.objects.iter()) {
        search.inside(number, object.address);
    }
    for (number, object) in (0..).zip(heap.objects.iter()) {
        let class = heap.classes.get(object.class);
        let shallow = || size::shallow(view, object.address, class).unwrap_or(0);
        search.fields(number, object.address, class, &shallow);
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
    /// Whether the size of the owner covers the block.
    covered: Vec<bool>,
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
        let (owners, covered) = (vec![None; blocks.len()], vec![false; blocks.len()]);
        let open = Vec::new();
        Self { memory, blocks, places, bounds, owners, covered, open, structs: ALL_STRUCTS }
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
            self.covered[place] = true;
            self.claim(place, number);
        }
    }

    /// Claims the blocks that the struct of an object leads to, and takes those that its size covers from one whose does not.
    fn fields(&mut self, number: u32, object: Address, class: &Class, shallow: &dyn Fn() -> u64) {
        // Behind their heads is text, or digits.
        let text = matches!(class.kind, Kind::Str | Kind::Bytes | Kind::Int);
        let size = class.basic_size.saturating_sub(16).min(MOST);
        if !text
            && let Some(fields) = object.offset(16)
            && let Some(left) = self.structs.checked_sub(size)
        {
            self.structs = left;
            self.words(fields, size, &mut |search, place| {
                if !search.covered[place] && shallow() >= search.blocks[place].size {
                    search.covered[place] = true;
                    search.claim(place, number);
                    search.owners[place] = Some(number);
                }
                search.claim(place, number);
            });
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
            self.words(block.start, size, &mut |search, place| search.claim(place, owner));
        }
    }

    /// Calls `found` for the blocks whose addresses are among the words of a chunk of memory.
    fn words(&mut self, from: Address, size: u64, found: &mut dyn FnMut(&mut Self, usize)) {
        let mut chunk = [0; CHUNK];
        for at in (0..size & !7).step_by(CHUNK) {
            let length = usize::try_from((size - at) & !7).unwrap_or(CHUNK).min(CHUNK);
            let Some(start) = from.offset(at) else { return };
            if !self.memory.read(start, &mut chunk[..length]) {
                return;
            }
            for offset in (0..length).step_by(8) {
                if let Some(place) = self.place(word_at(&chunk, offset)) {
                    found(self, place);
                }
            }
        }
    }

    /// The block that begins at an address.
    fn place(&self, word: u64) -> Option<usize> {
        let is_among = word >= self.bounds.0 && word < self.bounds.1;
        let place = is_among.then(|| self.places.get(&word)).flatten();
        place.map(|&place| place as usize)
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
        search.fields(3, Address(0x9000), &of(64), &|| 64);
        search.spread();
        assert_eq!(search.owners, [Some(7), Some(3), Some(3), None]);
    }

    /// A view of an array is found before the array, or after it; both have the address of the data, and so has what
    /// counts none of it. What lies in a block keeps it.
    #[test]
    fn data_belongs_to_the_array_that_counts_it() {
        let at = |object: u64| (object + 16, 0x2000);
        let memory =
            MemoryWords([at(0x9000), at(0x9100), at(0x9200), (0x9108 + 16, 0x1000)].into());
        let blocks = blocks();
        for order in [[1, 2, 3], [2, 1, 3], [3, 1, 2]] {
            let mut search = Search::new(&memory, &blocks);
            search.inside(7, Address(0x1010));
            for number in order {
                let object = Address(0x8f00 + 0x100 * u64::from(number));
                let shallow = if number == 2 { 4096 } else { 63 };
                search.fields(number, object, &of(64), &|| shallow);
            }
            search.spread();
            assert_eq!(search.owners[..2], [Some(7), Some(2)], "{order:?}");
        }
    }

    /// The bytes of a string are nobody's pointers, and what cannot be read leads nowhere.
    #[test]
    fn text_leads_nowhere() {
        let memory = MemoryWords([(0x9010, 0x2000)].into());
        let blocks = blocks();
        let mut search = Search::new(&memory, &blocks);
        for kind in [Kind::Str, Kind::Bytes, Kind::Int] {
            search.fields(1, Address(0x9000), &Class { kind, ..of(64) }, &|| 64);
        }
        search.fields(1, Address((1 << 20) - 32), &of(64), &|| 64);
        search.fields(1, Address(u64::MAX - 8), &of(u64::MAX), &|| 64);
        assert_eq!(search.owners, [None; 4]);
    }

    /// Sizes that were made up do not make us read without an end.
    #[test]
    fn absurd_sizes_are_bounded() {
        let memory = MemoryWords(BTreeMap::new());
        let blocks = blocks();
        let mut search = Search::new(&memory, &blocks);
        for number in 0..2000 {
            search.fields(number, Address(0x9000), &of(u64::MAX), &|| 64);
        }
        assert_eq!(search.structs, ALL_STRUCTS % MOST);
    }
}
