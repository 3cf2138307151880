//! One pass over the memory of a process.

mod unread;

use super::tags::{self, TagLink};
use super::{Blocks, SearchedBlock};
use crate::model::{Address, Memory};
pub use unread::SoFar;

/// Most references between blocks that are remembered, 8 bytes each. Beyond it a block that another
/// one points to counts as referenced.
const LINKS: usize = 4 << 20;
/// Most references that may be the allocator's own; beyond it they count like any other.
const TAG_LINKS: usize = 64 << 10;
const WORD: usize = 8;

/// Where pointers can stand in a chunk of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerAlignment {
    /// At multiples of 8: data.
    Aligned,
    /// Anywhere: code that was made at run time carries addresses within its instructions.
    Anywhere,
}

/// The result of a pass, by the numbers of blocks.
#[derive(Debug)]
pub struct ScanOutcome {
    /// The blocks that were looked for.
    pub blocks: Blocks,
    /// Whether nothing leads to it.
    pub unreachable: Vec<bool>,
    /// Where the only words stand, outside of all blocks, that point to it: the first of them, when
    /// they are as close to each other as those of one object.
    pub sole: Vec<Option<Address>>,
    /// Bytes that were not read of blocks to which something leads. Where there are any, they may
    /// lead to any block, so that none is proved unreachable.
    pub doubtful_bytes: u64,
}

/// Words that are no further apart may stand in one object.
const OBJECT: u64 = 128;
/// Stands for more than one place.
const MANY: u64 = u64::MAX;

/// What was seen of the memory so far.
#[derive(Debug)]
pub struct LeakScan {
    blocks: Blocks,
    seen: Seen,
}

/// References, by the numbers of blocks.
#[derive(Debug, Default)]
struct Seen {
    /// Blocks that something outside of all blocks points to.
    rooted: Vec<bool>,
    /// The place that points to it; 0 for none, [`MANY`].
    places: Vec<u64>,
    /// From which block to which.
    links: Vec<(u32, u32)>,
    /// References that the allocator's own lists may have made.
    tags: Vec<TagLink>,
    /// Blocks of which a part was not read, and how many bytes.
    unread: Vec<(usize, u64)>,
}

impl LeakScan {
    /// Nothing seen yet.
    pub fn new(blocks: Blocks) -> Self {
        let count = blocks.all().len();
        let seen = Seen { rooted: vec![false; count], places: vec![0; count], ..Seen::default() };
        Self { blocks, seen }
    }

    /// The blocks that are looked for.
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Takes a chunk of memory from `at` on. Chunks may come in any order, and twice.
    pub fn scan(&mut self, at: Address, bytes: &[u8], words: PointerAlignment) {
        match words {
            PointerAlignment::Aligned => self.look_aligned(at.0, bytes),
            // Blocks in such memory are not told apart from the rest of it.
            PointerAlignment::Anywhere => {
                for word in bytes.windows(WORD) {
                    if let Some(target) = self.blocks.find(value(word)) {
                        self.seen.root(target, MANY);
                    }
                }
            }
        }
    }

    fn look_aligned(&mut self, at: u64, bytes: &[u8]) {
        let unaligned = usize::try_from(at.next_multiple_of(8) - at).unwrap_or(0);
        let (mut at, mut rest) = (at.next_multiple_of(8), bytes.get(unaligned..).unwrap_or(&[]));
        let mut next = self.blocks.first_behind(at);
        // Each turn takes what lies before the next block, or the next block.
        while rest.len() >= WORD {
            let (start, end) = self.blocks.bounds(next).unwrap_or((u64::MAX, u64::MAX));
            let inside = start <= at;
            // A word belongs to where it begins.
            let until = (if inside { end } else { start }).checked_next_multiple_of(8);
            let wanted = until.map_or(u64::MAX, |until| until.saturating_sub(at));
            let length =
                usize::try_from(wanted).map_or(rest.len(), |wanted| wanted.min(rest.len()));
            let (chunk, behind) = rest.split_at(length);
            match inside {
                true => self.seen.inside(&self.blocks, next, chunk),
                false => self.seen.outside(&self.blocks, at, chunk),
            }
            next += usize::from(inside);
            (at, rest) = (at.saturating_add(length as u64), behind);
        }
    }

    /// Ends the pass. `gone` says which blocks were freed
    /// meanwhile: what stood there may be somebody else's, so that whatever it points to counts as
    /// referenced. `memory` is asked for the allocator's own pointers.
    pub fn finish(self, memory: &dyn Memory, gone: impl Fn(&SearchedBlock) -> bool) -> ScanOutcome {
        let Self { blocks, mut seen } = self;
        for (rooted, block) in seen.rooted.iter_mut().zip(blocks.all()) {
            *rooted |= gone(block);
        }
        for link in std::mem::take(&mut seen.tags) {
            if !seen.rooted[link.block] && !tags::is_of_allocator(memory, &link) {
                seen.root(link.block, MANY);
            }
        }
        let sole = seen.places.iter().map(|&place| match place {
            0 | MANY => None,
            place => Some(Address(place)),
        });
        let sole = sole.collect();
        let reached = seen.spread();
        let doubtful = seen.unread.iter().filter(|(block, _)| reached[*block]);
        let doubtful_bytes = doubtful.map(|(_, bytes)| bytes).sum();
        let unreachable = reached.into_iter().map(|reached| !reached).collect();
        ScanOutcome { blocks, unreachable, sole, doubtful_bytes }
    }
}

/// Bits of one digit of a Python integer (`PyLong_SHIFT`, `Include/cpython/longintrepr.h`).
const DIGIT: u32 = 30;

/// The address that a Python integer of two digits holds when they stand in this word: programs
/// keep what `ctypes` gave them as integers. Digits are 32 bits wide each, of which 30 are used.
pub(super) fn integer(word: u64) -> Option<u64> {
    let (low, high) = (word & 0xffff_ffff, word >> 32);
    // No address of a process has more than 47 bits.
    let plausible = low < 1 << DIGIT && high > 0 && high < 1 << (47 - DIGIT);
    plausible.then_some(low | high << DIGIT)
}

impl Seen {
    /// Words outside of all blocks: roots.
    fn outside(&mut self, blocks: &Blocks, at: u64, bytes: &[u8]) {
        for (index, word) in bytes.chunks_exact(WORD).enumerate() {
            let word = value(word);
            if let Some(target) = integer(word).and_then(|address| blocks.find(address)) {
                self.root(target, MANY);
            }
            if let Some(target) = blocks.find(word)
                && self.places[target] != MANY
            {
                let place = at + (index * WORD) as u64;
                match tags::possible(blocks, target, word, place) {
                    Some(link) if self.tags.len() < TAG_LINKS => self.tags.push(link),
                    _ => self.root(target, place),
                }
            }
        }
    }

    fn root(&mut self, target: usize, place: u64) {
        self.rooted[target] = true;
        let known = &mut self.places[target];
        *known = match *known {
            0 => place,
            // A `bytearray` has two.
            known if place != MANY && known.abs_diff(place) < OBJECT => known,
            _ => MANY,
        };
    }

    /// Words of a block: they count if the block does.
    fn inside(&mut self, blocks: &Blocks, owner: usize, bytes: &[u8]) {
        for word in bytes.chunks_exact(WORD) {
            if let Some(target) = blocks.find(value(word))
                && target != owner
                && !self.rooted[target]
            {
                self.link(owner, target);
            }
        }
    }

    fn link(&mut self, owner: usize, target: usize) {
        match (u32::try_from(owner), u32::try_from(target)) {
            (Ok(from), Ok(to)) if !self.rooted[owner] && self.links.len() < LINKS => {
                if self.links.last() != Some(&(from, to)) {
                    self.links.push((from, to));
                }
            }
            _ => self.root(target, MANY),
        }
    }

    /// Follows the references between blocks from those that count to all that they lead to.
    fn spread(&mut self) -> Vec<bool> {
        let Self { rooted, links, .. } = self;
        let mut reached = rooted.clone();
        links.sort_unstable();
        links.dedup();
        let mut open: Vec<usize> = (0..reached.len()).filter(|&number| reached[number]).collect();
        while let Some(from) = open.pop() {
            let first = links.partition_point(|link| (link.0 as usize) < from);
            for &(_, to) in links[first..].iter().take_while(|link| link.0 as usize == from) {
                if !std::mem::replace(&mut reached[to as usize], true) {
                    open.push(to as usize);
                }
            }
        }
        reached
    }
}

#[inline]
fn value(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}
