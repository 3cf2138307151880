//! Which objects own blocks of an allocator: those that lie in one, and those that lead to one.

use std::rc::Rc;

use super::class::{Class, Kind};
use super::index::AddressMap;
use super::objects::Heap;
use super::view::{View, word_at};
use crate::model::Address;

/// A block of an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Its address.
    pub start: Address,
    /// Its bytes.
    pub size: u64,
}

/// What can lie before an object in its block: the collector's head, a dict and weak references, what a debugging
/// allocator adds.
const BEFORE: u64 = 64;
/// Most bytes of an object, or of a block, in which pointers to blocks are looked for.
const MOST: u64 = 1 << 20;
/// Most bytes of blocks in all.
const ALL: u64 = 128 << 20;
/// Bytes read at once.
const PIECE: usize = 16 << 10;

/// For each of `blocks`, which are by address and do not overlap, the number of the object that owns it: one that
/// lies in it, else one whose struct has its address, else one that does so through other blocks (a list of C, a
/// tree). Where several do, the one with the lowest number.
pub fn owners(view: &View<'_>, heap: &Heap, blocks: &[Block]) -> Vec<Option<u32>> {
    let mut search = Search::new(view, blocks);
    for (number, object) in (0..).zip(heap.objects.iter()) {
        search.inside(number, object.address);
    }
    for (number, object) in (0..).zip(heap.objects.iter()) {
        let class = Rc::clone(heap.classes.get(object.class));
        search.fields(number, object.address, &class);
    }
    search.spread();
    search.owners
}

struct Search<'a, 'v> {
    view: &'a View<'v>,
    blocks: &'a [Block],
    /// From addresses to places in `blocks`.
    places: AddressMap<u32>,
    /// First address of the first block, and the one after the last.
    bounds: (u64, u64),
    owners: Vec<Option<u32>>,
    /// Owned blocks that were not looked at yet.
    open: Vec<usize>,
}

impl<'a, 'v> Search<'a, 'v> {
    fn new(view: &'a View<'v>, blocks: &'a [Block]) -> Self {
        let places = (0..).zip(blocks).map(|(place, block)| (block.start.0, place)).collect();
        let end = blocks.last().map_or(0, |last| last.start.0.saturating_add(last.size));
        let bounds = (blocks.first().map_or(0, |first| first.start.0), end);
        Self { view, blocks, places, bounds, owners: vec![None; blocks.len()], open: Vec::new() }
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
        if !text && let Some(fields) = object.offset(16) {
            self.words(number, fields, class.basic_size.saturating_sub(16).min(MOST));
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

    /// Claims the blocks whose addresses are among the words of a piece of memory.
    fn words(&mut self, number: u32, from: Address, size: u64) {
        let mut piece = [0; PIECE];
        for at in (0..size & !7).step_by(PIECE) {
            let length = usize::try_from((size - at) & !7).unwrap_or(PIECE).min(PIECE);
            let Some(start) = from.offset(at) else { return };
            if !self.view.memory.read(start, &mut piece[..length]) {
                return;
            }
            for offset in (0..length).step_by(8) {
                self.word(number, word_at(&piece, offset));
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
