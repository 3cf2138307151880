//! Which old ticks to forget, so that a recording of any length has a bounded size, a little with
//! every tick.
//!
//! What a tick said of a site holds until a later one says something else. So when a tick goes,
//! what it said moves to the next one that says anything, unless that one says something newer of
//! the same site: wherever there is history, all of it is as it was then.

use std::collections::BTreeMap;

/// How much a recording keeps; what is older loses detail first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ticks.
    pub ticks: usize,
    /// Rows in the history of all sites together, of sums and of old blocks.
    pub history_rows: usize,
    /// Rows about full garbage collections.
    pub collections: usize,
}

impl Default for Bounds {
    /// About 40 MB of history.
    fn default() -> Self {
        Self { ticks: 8 * 1024, history_rows: 1_000_000, collections: 8 * 1024 }
    }
}

/// Where ticks are kept.
pub trait Thinned {
    /// Why something cannot be forgotten.
    type Error;

    /// Moves the history of one tick to another, except of sites that have some there; gives how
    /// many rows moved.
    fn move_history(&mut self, gone: i64, next: i64) -> Result<usize, Self::Error>;

    /// Forgets a tick, which has no history any more.
    fn remove_tick(&mut self, gone: i64) -> Result<(), Self::Error>;

    /// Forgets a row about collections; the next one says how many there were in both.
    fn join_collections(&mut self, gone: i64, next: i64, count: u64) -> Result<(), Self::Error>;
}

/// What there is to forget.
#[derive(Clone, Debug, Default)]
pub struct Thinning {
    bounds: Bounds,
    /// Numbers of the ticks that are kept.
    ticks: Vec<i64>,
    /// Those of them that have history, and how many rows.
    history: BTreeMap<i64, usize>,
    /// Rows about collections: number and count.
    collections: Vec<(i64, u64)>,
}

impl Thinning {
    /// Changes how much is kept.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// How much is kept.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// A new tick with so many rows of history.
    pub fn add_tick(&mut self, number: i64, rows: usize) {
        self.ticks.push(number);
        if rows > 0 {
            self.history.insert(number, rows);
        }
    }

    /// A new row about collections; gives its number.
    pub fn add_collections(&mut self, count: u64) -> i64 {
        let number = self.collections.last().map_or(1, |(number, _)| number + 1);
        self.collections.push((number, count));
        number
    }

    /// Forgets what is more than the bounds allow.
    ///
    /// # Errors
    /// Those of `on`.
    pub fn apply<T: Thinned>(&mut self, on: &mut T) -> Result<(), T::Error> {
        while self.ticks.len() > self.bounds.ticks
            && let Some(index) = dispensable(&self.ticks)
        {
            self.forget_tick(index, on)?;
        }
        let mut rows: usize = self.history.values().sum();
        while rows > self.bounds.history_rows {
            let ticks: Vec<i64> = self.history.keys().copied().collect();
            let Some(index) = dispensable(&ticks) else { break };
            rows -= self.move_history(ticks[index], ticks[index + 1], on)?;
        }
        self.forget_collections(on)
    }

    fn forget_tick<T: Thinned>(&mut self, index: usize, on: &mut T) -> Result<(), T::Error> {
        let gone = self.ticks.remove(index);
        let later = self.history.range(gone + 1..).next().map(|(&tick, _)| tick);
        if let Some(next) = later.or_else(|| self.ticks.get(index).copied()) {
            self.move_history(gone, next, on)?;
        }
        on.remove_tick(gone)
    }

    /// Moves the history of one tick to another, and says how many rows there are less.
    fn move_history<T: Thinned>(
        &mut self,
        gone: i64,
        next: i64,
        on: &mut T,
    ) -> Result<usize, T::Error> {
        let Some(rows) = self.history.remove(&gone) else { return Ok(0) };
        let moved = on.move_history(gone, next)?;
        *self.history.entry(next).or_default() += moved;
        Ok(rows - moved.min(rows))
    }

    /// Those of a row that goes are counted with the next one.
    fn forget_collections<T: Thinned>(&mut self, on: &mut T) -> Result<(), T::Error> {
        while self.collections.len() > self.bounds.collections {
            let numbers: Vec<i64> = self.collections.iter().map(|(number, _)| *number).collect();
            let Some(index) = dispensable(&numbers) else { break };
            let (gone, count) = self.collections.remove(index);
            let Some((next, all)) = self.collections.get_mut(index) else { break };
            *all = all.saturating_add(count);
            on.join_collections(gone, *next, *all)?;
        }
        Ok(())
    }
}

/// The tick that is missed least, as an index: the one whose neighbours are closest to each other
/// for its age. What is left is as far apart as the root of its age: between even spacing, which a
/// week needs, and as far apart as it is old, which the last hour needs. Never the first, which
/// says where everything began, and never the recent quarter. `ticks` are numbers in their order;
/// `None` when there are too few.
fn dispensable(ticks: &[i64]) -> Option<usize> {
    let last = *ticks.last()?;
    let worth = |index: usize| {
        let gap = distance(ticks[index - 1], ticks[index + 1]);
        gap * gap / distance(ticks[index], last)
    };
    (1..ticks.len() * 3 / 4).min_by(|&a, &b| worth(a).total_cmp(&worth(b)))
}

fn distance(from: i64, to: i64) -> f64 {
    // Ticks number far below the 2^53 at which this is no longer exact.
    to.saturating_sub(from) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_old_goes_first() {
        assert_eq!(dispensable(&[1, 2, 3, 4, 5, 6, 7, 8]), Some(1));
        assert_eq!(dispensable(&[1, 9, 10, 11, 12, 13]), Some(2));
        assert_eq!(dispensable(&[1, 2]), None);
        assert_eq!(dispensable(&[]), None);
    }

    /// After a long time neighbours are further apart the older they are, and nowhere is a hole.
    #[test]
    fn old_ticks_are_further_apart() {
        let mut kept: Vec<i64> = Vec::new();
        for tick in 0..20_000 {
            kept.push(tick);
            if kept.len() > 200 {
                kept.remove(dispensable(&kept).expect("enough"));
            }
        }
        let gaps: Vec<i64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let most = |gaps: &[i64]| gaps.iter().copied().max().expect("a gap");
        assert!(most(&gaps) < 1_000, "{gaps:?}");
        assert!(most(&gaps[160..]) <= 2, "{gaps:?}");
        assert!(most(&gaps[..50]) > most(&gaps[50..]), "{gaps:?}");
    }

    proptest! {
        /// However long it runs: the bound holds, the first and the last stay.
        #[test]
        fn size_is_bounded(bound in 8_usize..200, length in 0_i64..2_000) {
            let mut kept = Vec::new();
            for tick in 0..length {
                kept.push(tick);
                if kept.len() > bound {
                    let gone = dispensable(&kept);
                    prop_assert!(gone.is_some());
                    kept.remove(gone.unwrap_or(0));
                }
                prop_assert!(kept.len() <= bound);
                prop_assert_eq!(kept[0], 0);
                prop_assert_eq!(kept[kept.len() - 1], tick);
            }
        }
    }
}
