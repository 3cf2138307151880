//! Blocks of the live table that cannot be: the free of each was missed.
//!
//! An allocator never hands out memory that is in use, and memory that is in use is mapped. So of two
//! blocks that overlap the older one is gone, and so is a block where nothing is mapped. A few of
//! them are no wonder; many say that blocks of their allocator end in a way that no probe sees.

/// A block of the live table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlacedBlock {
    /// Address of its first byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// When it was allocated, nanoseconds of any clock.
    pub born_ns: u64,
    /// The number of its allocator.
    pub allocator: usize,
}

/// Blocks of one allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consistency {
    /// Those that were looked at.
    pub blocks: u64,
    /// Those of them that cannot be.
    pub impossible: u64,
}

/// Fewer impossible blocks than this prove nothing.
const FEWEST: u64 = 16;
/// Nor does less than one block in so many.
const SHARE: u64 = 20;

impl PlacedBlock {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.size.max(1))
    }
}

impl Consistency {
    /// Whether live blocks of this allocator may be believed.
    pub const fn is_credible(&self) -> bool {
        self.impossible < FEWEST || self.impossible < self.blocks / SHARE
    }
}

/// Counts them for allocators numbered from 0 to `allocators`. All blocks must have been live at the
/// moment for which `mapped` says, by address, which ranges were; nothing where that is not known.
pub fn consistency(
    mut blocks: Vec<PlacedBlock>,
    mapped: Option<&[(u64, u64)]>,
    allocators: usize,
) -> Vec<Consistency> {
    blocks.sort_unstable();
    let mut found = vec![Consistency::default(); allocators];
    let mut impossible = vec![false; blocks.len()];
    // The block that reaches furthest of those before.
    let mut furthest: Option<usize> = None;
    for (index, block) in blocks.iter().enumerate() {
        impossible[index] |= mapped.is_some_and(|mapped| !is_mapped(mapped, block));
        if let Some(before) = furthest.filter(|before| blocks[*before].end() > block.start) {
            let older = if blocks[before].born_ns <= block.born_ns { before } else { index };
            impossible[older] = true;
        }
        if furthest.is_none_or(|before| blocks[before].end() < block.end()) {
            furthest = Some(index);
        }
    }
    for (block, impossible) in blocks.iter().zip(impossible) {
        if let Some(found) = found.get_mut(block.allocator) {
            found.blocks += 1;
            found.impossible += u64::from(impossible);
        }
    }
    found
}

fn is_mapped(mapped: &[(u64, u64)], block: &PlacedBlock) -> bool {
    let holds = |at: u64| {
        let behind = mapped.partition_point(|(start, _)| *start <= at);
        behind.checked_sub(1).is_some_and(|last| at < mapped[last].1)
    };
    holds(block.start) && holds(block.end() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(start: u64, size: u64, born_ns: u64) -> PlacedBlock {
        PlacedBlock { start, size, born_ns, allocator: 0 }
    }

    fn impossible(blocks: &[PlacedBlock], mapped: Option<&[(u64, u64)]>) -> u64 {
        consistency(blocks.to_vec(), mapped, 1)[0].impossible
    }

    #[test]
    fn of_two_that_overlap_the_older_one_is_gone() {
        assert_eq!(impossible(&[block(100, 50, 1), block(150, 50, 2)], None), 0, "neighbours");
        assert_eq!(impossible(&[block(100, 51, 1), block(150, 50, 2)], None), 1);
        let inside = [block(100, 1000, 1), block(200, 10, 2), block(500, 10, 3), block(1100, 9, 4)];
        assert_eq!(impossible(&inside, None), 1, "the large one, once");
        let over = [block(100, 1000, 9), block(200, 10, 2), block(500, 10, 3), block(1100, 9, 4)];
        assert_eq!(impossible(&over, None), 2, "the small ones");
    }

    #[test]
    fn what_lies_in_no_mapping_is_gone() {
        let mapped = [(0x1000, 0x3000), (0x3000, 0x4000), (0x8000, 0x9000)];
        let of = |start, size| impossible(&[block(start, size, 1)], Some(&mapped));
        assert_eq!((of(0x1000, 0x2fff), of(0x1000, 0x3000), of(0x8fff, 1)), (0, 0, 0));
        assert_eq!((of(0xfff, 16), of(0x3fff, 2), of(0x9000, 1), of(0, 1)), (1, 1, 1, 1));
    }

    #[test]
    fn a_few_prove_nothing() {
        let credible = |blocks, impossible| Consistency { blocks, impossible }.is_credible();
        assert!(credible(10, 10) && credible(10_000, 400) && credible(0, 0));
        assert!(!credible(20, 16) && !credible(10_000, 600));
    }

    proptest! {
        #[test]
        fn true_blocks_are_all_possible(sizes: Vec<(u16, u8)>) {
            let mut at = 0x1000;
            let blocks: Vec<_> = sizes.iter().map(|(size, gap)| {
                let block = block(at, (*size).into(), 1);
                at = block.end() + u64::from(*gap);
                block
            }).collect();
            prop_assert_eq!(impossible(&blocks, Some(&[(0x1000, at)])), 0);
        }

        #[test]
        fn never_panics(blocks: Vec<(u64, u64, u64, u8)>, mapped: Vec<(u64, u64)>) {
            let of = |(start, size, born_ns, number): (u64, u64, u64, u8)| {
                PlacedBlock { start, size, born_ns, allocator: number.into() }
            };
            let _ = consistency(blocks.into_iter().map(of).collect(), Some(&mapped), 3);
        }
    }
}
