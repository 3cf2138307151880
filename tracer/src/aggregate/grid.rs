//! Periods of birth, the same for all sites: as wide as the time between two snapshots when they
//! are new, and about an eighth of their age later.

/// A period is at most one part in so many of its age wide, unless it is as it was made.
const PARTS: u64 = 5;
/// Time without a snapshot that is longer than so many usual distances is divided into as many
/// periods as there would have been, but no more than the second number.
const LONG: u64 = 4;
const MOST_IN_GAP: u64 = 64;

/// One period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name. Grows with time.
    pub number: u32,
    /// Begin, nanoseconds since the start.
    pub from: u64,
    /// End, excluded.
    pub to: u64,
}

/// Two periods that became one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinedPeriods {
    /// The older one, whose name stays.
    pub into: u32,
    /// The younger one, whose name is gone.
    pub gone: u32,
}

/// All periods, in the order of time and without gaps.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    periods: Vec<Period>,
    made: u32,
}

impl Grid {
    /// End of the youngest one.
    pub fn end(&self) -> u64 {
        self.periods.last().map_or(0, |last| last.to)
    }

    /// Ends the period that began at the last snapshot; `None` when no time has passed.
    pub fn close(&mut self, now: u64) -> Option<Period> {
        let from = self.end();
        (now > from).then(|| self.push(now))
    }

    /// The same where nobody took the snapshots that were due every `usual` nanoseconds: in as many
    /// periods as they would have made. Gives the first and the last of them.
    pub fn close_in_parts(&mut self, now: u64, usual: u64) -> Option<(Period, Period)> {
        let from = self.end();
        let width = now.checked_sub(from).filter(|width| *width > 0)?;
        let parts = (width / usual.max(1)).clamp(1, MOST_IN_GAP);
        let edge = |part: u64| from + width / parts * part;
        let first = self.push(if parts == 1 { now } else { edge(1) });
        let rest = 2..=parts;
        let last = rest.map(|part| self.push(if part == parts { now } else { edge(part) })).last();
        Some((first, last.unwrap_or(first)))
    }

    /// Whether so much time without a snapshot is more than it happens to be.
    pub fn is_gap(time: u64, usual: u64) -> bool {
        time > usual.saturating_mul(LONG)
    }

    fn push(&mut self, to: u64) -> Period {
        let period = Period { number: self.made, from: self.end(), to };
        self.made = self.made.saturating_add(1);
        self.periods.push(period);
        period
    }

    /// The period in which `time` lies, `None` for a time after the last one.
    pub fn holding(&self, time: u64) -> Option<Period> {
        let index = self.periods.partition_point(|period| period.to <= time);
        self.periods.get(index).copied()
    }

    /// The period of that name.
    pub fn named(&self, number: u32) -> Option<Period> {
        let index = self.periods.binary_search_by_key(&number, |period| period.number).ok()?;
        self.periods.get(index).copied()
    }

    /// Joins neighbours that are old enough, oldest first, and tells which. Afterwards any two
    /// neighbours are together wider than a fifth of their age, or new: so their number grows with
    /// the logarithm of time.
    pub fn age(&mut self) -> Vec<JoinedPeriods> {
        let now = self.end();
        let mut joined = Vec::new();
        let mut kept: Vec<Period> = Vec::with_capacity(self.periods.len());
        for &period in &self.periods {
            let room = (now - period.to) / PARTS;
            match kept.last_mut() {
                Some(last) if period.to - last.from <= room => {
                    joined.push(JoinedPeriods { into: last.number, gone: period.number });
                    last.to = period.to;
                }
                _ => kept.push(period),
            }
        }
        self.periods = kept;
        joined
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_week_has_about_eighty_periods() {
        let mut grid = Grid::default();
        let mut most = 0;
        for snapshot in 1..=7 * 24 * 360 {
            grid.close(snapshot * 10 * SECOND).expect("time has passed");
            grid.age();
            most = most.max(grid.periods.len());
        }
        assert!((60..=85).contains(&most), "{most}");
        let first = grid.periods[0];
        let age = grid.end() - first.to;
        assert!(first.to - first.from <= age / PARTS && first.to - first.from > age / 20);
    }

    #[test]
    fn times_find_their_period() {
        let mut grid = Grid::default();
        assert_eq!(grid.holding(0), None);
        grid.close(5);
        assert_eq!(grid.close(5), None);
        grid.close(9);
        assert_eq!(grid.holding(0).map(|period| period.number), Some(0));
        assert_eq!(grid.holding(5), grid.named(1));
        assert_eq!((grid.holding(9), grid.named(2)), (None, None));
    }

    #[test]
    fn a_gap_has_the_periods_that_it_would_have_had() {
        let mut grid = Grid::default();
        grid.close(10 * SECOND);
        let (first, last) = grid.close_in_parts(71 * SECOND, 5 * SECOND).expect("time has passed");
        assert_eq!(
            (first.from, last.to, last.number - first.number),
            (10 * SECOND, 71 * SECOND, 11)
        );
        assert!(grid.periods.windows(2).all(|pair| pair[0].to == pair[1].from));
        grid.close_in_parts(90_000 * SECOND, 5 * SECOND);
        assert_eq!(grid.periods.len() as u64, 13 + MOST_IN_GAP);
        assert_eq!(grid.close_in_parts(0, 5), None);
    }

    proptest! {
        /// Whenever snapshots are taken: periods follow one another, and there are few.
        #[test]
        fn periods_are_few_and_without_gaps(steps in prop::collection::vec(1_u64..500, 1..400)) {
            let mut grid = Grid::default();
            for step in steps {
                grid.close(grid.end() + step * SECOND);
                grid.age();
                prop_assert_eq!(grid.periods[0].from, 0);
                for pair in grid.periods.windows(2) {
                    prop_assert!(pair[0].to == pair[1].from && pair[0].number < pair[1].number);
                }
                for three in grid.periods.windows(3) {
                    let age = grid.end() - three[1].to;
                    prop_assert!(three[1].to - three[0].from > age / PARTS);
                }
                prop_assert!(grid.periods.len() <= 100);
            }
        }
    }
}
