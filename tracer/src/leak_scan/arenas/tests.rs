//! Heaps that are made up: pools with free lists, objects, and the words that lead to them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::leak_scan::PointerAlignment;
use crate::model::{Amount, ArenaUse, Memory};

const SIZE: u64 = 16 << 10;
const POOL: u64 = 0x7f00_0010_0000;
const ROOTS: u64 = 0x5555_0000_0000;
/// Addresses of types.
const BYTES: u64 = 0x1000;
const TUPLE: u64 = 0x2000;
const WEAK: u64 = 0x3000;
const TEXT: u64 = 0x4000;
const IMMORTAL: u64 = 0xffff_ffff;

/// Types by their addresses; counts are those of 3.12.
#[derive(Default)]
struct Known;

impl SmallTypes for Known {
    fn at(&mut self, address: Address) -> Option<SmallType> {
        let number = u32::try_from(address.0 >> 12).ok()?;
        let known = [BYTES, TUPLE, WEAK, TEXT].contains(&address.0);
        let collected = [TUPLE, WEAK].contains(&address.0);
        let weak = address.0 == WEAK;
        let text = address.0 == TEXT;
        let extent = if address.0 == BYTES {
            ObjectExtent::Items { base: 33, each: 1 }
        } else {
            ObjectExtent::Unknown
        };
        known.then(|| SmallType { number, collected, weak, text, extent, ..SmallType::default() })
    }

    fn is_alive(&self, word: u64) -> bool {
        word > 0 && word <= IMMORTAL
    }

    fn count(&self, word: u64) -> Option<u64> {
        (word >> 31 == 0).then_some(word)
    }
}

/// Memory by words.
#[derive(Clone, Debug, Default)]
struct Words(BTreeMap<u64, u64>);

impl Memory for Words {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let mut at = address.0;
        for chunk in into.chunks_mut(8) {
            let Some(word) = self.0.get(&(at & !7)) else { return false };
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            at += 8;
        }
        true
    }
}

/// A process with one pool of blocks of 64 bytes, all of which were used once.
#[derive(Clone, Debug)]
struct Heap {
    words: Words,
    free: Vec<u64>,
    roots: u64,
}

const BLOCK: u64 = 64;
const COUNT: u64 = (SIZE - 48) / BLOCK;

fn at(number: u64) -> u64 {
    POOL + 48 + number * BLOCK
}

impl Heap {
    fn new() -> Self {
        let mut words = Words::default();
        words.0.extend((POOL..POOL + SIZE).step_by(8).map(|at| (at, 0)));
        Self { words, free: (0..COUNT).collect(), roots: ROOTS }
    }

    fn put(&mut self, number: u64, words: &[(u64, u64)]) {
        self.free.retain(|free| *free != number);
        for (offset, word) in words {
            self.words.0.insert(at(number) + offset, *word);
        }
    }

    fn bytes(&mut self, number: u64, count: u64) {
        self.put(number, &[(0, count), (8, BYTES), (16, 3), (24, number)]);
    }

    /// An object of the collector that refers to others, in no list.
    fn tuple(&mut self, number: u64, count: u64, items: &[u64]) {
        self.put(number, &[(16, count), (24, TUPLE), (32, items.len() as u64)]);
        for (offset, item) in (40..).step_by(8).zip(items) {
            self.words.0.insert(at(number) + offset, *item);
        }
    }

    /// Words outside of all pools.
    fn root(&mut self, word: u64) {
        self.words.0.insert(self.roots, word);
        self.roots += 8;
    }

    /// Writes header and list of free blocks.
    fn close(&mut self) {
        let mut next = 0;
        for &number in self.free.iter().rev() {
            self.words.0.insert(at(number), next);
            next = at(number);
        }
        let used = COUNT - self.free.len() as u64;
        let header = [
            (0, used),
            (8, next),
            (32, (BLOCK / 16 - 1) << 32),
            (40, (SIZE - BLOCK) << 32 | (48 + COUNT * BLOCK)),
        ];
        self.words.0.extend(header.map(|(offset, word)| (POOL + offset, word)));
    }

    fn pools(&self) -> Pools {
        let ranges = [(POOL, POOL + SIZE)];
        Pools::find(&self.words, &ranges, 16 << 10, &mut Known).expect("few")
    }

    /// One pass: everything is read, then what the process is `then` ends it.
    fn pass(&self, then: &Self) -> Vec<Unmarked> {
        let mut scan = ArenaScan::new(self.pools());
        for (at, word) in &self.words.0 {
            scan.scan(Address(*at), &word.to_le_bytes(), PointerAlignment::Aligned);
        }
        scan.finish(&then.words, &mut Known)
    }

    fn unmarked(&mut self) -> Vec<u64> {
        self.close();
        self.pass(self).iter().map(|block| (block.start.0 - POOL - 48) / BLOCK).collect()
    }

    /// By type: how many are lost, and how many with them.
    fn lost(&mut self) -> Vec<(Option<u64>, u64, u64)> {
        self.close();
        let found = lost(&self.words, &mut Known, self.pass(self), &|_| true);
        let told = |group: &LostGroup| {
            (group.class.map(|class| u64::from(class) << 12), group.old.count, group.within.count)
        };
        found.iter().map(told).collect()
    }
}

#[test]
fn pools_say_how_full_they_are() {
    for objects in [0, 1, 200] {
        let mut heap = Heap::new();
        (0..objects).for_each(|number| heap.bytes(number, 1));
        heap.close();
        let found = heap.pools().arena_use();
        assert_eq!((found.arenas, found.bytes, found.used_bytes), (1, SIZE, objects * BLOCK));
        assert_eq!(found.sparse_arenas, u64::from(objects < 2), "{objects}");
        assert_eq!(found.empty_bytes, if objects == 0 { SIZE } else { 0 });
    }
    assert_eq!(Pools::default().arena_use(), ArenaUse::default());
}

#[test]
fn what_nothing_leads_to_is_lost() {
    let mut heap = Heap::new();
    (0..9).for_each(|number| heap.bytes(number, 1));
    heap.root(at(3));
    heap.root(at(4) + 17);
    heap.root(at(9));
    assert_eq!(heap.unmarked(), [0, 1, 2, 5, 6, 7, 8]);
    assert_eq!(heap.lost(), [(Some(BYTES), 7, 0)]);
}

#[test]
fn what_is_led_to_leads_on() {
    let mut heap = Heap::new();
    heap.tuple(2, 1, &[at(1), at(7) + 16]);
    heap.tuple(7, 1, &[at(0)]);
    [0, 1, 5].into_iter().for_each(|number| heap.bytes(number, 1));
    heap.root(at(2) + 16);
    assert_eq!(heap.unmarked(), [5]);
}

/// Free blocks have the address of another in their first word, and old content behind it.
#[test]
fn free_blocks_lead_nowhere() {
    let mut heap = Heap::new();
    heap.bytes(0, 1);
    heap.bytes(1, 1);
    heap.root(at(2));
    heap.words.0.insert(at(2) + 16, at(1));
    assert_eq!(heap.unmarked(), [0, 1]);
}

/// A block is longer than what it was made for.
#[test]
fn what_lies_behind_an_object_leads_nowhere() {
    let mut heap = Heap::new();
    (0..3).for_each(|number| heap.bytes(number, 1));
    heap.words.0.insert(at(0) + 24, at(1));
    heap.words.0.insert(at(0) + 40, at(2));
    heap.root(at(0));
    assert_eq!(heap.unmarked(), [2]);
}

#[test]
fn lists_of_the_collector_and_weak_references_are_none() {
    let mut heap = Heap::new();
    heap.tuple(0, 1, &[]);
    // A list with its head at the roots.
    heap.put(0, &[(0, ROOTS), (8, ROOTS | 1)]);
    heap.root(at(0) | 1);
    heap.root(at(0) | 2);
    heap.bytes(1, 1);
    // `wr_object`, `wr_callback`, `wr_next`.
    heap.put(2, &[(16, 1), (24, WEAK), (32, at(1)), (40, at(3)), (56, at(4))]);
    heap.bytes(3, 1);
    heap.root(at(2) + 16);
    assert_eq!(heap.unmarked(), [0, 1]);
    assert_eq!(heap.lost(), [(Some(BYTES), 1, 0), (Some(TUPLE), 1, 0)]);
    // A header that nobody's neighbour knows is none: it may be other memory.
    heap.words.0.insert(ROOTS + 8, at(5) | 2);
    assert_eq!(heap.lost(), [(Some(BYTES), 1, 0)]);
}

#[test]
fn only_references_that_nobody_has_make_a_cycle_lost() {
    let cycle = |count| {
        let mut heap = Heap::new();
        heap.tuple(0, count, &[at(1) + 16, at(2)]);
        heap.tuple(1, 1, &[at(0) + 16]);
        heap.bytes(2, 1);
        heap.put(3, &[(0, 0x77)]);
        heap.root(at(3));
        heap.lost()
    };
    assert_eq!(cycle(1), [], "waits for the collector");
    assert_eq!(cycle(2), [(Some(TUPLE), 1, 2)]);
}

#[test]
fn a_lost_chain_is_lost_with_its_first() {
    let mut heap = Heap::new();
    heap.tuple(5, 1, &[at(4) + 16]);
    heap.tuple(4, 1, &[at(3)]);
    heap.bytes(3, 1);
    assert_eq!(heap.lost(), [(Some(TUPLE), 1, 2)]);
}

/// Words that are left over in lost blocks may lead to garbage, which is not lost.
#[test]
fn what_more_words_lead_to_than_it_has_references_is_not_lost_with_them() {
    let raw = [(0, 0x3132_3334), (8, 7)];
    for leads_to in [at(3), at(4) + 16, at(5), at(4) + 24, at(6)] {
        let mut heap = Heap::new();
        // Lost with the block that it has for itself; its last word is left over.
        heap.tuple(0, 1, &[at(1), leads_to]);
        heap.put(1, &raw);
        // Garbage: two in a cycle, with a block and an object; and what nobody else has.
        heap.put(3, &[(0, at(4) + 16), (8, at(5))]);
        heap.tuple(4, 1, &[at(3)]);
        heap.bytes(5, 1);
        heap.bytes(6, 1);
        heap.root(at(6));
        assert_eq!(heap.lost(), [(Some(TUPLE), 1, 1)], "{leads_to:#x}");
    }
}

#[test]
fn memory_that_is_no_object_is_lost_when_no_word_leads_to_it() {
    let raw = [(0, 0x3132_3334), (8, 7)];
    let mut heap = Heap::new();
    (0..3).for_each(|number| heap.put(number, &raw));
    // One in a cycle with itself, and one that garbage leads to.
    heap.put(3, &[(0, at(3) + 8)]);
    heap.put(4, &raw);
    heap.tuple(5, 1, &[at(6) + 16, at(4)]);
    heap.tuple(6, 1, &[at(5) + 16]);
    assert_eq!(heap.lost(), [(None, 4, 0)]);
}

#[test]
fn what_is_never_freed_is_never_claimed() {
    let mut heap = Heap::new();
    heap.bytes(0, IMMORTAL);
    heap.put(1, &[(0, 1), (8, TEXT), (32, 1)]);
    heap.put(2, &[(0, 1), (8, TEXT), (32, 0x64)]);
    // What an immortal object refers to has its reference from there.
    heap.tuple(3, IMMORTAL, &[at(4)]);
    heap.bytes(4, 2);
    assert_eq!(heap.lost(), [(Some(TEXT), 1, 0)]);
}

#[test]
fn what_changed_meanwhile_counts_as_led_to() {
    let mut heap = Heap::new();
    (0..5).for_each(|number| heap.bytes(number, 1));
    heap.tuple(5, 1, &[]);
    heap.close();
    let mut then = heap.clone();
    // Freed, another object there, a new one that leads to an old one, and one that now does.
    then.free.push(0);
    then.bytes(1, 2);
    then.tuple(9, 1, &[at(2)]);
    then.put(5, &[(40, at(3))]);
    then.close();
    let blocks = heap.pass(&then);
    let numbers = blocks.iter().map(|block| (block.start.0 - POOL - 48) / BLOCK);
    assert_eq!(numbers.collect::<Vec<_>>(), [4]);
}

#[test]
fn blocks_are_old_that_were_there_with_the_same_content() {
    let mut heap = Heap::new();
    (0..4).for_each(|number| heap.bytes(number, 1));
    heap.close();
    let ages = heap.pools().ages();
    heap.bytes(3, 2);
    (4..6).for_each(|number| heap.bytes(number, 1));
    heap.close();
    let is_old = |block: &Unmarked| ages.has(block.start, block.print, SIZE);
    let found = lost(&heap.words, &mut Known, heap.pass(&heap), &is_old);
    let amount = |count| Amount { count, bytes: count * BLOCK };
    assert_eq!((found[0].old, found[0].young), (amount(3), amount(3)));
    assert!(!ages.has(Address(POOL + (1 << 20)), 1, SIZE), "no pool");
}

#[test]
fn a_pool_that_is_being_changed_is_memory_like_any_other() {
    let mut heap = Heap::new();
    (0..9).for_each(|number| heap.bytes(number, 1));
    heap.close();
    for (offset, word) in [(0, 8), (8, 0), (8, at(0)), (36, 99), (40, 1)] {
        let mut torn = heap.clone();
        torn.words.0.insert(POOL + offset / 8 * 8, word);
        assert_eq!(torn.pools().all().len(), 0, "{word} at {offset}");
        assert_eq!(torn.pass(&torn), []);
        let whole = heap.pass(&torn);
        assert_eq!(whole, [], "it cannot be told what was freed");
    }
}

/// Which blocks are led to, found block by block.
fn led_to(heap: &Heap, allocated: &[u64]) -> Vec<u64> {
    let target = |word: u64| {
        allocated.iter().copied().find(|number| (at(*number)..at(*number) + BLOCK).contains(&word))
    };
    let roots = heap.words.0.range(ROOTS..ROOTS + 0x1000).map(|(_, word)| *word);
    let mut marked: Vec<u64> = roots.filter_map(target).collect();
    let mut next = 0;
    while let Some(number) = marked.get(next).copied() {
        let content = heap.words.0.range(at(number)..at(number) + BLOCK).map(|(_, word)| *word);
        for found in content.filter_map(target) {
            if !marked.contains(&found) {
                marked.push(found);
            }
        }
        next += 1;
    }
    marked
}

proptest! {
    #[test]
    fn marks_are_those_of_a_slow_search(
        links in proptest::collection::vec((0..40_u64, 2..8_u64, 0..40_u64, 0..BLOCK), 0..80),
        roots in proptest::collection::vec((0..40_u64, 0..BLOCK), 0..6),
        freed in proptest::collection::vec(0..40_u64, 0..10),
    ) {
        let mut heap = Heap::new();
        let allocated: Vec<u64> = (0..40).filter(|number| !freed.contains(number)).collect();
        allocated.iter().for_each(|number| heap.put(*number, &[(0, *number)]));
        for (from, slot, to, offset) in links {
            heap.words.0.insert(at(from) + 8 * slot, at(to) + offset);
        }
        roots.iter().for_each(|(to, offset)| heap.root(at(*to) + offset));
        let unmarked = heap.unmarked();
        let marked = led_to(&heap, &allocated);
        let expected: Vec<u64> =
            allocated.into_iter().filter(|number| !marked.contains(number)).collect();
        prop_assert_eq!(unmarked, expected);
    }

    /// No panic and no end that does not come.
    #[test]
    fn any_bytes_are_taken(words in proptest::collection::vec((0..SIZE, any::<u64>()), 0..60)) {
        let mut heap = Heap::new();
        (0..20).for_each(|number| heap.bytes(number, 1));
        heap.close();
        let mut then = heap.clone();
        for (offset, word) in words {
            then.words.0.insert(POOL + offset / 8 * 8, word);
        }
        let blocks = heap.pass(&then);
        lost(&then.words, &mut Known, blocks, &|_| true);
        let again = then.pass(&heap);
        lost(&heap.words, &mut Known, again, &|_| false);
    }
}
