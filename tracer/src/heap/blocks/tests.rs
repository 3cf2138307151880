//! Blocks over made-up memory.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::heap::layout::ROWS;
use crate::heap::mapped::Mapped;
use crate::heap::refcount::Refcount;
use crate::heap::view::Budget;
use crate::model::Memory;
use crate::python::Version;
use crate::python::layout::table;

const BASE: u64 = 0x7f00_0000_0000;
/// Words of an image.
const WORDS: usize = 2048;

/// Words from [`BASE`] on.
struct Image(Vec<u64>);

impl Memory for Image {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let Some(from) = address.0.checked_sub(BASE) else { return false };
        for (at, byte) in (from..).zip(into) {
            let word = usize::try_from(at / 8).ok().and_then(|word| self.0.get(word));
            let Some(word) = word else { return false };
            *byte = word.to_le_bytes()[usize::try_from(at % 8).unwrap_or(0)];
        }
        true
    }
}

/// Looks for one address, and counts what it is told.
#[derive(Default)]
struct Visitor {
    wanted: u64,
    found: Option<u8>,
    claimed: HashSet<Address>,
    told: usize,
}

impl BlockVisitor for Visitor {
    fn word(&mut self, word: Address, hops: u8) -> Next {
        self.told += 1;
        if word.0 != self.wanted {
            return Next::Follow;
        }
        self.found = Some(hops);
        Next::Stop
    }

    fn claim(&mut self, block: Address) -> bool {
        self.claimed.insert(block)
    }
}

fn look_for(image: &Image, starts: &[Address], wanted: u64) -> Visitor {
    let layout = *table::layout(Version::new(3, 12, 0)).unwrap();
    let objects = ROWS.iter().find(|row| row.minor == 12).unwrap();
    let budget = Budget::for_heap_bytes(1 << 20);
    let refcount = Refcount::for_minor(12);
    let mapped = Mapped::new([(BASE, BASE + 8 * WORDS as u64)]);
    let (layout, mapped) = (&layout, &mapped);
    let view = View { memory: image, layout, objects, refcount, mapped, budget: &budget };
    let mut visitor = Visitor { wanted, ..Visitor::default() };
    search(&view, starts, &mut visitor);
    visitor
}

/// Blocks of glibc one behind the other, of so many words each, with the words in them.
fn blocks(sizes: &[u64], words: &[(usize, u64, u64)]) -> (Image, Vec<Address>) {
    let mut image = Image(vec![0; WORDS]);
    let mut at = 2;
    let mut starts = Vec::new();
    for size in sizes {
        image.0[at - 1] = 8 * size + 1;
        starts.push(Address(BASE + 8 * at as u64));
        at += usize::try_from(*size).unwrap();
    }
    // The rest of the memory, as the top of a heap.
    image.0[at - 1] = 0x1001;
    for &(block, index, word) in words {
        let place = (starts[block].0 - BASE) / 8 + index;
        image.0[usize::try_from(place).unwrap()] = word;
    }
    (image, starts)
}

#[test]
fn a_block_behind_a_block_is_found() {
    let wanted = 0x7e00_0000_1238;
    let (mut image, starts) = blocks(&[6, 8, 40], &[(1, 3, wanted)]);
    assert_eq!(look_for(&image, &starts[..1], wanted).found, None);
    image.0[2] = starts[1].0;
    assert_eq!(look_for(&image, &starts[..1], wanted).found, Some(2));
    assert_eq!(look_for(&image, &starts[1..2], wanted).found, Some(1));
    // Behind a count of references or a size lies what a pointer means; the middle is none of a block.
    for (inside, found) in [(8, Some(2)), (16, Some(2)), (24, None), (32, None)] {
        image.0[2] = starts[1].0 + inside;
        assert_eq!(look_for(&image, &starts[..1], wanted).found, found, "{inside}");
    }
}

/// A list of C is as long as it is, and blocks that go round end.
#[test]
fn nodes_of_one_size_count_once() {
    let wanted = 0x7e00_0000_1238;
    let sizes = [6; 100];
    let (mut image, starts) = blocks(&sizes, &[(99, 1, wanted)]);
    for (node, next) in starts.iter().zip(&starts[1..]) {
        image.0[usize::try_from((node.0 - BASE) / 8).unwrap()] = next.0;
    }
    assert_eq!(look_for(&image, &starts[..1], wanted).found, Some(1));
    let last = usize::try_from((starts[99].0 - BASE) / 8).unwrap();
    image.0[last] = starts[0].0;
    image.0[last + 1] = 0;
    assert_eq!(look_for(&image, &starts[..1], wanted).claimed.len(), 100);
}

/// As in a trie, whose nodes have tables of different sizes between them.
#[test]
fn nodes_with_tables_between_count_once() {
    let wanted = 0x7e00_0000_1238;
    let sizes: Vec<u64> =
        (0..14).map(|at| if at % 2 == 0 { 6 } else { 8 + at }).map(|size| size & !1).collect();
    let (mut image, starts) = blocks(&sizes, &[(13, 1, wanted)]);
    for (node, next) in starts.iter().zip(&starts[1..]) {
        image.0[usize::try_from((node.0 - BASE) / 8).unwrap()] = next.0;
    }
    assert_eq!(look_for(&image, &starts[..1], wanted).found, Some(8));
}

#[test]
fn blocks_of_ever_other_sizes_are_left_in_the_end() {
    let wanted = 0x7e00_0000_1238;
    let sizes: Vec<u64> = (0..20).map(|number| 6 + 2 * number).collect();
    let (mut image, starts) = blocks(&sizes, &[(19, 1, wanted)]);
    for (node, next) in starts.iter().zip(&starts[1..]) {
        image.0[usize::try_from((node.0 - BASE) / 8).unwrap()] = next.0;
    }
    assert_eq!(look_for(&image, &starts[..1], wanted).found, None);
    let near = &starts[20 - usize::from(HOPS)..][..1];
    assert_eq!(look_for(&image, near, wanted).found, Some(HOPS));
}

proptest! {
    #[test]
    fn lies_end(
        words in proptest::collection::vec(prop_oneof![
            2 => (0..WORDS as u64).prop_map(|word| BASE + 8 * word),
            2 => (2_u64..400).prop_map(|words| 16 * words + 1),
            1 => any::<u64>(),
        ], WORDS),
    ) {
        let starts: Vec<Address> =
            (0..WORDS as u64).step_by(2).map(|word| Address(BASE + 8 * word)).collect();
        let visitor = look_for(&Image(words), &starts, 1);
        prop_assert!(visitor.claimed.len() <= WORDS && visitor.told <= WORDS * WORDS);
    }
}
