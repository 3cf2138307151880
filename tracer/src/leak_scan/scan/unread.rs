//! Memory that is not read: what a block holds matters only if something leads to the block.

use super::LeakScan;
use crate::model::Address;

/// Between two blocks that are closer to each other than this stands nothing but what the allocator
/// notes: glibc's smallest chunk takes 32 bytes, with another note behind it.
const NOTED: u64 = 32;
/// Allocators that note nothing beside blocks lay those of one size side by side: of smaller blocks
/// than this, one could lie in such a gap.
const SIZE_FOR_NOTES: u64 = 64;

/// Which blocks something leads to, as far as the memory was read.
#[derive(Debug)]
pub struct SoFar(Vec<bool>);

impl LeakScan {
    /// Which blocks something leads to so far.
    pub fn so_far(&mut self) -> SoFar {
        let mut reached = self.seen.spread();
        for link in &self.seen.tags {
            reached[link.block] = true;
        }
        SoFar(reached)
    }

    /// Whether all of a part of the memory lies in blocks that nothing leads to so far: then what it
    /// holds does not matter.
    pub fn does_not_matter(&self, so_far: &SoFar, start: Address, end: Address) -> bool {
        let mut number = self.blocks.first_behind(start.0);
        let mut at = start.0;
        while at < end.0 {
            let Some((from, to)) = self.blocks.bounds(number) else { return false };
            if from > at && !self.only_notes_before(number) {
                return false;
            }
            if from < end.0 && so_far.0.get(number) != Some(&false) {
                return false;
            }
            (at, number) = (to, number + 1);
        }
        true
    }

    /// Whether nothing but notes of the allocator stands between a block and the one before it.
    fn only_notes_before(&self, number: usize) -> bool {
        let before = number.checked_sub(1).and_then(|before| self.blocks.bounds(before));
        let Some((before, block)) = before.zip(self.blocks.bounds(number)) else { return false };
        let large = |(from, to): (u64, u64)| to - from >= SIZE_FOR_NOTES;
        block.0 - before.1 < NOTED && large(before) && large(block)
    }

    /// Takes down that this part was not read.
    pub fn leave_out(&mut self, start: Address, end: Address) {
        for number in self.blocks.first_behind(start.0).. {
            let Some((from, to)) = self.blocks.bounds(number).filter(|(from, _)| *from < end.0)
            else {
                break;
            };
            self.seen.unread.push((number, to.min(end.0) - from.max(start.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PointerAlignment;
    use super::*;
    use crate::leak_scan::{Blocks, SearchedBlock};
    use crate::model::Memory;

    struct Nothing;

    impl Memory for Nothing {
        fn read(&self, _: Address, _: &mut [u8]) -> bool {
            false
        }
    }

    /// Blocks of one page each, with 16 bytes of the allocator's before each, from `0x10010` on.
    fn search(count: u64) -> LeakScan {
        let block = |number: u64| SearchedBlock {
            start: Address(start(number)),
            size: 4096,
            site: 1,
            born_ns: 1,
        };
        LeakScan::new(Blocks::new((0..count).map(block).collect()))
    }

    fn start(number: u64) -> u64 {
        0x10010 + number * 4112
    }

    fn points_to(search: &mut LeakScan, from: u64, number: u64) {
        search.scan(Address(from), &start(number).to_le_bytes(), PointerAlignment::Aligned);
    }

    fn whole(search: &mut LeakScan, from: u64, to: u64) -> bool {
        let so_far = search.so_far();
        search.does_not_matter(&so_far, Address(from), Address(to))
    }

    #[test]
    fn only_what_something_leads_to_matters() {
        let mut search = search(10);
        assert!(whole(&mut search, start(0), start(9)));
        assert!(!whole(&mut search, start(0) - 8, start(9)), "before the first block");
        assert!(!whole(&mut search, start(9), start(11)), "behind the last");
        // The fifth leads to the sixth, and is led to by nothing until the stack is read.
        points_to(&mut search, start(5) + 64, 6);
        assert!(whole(&mut search, start(5), start(8)));
        points_to(&mut search, 0x1000, 5);
        assert!(!whole(&mut search, start(4), start(6)));
        assert!(!whole(&mut search, start(6) + 8, start(6) + 16), "by way of the fifth");
        assert!(whole(&mut search, start(7), start(9)));
    }

    #[test]
    fn a_gap_may_be_a_block_that_is_not_looked_for() {
        let block =
            |start, size| SearchedBlock { start: Address(start), size, site: 1, born_ns: 1 };
        let of = |blocks: &[SearchedBlock], end| {
            whole(&mut LeakScan::new(Blocks::new(blocks.to_vec())), 0x1000, end)
        };
        assert!(
            of(&[block(0x1000, 1000), block(0x1400, 1000)], 0x1400 + 1000),
            "24 bytes of notes"
        );
        assert!(!of(&[block(0x1000, 990), block(0x1400, 1000)], 0x1400 + 1000), "34 bytes");
        assert!(!of(&[block(0x1000, 16), block(0x1020, 16)], 0x1030), "as large as they are");
    }

    #[test]
    fn what_was_left_out_proves_nothing_once_something_leads_there() {
        let finish = |rooted: Option<u64>, gone: u64| {
            let mut search = search(4);
            search.leave_out(Address(start(1) + 96), Address(start(2) + 96));
            if let Some(number) = rooted {
                points_to(&mut search, 0x1000, number);
            }
            search.finish(&Nothing, |block| block.start.0 == start(gone))
        };
        let proved = finish(Some(0), 9);
        assert_eq!(proved.unreachable, [false, true, true, true]);
        assert_eq!(proved.doubtful_bytes, 0);
        assert_eq!(finish(Some(2), 9).doubtful_bytes, 96);
        assert_eq!(finish(None, 1).doubtful_bytes, 4000, "freed meanwhile");
    }
}
