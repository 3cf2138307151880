use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tags::possible;
use super::*;
use crate::model::{Address, Memory, UnreachableBlocks};

const BASE: u64 = 0x7f00_0000_0000;

/// Words by address; what is not there cannot be read.
#[derive(Clone, Debug, Default)]
struct MemoryWords(BTreeMap<u64, u64>);

impl Memory for MemoryWords {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let word = self.0.get(&address.0).map(|word| word.to_le_bytes());
        let read = word.as_ref().and_then(|word| word.get(..into.len()));
        read.is_some_and(|read| {
            into.copy_from_slice(read);
            true
        })
    }
}

fn block(start: u64, size: u64) -> SearchedBlock {
    SearchedBlock { start: Address(start), size, site: 1, born_ns: 0 }
}

fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Which of the blocks are unreachable, when the memory is the given chunks.
fn unreachable(blocks: &[SearchedBlock], chunks: &[(u64, Vec<u64>)]) -> Vec<bool> {
    let mut memory = MemoryWords::default();
    let mut search = LeakScan::new(Blocks::new(blocks.to_vec()));
    for (at, values) in chunks {
        search.scan(Address(*at), &words(values), PointerAlignment::Aligned);
        let places = (*at..).step_by(8);
        memory.0.extend(places.zip(values.iter().copied()));
    }
    search.finish(&memory, |_| false).unreachable
}

#[test]
fn every_byte_of_a_block_is_a_reference_and_its_end_is_none() {
    let blocks = [block(BASE, 100)];
    for (word, is_unreachable) in [(0, false), (1, false), (99, false), (100, true)] {
        assert_eq!(
            unreachable(&blocks, &[(0x1000, vec![7, BASE + word])]),
            [is_unreachable],
            "{word}"
        );
    }
    assert_eq!(
        unreachable(&blocks, &[(0x1000, vec![BASE - 1, 0, u64::MAX, 0x3ff0_0000_0000_0000])]),
        [true]
    );
    assert_eq!(unreachable(&[block(BASE, 0)], &[(0x1000, vec![BASE])]), [false]);
}

#[test]
fn a_block_does_not_keep_itself_and_an_unreachable_list_not_its_links() {
    let [a, b, c] = [BASE, BASE + 0x1000, BASE + 0x2000];
    let blocks = [block(a, 64), block(b, 64), block(c, 64)];
    let list = [(a, vec![b, a]), (b, vec![c, 0]), (c, vec![a, c + 8])];
    assert_eq!(unreachable(&blocks, &list), [true; 3]);
    // The head is enough, wherever it stands and whenever it is read.
    let mut kept = list.to_vec();
    kept.push((a + 64, vec![c]));
    assert_eq!(unreachable(&blocks, &kept), [false; 3]);
    kept.rotate_right(1);
    assert_eq!(unreachable(&blocks, &kept), [false; 3]);
}

#[test]
fn an_address_that_python_keeps_as_an_integer_is_a_reference() {
    let digits = |address: u64| (address & 0x3fff_ffff) | (address >> 30) << 32;
    assert_eq!(unreachable(&[block(BASE, 100)], &[(0x1000, vec![digits(BASE)])]), [false]);
    assert_eq!(unreachable(&[block(BASE, 100)], &[(0x1000, vec![digits(BASE + 100)])]), [true]);
}

#[test]
fn unaligned_words_count_only_in_code() {
    let mut bytes = vec![0x48, 0xb8];
    bytes.extend((BASE + 4).to_le_bytes());
    bytes.extend([0; 16]);
    for (place, is_unreachable) in
        [(PointerAlignment::Aligned, true), (PointerAlignment::Anywhere, false)]
    {
        let mut search = LeakScan::new(Blocks::new(vec![block(BASE, 8)]));
        search.scan(Address(0x1000), &bytes, place);
        assert_eq!(search.finish(&MemoryWords::default(), |_| false).unreachable, [is_unreachable]);
    }
}

#[test]
fn what_a_freed_block_held_counts() {
    let blocks = vec![block(BASE, 16), SearchedBlock { born_ns: 5, ..block(BASE + 32, 16) }];
    let mut search = LeakScan::new(Blocks::new(blocks));
    search.scan(Address(BASE + 32), &words(&[BASE]), PointerAlignment::Aligned);
    assert_eq!(
        search.finish(&MemoryWords::default(), |block| block.born_ns == 5).unreachable,
        [false; 2]
    );
}

#[test]
fn the_only_place_that_points_to_a_block_is_known() {
    let blocks = vec![block(BASE, 64), block(BASE + 64, 64), block(BASE + 128, 64)];
    let mut search = LeakScan::new(Blocks::new(blocks));
    let bytes = words(&[BASE, BASE + 8, BASE + 64]);
    search.scan(Address(0x3000), &words(&[BASE + 64]), PointerAlignment::Aligned);
    search.scan(Address(0x1000), &bytes, PointerAlignment::Aligned);
    search.scan(Address(0x1000), &bytes, PointerAlignment::Aligned);
    let outcome = search.finish(&MemoryWords::default(), |_| false);
    assert_eq!(outcome.sole, [Some(Address(0x1000)), None, None]);
    assert_eq!(outcome.unreachable, [false, false, true]);
}

/// A leaked block of 40 bytes that uses all of its chunk; behind it a free one in a list with its
/// head at `bin`.
#[test]
fn lists_of_free_chunks_are_no_references() {
    let (bin, chunk) = (0x5000, BASE + 32);
    let free = |next, previous| (chunk, vec![0, 0x91, next, previous]);
    let heads = (bin + 16, vec![chunk, chunk]);
    assert_eq!(unreachable(&[block(BASE, 40)], &[heads.clone(), free(bin, bin)]), [true]);
    // The same words, but the list does not know the place that points here.
    assert_eq!(unreachable(&[block(BASE, 40)], &[heads.clone(), free(bin + 8, bin + 8)]), [false]);
    // A true pointer beside those of the list.
    let both = [heads.clone(), free(bin, bin), (0x9000, vec![chunk])];
    assert_eq!(unreachable(&[block(BASE, 40)], &both), [false]);
    assert_eq!(unreachable(&[block(BASE, 40)], &[heads]), [false], "cannot be read any more");
}

#[test]
fn blocks_that_cannot_be_are_left_out() {
    let impossible = [
        block(BASE, 32),
        block(BASE + 16, 32),
        block(BASE + 64, 1),
        block(BASE + 65, 1),
        block(u64::MAX - 4, 100),
        block(1 << 47, 8),
        block(0x10000, u64::MAX),
    ];
    let blocks = Blocks::new(impossible.to_vec());
    assert_eq!(blocks.all(), [block(BASE, 32), block(BASE + 64, 1)]);
    assert_eq!(Blocks::new(Vec::new()).find(0), None);
}

#[test]
fn sites_are_summed_up_by_bytes() {
    let of = |site, size| SearchedBlock { site, ..block(BASE, size) };
    let blocks = [
        (of(1, 10), true),
        (of(2, 90), false),
        (of(1, 10), false),
        (of(2, 90), true),
        (of(3, 9999), true),
    ];
    let sites = tally(blocks.iter().map(|(block, unreachable)| (block, *unreachable)), 2);
    let found = UnreachableBlocks { looked_for: 2, unreachable: 1 };
    let wanted = [
        SiteUnreachable { site: 2, found, bytes: 180 },
        SiteUnreachable { site: 1, found, bytes: 20 },
    ];
    assert_eq!(sites, wanted);
}

/// The same question, answered word by word.
fn unreachable_slowly(blocks: &[SearchedBlock], memory: &BTreeMap<u64, u64>) -> Vec<bool> {
    let holds = |block: &SearchedBlock, address: u64| {
        address >= block.start.0 && address < block.start.0 + block.size.max(1)
    };
    let mut reached = vec![false; blocks.len()];
    loop {
        let before = reached.clone();
        for (place, word) in memory {
            let owner = blocks.iter().position(|block| holds(block, *place));
            let target = blocks.iter().position(|block| holds(block, *word));
            if let Some(target) = target
                && owner.is_none_or(|owner| reached[owner])
            {
                reached[target] = true;
            }
        }
        if before == reached {
            return reached.into_iter().map(|reached| !reached).collect();
        }
    }
}

/// Blocks in three places far from each other, and where each of them begins at multiples of 8, as
/// the chunks of an allocator do.
fn any_blocks() -> impl Strategy<Value = Vec<SearchedBlock>> {
    let places = [0x5555_0000_0000, BASE, BASE + (1 << 26) - 512];
    let one = (0..3_usize, 0..5_u64, 0..200_u64);
    proptest::collection::vec(one, 0..40).prop_map(move |blocks| {
        let mut free = places;
        let place = |(place, gap, size): (usize, u64, u64)| {
            let start = free[place] + 8 * gap;
            free[place] = (start + size.max(1)).next_multiple_of(8);
            block(start, size)
        };
        let mut blocks: Vec<SearchedBlock> = blocks.into_iter().map(place).collect();
        blocks.sort_unstable();
        blocks
    })
}

proptest! {
    #[test]
    fn fast_and_slow_agree(
        blocks in any_blocks(),
        pointers in proptest::collection::vec((any::<u16>(), any::<u16>(), 0..300_u64), 0..120),
        cut in 1..64_usize,
    ) {
        // A memory that covers all blocks and a few pages of roots.
        let mut memory: BTreeMap<u64, u64> = (0x1000..0x1100).step_by(8).map(|at| (at, 0)).collect();
        for block in &blocks {
            let end = block.start.0 + block.size + 64;
            memory.extend((block.start.0..end).step_by(8).map(|at| (at, 0)));
        }
        let places: Vec<u64> = memory.keys().copied().collect();
        let indexed = Blocks::new(blocks.clone());
        // What looks like the allocator's own lists has tests of its own.
        let is_tag = |word| (0..blocks.len()).any(|at| possible(&indexed, at, word, 0).is_some());
        for (place, target, offset) in pointers {
            if let Some(target) = blocks.get(usize::from(target) % blocks.len().max(1)) {
                let word = target.start.0 + offset;
                let word = if is_tag(word) { target.start.0 } else { word };
                memory.insert(places[usize::from(place) % places.len()], word);
            }
        }
        // In chunks, as a reader brings them.
        let mut chunks: Vec<(u64, Vec<u64>)> = Vec::new();
        for (&at, &word) in &memory {
            match chunks.last_mut() {
                Some((start, chunk)) if *start + 8 * chunk.len() as u64 == at && chunk.len() < cut => {
                    chunk.push(word);
                }
                _ => chunks.push((at, vec![word])),
            }
        }
        let slowly = unreachable_slowly(&blocks, &memory);
        prop_assert_eq!(unreachable(&blocks, &chunks), slowly.clone());
        chunks.reverse();
        prop_assert_eq!(unreachable(&blocks, &chunks), slowly);
    }

    #[test]
    fn any_bytes_and_blocks_are_taken(
        blocks in proptest::collection::vec((any::<u64>(), any::<u16>()), 0..50),
        at in any::<u64>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let blocks = blocks.into_iter().map(|(start, size)| block(start >> 17, u64::from(size)));
        let mut search = LeakScan::new(Blocks::new(blocks.collect()));
        search.scan(Address(at), &bytes, PointerAlignment::Aligned);
        search.scan(Address(at), &bytes, PointerAlignment::Anywhere);
        search.finish(&MemoryWords::default(), |_| false);
    }
}
