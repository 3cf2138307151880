//! Which pages are there at one moment, and which are swapped out.

use super::PAGE;

/// Most ranges of pages that are kept apart, of each kind.
const MOST_RANGES: usize = 1 << 20;

/// Neighbouring pages in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRange {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// Whether it is code that was made at run time, where addresses stand unaligned.
    pub code: bool,
}

/// What is there at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSurvey {
    /// By address.
    pub ranges: Vec<PageRange>,
    /// Pages that are swapped out, by address; those of shared memory are not known.
    pub swapped: Vec<PageRange>,
    /// Whether there was more than could be looked through.
    pub cut_short: bool,
}

impl PageRange {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

impl PageSurvey {
    /// Bytes that are there.
    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(PageRange::bytes).sum()
    }

    pub(super) fn add(&mut self, start: u64, code: bool) {
        self.cut_short |= !add(&mut self.ranges, start, code);
    }

    pub(super) fn add_swapped(&mut self, start: u64, code: bool) {
        self.cut_short |= !add(&mut self.swapped, start, code);
    }
}

/// Adds a page behind all others; false when there is no room.
fn add(ranges: &mut Vec<PageRange>, start: u64, code: bool) -> bool {
    let end = start.saturating_add(PAGE);
    let room = ranges.len() < MOST_RANGES;
    match ranges.last_mut() {
        Some(last) if last.end == start && last.code == code => last.end = end,
        _ if room => ranges.push(PageRange { start, end, code }),
        _ => return false,
    }
    true
}

/// What of `ranges` is not in `before`; both by address.
pub fn beyond(ranges: &[PageRange], before: &[PageRange]) -> Vec<PageRange> {
    let mut beyond = Vec::new();
    let mut known = before.iter().peekable();
    for range in ranges {
        let mut start = range.start;
        while let Some(old) = known.peek().filter(|old| old.start < range.end) {
            if old.start > start {
                beyond.push(PageRange { start, end: old.start, ..*range });
            }
            start = start.max(old.end);
            if old.end > range.end {
                break;
            }
            known.next();
        }
        if start < range.end {
            beyond.push(PageRange { start, ..*range });
        }
    }
    beyond
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> PageRange {
        PageRange { start, end, code: false }
    }

    fn ranges(ranges: &[(u64, u64)]) -> Vec<PageRange> {
        ranges.iter().map(|&(start, end)| range(start, end)).collect()
    }

    #[test]
    fn what_is_new_is_what_was_not_there() {
        let before = ranges(&[(10, 20), (30, 40), (60, 90)]);
        assert_eq!(beyond(&before, &before), []);
        let after = ranges(&[(5, 35), (50, 55), (60, 62), (64, 70), (80, 100)]);
        let new = [range(5, 10), range(20, 30), range(50, 55), range(90, 100)];
        assert_eq!(beyond(&after, &before), new);
        assert_eq!(beyond(&after, &[]), after);
    }

    #[test]
    fn pages_that_are_swapped_out_are_apart_from_those_that_are_there() {
        let mut survey = PageSurvey::default();
        survey.add(0, false);
        survey.add_swapped(PAGE, false);
        survey.add_swapped(2 * PAGE, false);
        survey.add(3 * PAGE, false);
        assert_eq!(survey.ranges, ranges(&[(0, PAGE), (3 * PAGE, 4 * PAGE)]));
        assert_eq!((survey.swapped, survey.cut_short), (ranges(&[(PAGE, 3 * PAGE)]), false));
    }
}
