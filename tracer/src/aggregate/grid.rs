//! Periods of birth, the same for all sites: as wide as the time between two snapshots when they
//! are new, and about an eighth of their age later.

/// A period is at most one part in so many of its age wide, unless it is as it was made.
const PARTS: u64 = 5;

/// One period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name: the number of the first snapshot whose period is in it. Grows with time.
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
    snapshots: u32,
}

impl Grid {
    /// End of the youngest one.
    pub fn end(&self) -> u64 {
        self.periods.last().map_or(0, |last| last.to)
    }

    /// Ends the period that began at the last snapshot; `None` when no time has passed.
    pub fn close(&mut self, now: u64) -> Option<Period> {
        let from = self.end();
        let period = (now > from).then_some(Period { number: self.snapshots, from, to: now })?;
        self.snapshots = self.snapshots.saturating_add(1);
        self.periods.push(period);
        Some(period)
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
