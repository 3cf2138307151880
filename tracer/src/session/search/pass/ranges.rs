//! Small objects that are lost: what stands in them leads to nothing, so that what they alone lead to is lost with them.

use std::ops::Range;

use crate::leak_scan::Unmarked;

/// Blocks that are lost, by address, none overlapping another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LostRanges(Vec<Range<u64>>);

impl LostRanges {
    /// No such blocks.
    pub fn none() -> &'static Self {
        const { &Self(Vec::new()) }
    }

    /// Of blocks in any order.
    pub fn new<'a>(blocks: impl Iterator<Item = &'a Unmarked>) -> Self {
        let range = |block: &Unmarked| {
            let start = block.start.0;
            start..start.saturating_add(block.size.into())
        };
        let mut blocks: Vec<Range<u64>> = blocks.map(range).collect();
        blocks.sort_unstable_by_key(|block| block.start);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for block in blocks {
            match ranges.last_mut() {
                Some(last) if block.start <= last.end => last.end = last.end.max(block.end),
                _ => ranges.push(block),
            }
        }
        Self(ranges)
    }

    /// Makes nothing of them in the bytes from an address on.
    pub fn blank(&self, at: u64, bytes: &mut [u8]) {
        let offset = |address: u64| usize::try_from(address.saturating_sub(at));
        let first = self.0.partition_point(|range| range.end <= at);
        for range in &self.0[first..] {
            let (Ok(from), Ok(to)) = (offset(range.start), offset(range.end)) else { return };
            let to = to.min(bytes.len());
            let Some(part) = bytes.get_mut(from..to) else { return };
            part.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    fn ranges(blocks: &[(u64, u32)]) -> LostRanges {
        let block = |&(start, size)| Unmarked { start: Address(start), size, print: 1 };
        let blocks: Vec<Unmarked> = blocks.iter().map(block).collect();
        LostRanges::new(blocks.iter())
    }

    /// Which of the bytes from an address on are left.
    fn left(ranges: &LostRanges, at: u64, length: usize) -> Vec<u64> {
        let mut bytes = vec![1; length];
        ranges.blank(at, &mut bytes);
        (at..).zip(bytes).filter(|(_, byte)| *byte == 1).map(|(at, _)| at).collect()
    }

    #[test]
    fn nothing_is_left_of_lost_blocks_wherever_a_chunk_begins() {
        let lost = ranges(&[(120, 8), (100, 10), (110, 4), (300, 1)]);
        let of = |at| (100..114).contains(&at) || (120..128).contains(&at) || at == 300;
        for (at, length) in [(90, 50), (100, 14), (105, 2), (113, 8), (128, 172), (299, 3), (0, 9)]
        {
            let end = at + u64::try_from(length).expect("small");
            let expected: Vec<u64> = (at..end).filter(|at| !of(*at)).collect();
            assert_eq!(left(&lost, at, length), expected, "{length} from {at}");
        }
        assert_eq!(left(LostRanges::none(), 7, 3), [7, 8, 9]);
    }
}
