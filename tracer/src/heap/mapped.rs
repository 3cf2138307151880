//! What a process has mapped: nothing that it has is larger. A size that was read while it changed, or
//! from memory that was an object once, can be anything.

use std::cell::RefCell;

use crate::model::Address;

/// Memory that a process can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapped(RefCell<AllRanges>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AllRanges {
    /// By address, none touching the next: first address, address after the last.
    ranges: Vec<(u64, u64)>,
    bytes: u64,
}

impl Mapped {
    /// Of these ranges, in any order: first address, address after the last.
    pub fn new(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        Self(RefCell::new(AllRanges::new(ranges.into_iter().collect())))
    }

    /// These too: what was mapped since.
    pub fn extend(&self, more: impl IntoIterator<Item = (u64, u64)>) {
        let mut known = self.0.borrow_mut();
        let ranges = known.ranges.iter().copied().chain(more).collect();
        *known = AllRanges::new(ranges);
    }

    /// All of it.
    pub fn bytes(&self) -> u64 {
        self.0.borrow().bytes
    }

    /// Whether so many bytes from an address on are mapped.
    pub fn holds(&self, at: Address, bytes: u64) -> bool {
        self.0.borrow().holds(at, bytes)
    }
}

impl AllRanges {
    fn new(mut sorted: Vec<(u64, u64)>) -> Self {
        sorted.retain(|(from, to)| from < to);
        sorted.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (from, to) in sorted {
            match ranges.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => ranges.push((from, to)),
            }
        }
        let bytes = ranges.iter().fold(0, |sum: u64, range| sum.saturating_add(range.1 - range.0));
        Self { ranges, bytes }
    }

    fn holds(&self, at: Address, bytes: u64) -> bool {
        let next = self.ranges.partition_point(|range| range.1 <= at.0);
        let range = self.ranges.get(next).filter(|range| range.0 <= at.0);
        range.is_some_and(|range| bytes <= range.1 - at.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_is_mapped_too() {
        let mapped = Mapped::new([(0x1000, 0x2000)]);
        mapped.extend([(0x2000, 0x3000), (0x8000, 0x9000)]);
        assert!(mapped.holds(Address(0x1000), 0x2000) && mapped.holds(Address(0x8000), 0x1000));
        assert_eq!(mapped.bytes(), 0x3000);
    }

    #[test]
    fn what_touches_is_one_range() {
        let mapped = Mapped::new([(0x3000, 0x4000), (0x1000, 0x2000), (0x2000, 0x2800), (7, 7)]);
        assert_eq!(mapped.bytes(), 0x2800);
        assert!(mapped.holds(Address(0x1000), 0x1800) && mapped.holds(Address(0x3fff), 1));
        assert!(!mapped.holds(Address(0x1000), 0x1801) && !mapped.holds(Address(0x2800), 1));
        assert!(!mapped.holds(Address(0xfff), 1) && !mapped.holds(Address(u64::MAX), u64::MAX));
    }
}
