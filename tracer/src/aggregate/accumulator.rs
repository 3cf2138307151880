//! All sites of one target, snapshot by snapshot.

use std::collections::HashMap;

use super::grid::Grid;
use super::pauses::Pauses;
use super::seconds;
use super::site::{Elapsed, SiteAges};
use crate::model::{Amount, Cohort, Lifetime};

/// Blocks count as retained at the earliest when they are so many times as old as the time between
/// two snapshots.
const SNAPSHOTS_OF_AGE: u64 = 2;

/// What the snapshots of the live table said so far. Memory: 64 bytes for each site and period in
/// which it allocated anything; there are about 80 periods in a week.
#[derive(Debug, Default)]
pub struct Accumulator {
    grid: Grid,
    sites: HashMap<u64, SiteAges>,
    pauses: Pauses,
}

/// A snapshot that is under way: first the totals of all sites, then all live blocks.
#[derive(Debug)]
pub struct Snapshot<'a> {
    accumulator: &'a mut Accumulator,
    elapsed: Elapsed,
    blocks: u64,
}

/// The retained blocks of a site at the last snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetainedBlocks {
    /// The site's key.
    pub site: u64,
    /// Only blocks older than this are counted, seconds.
    pub age: f64,
    /// Blocks and bytes.
    pub amount: Amount,
}

impl Accumulator {
    /// The target stood still between two moments, nanoseconds since the start: no block got older.
    pub fn stood_still(&mut self, from: u64, to: u64) {
        self.pauses.add(from, to);
    }

    /// Begins a snapshot at `now`, nanoseconds since the start; `None` when no time has passed
    /// since the last. What is handed to it must have been read after `now`. Snapshots are meant to
    /// be `usual` nanoseconds apart: where one is much later, nobody knows how old the blocks got
    /// that died meanwhile.
    pub fn snapshot(&mut self, now: u64, usual: u64) -> Option<Snapshot<'_>> {
        let active = self.pauses.active(self.grid.end(), now);
        let elapsed = if Grid::is_gap(active, usual) {
            let (first, last) = self.grid.close_in_parts(now, usual)?;
            Elapsed { first, last, active: usual, unwatched: true }
        } else {
            let period = self.grid.close(now)?;
            Elapsed { first: period, last: period, active, unwatched: false }
        };
        Some(Snapshot { accumulator: self, elapsed, blocks: 0 })
    }

    /// What every site has that is old.
    pub fn retained(&self) -> impl Iterator<Item = RetainedBlocks> + '_ {
        self.sites.iter().map(|(&site, state)| {
            let (age, amount) = state.retained();
            RetainedBlocks { site, age: seconds(age), amount }
        })
    }

    /// Hands out cohorts and lifetimes of every site for which they have changed since the last
    /// call.
    ///
    /// # Errors
    /// Those of `each`; what it did not take is handed out again the next time.
    pub fn changed<E>(
        &mut self,
        mut each: impl FnMut(u64, &[Cohort], &[Lifetime]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut cohorts, mut lifetimes) = (Vec::new(), Vec::new());
        for (&key, site) in &mut self.sites {
            if site.take_changed() {
                cohorts.clear();
                cohorts.extend(site.cohorts(&self.grid));
                lifetimes.clear();
                lifetimes.extend(site.lifetimes());
                each(key, &cohorts, &lifetimes)?;
            }
        }
        Ok(())
    }
}

impl Snapshot<'_> {
    /// What a site allocated since the start.
    pub fn allocated(&mut self, site: u64, total: Amount) {
        let least = self.elapsed.active.saturating_mul(SNAPSHOTS_OF_AGE);
        self.accumulator.sites.entry(site).or_default().allocated(&self.elapsed, total, least);
    }

    /// A live block, with all that it stands for, and its birth, nanoseconds since the start. Those that were born
    /// since this snapshot began are left to the next one.
    pub fn block(&mut self, site: u64, block: Amount, born: u64) {
        let Accumulator { grid, sites, pauses } = &mut *self.accumulator;
        if let Some(period) = grid.holding(born)
            && let Some(site) = sites.get_mut(&site)
        {
            site.found(period, block, pauses.active(born, self.elapsed.last.to));
            self.blocks += 1;
        }
    }

    /// Draws the conclusions; gives how many blocks there were.
    pub fn finish(self) -> u64 {
        let Accumulator { grid, sites, pauses } = self.accumulator;
        for site in sites.values_mut() {
            site.settle(grid, pauses, &self.elapsed);
        }
        for joined in grid.age() {
            for site in sites.values_mut() {
                site.join(joined);
            }
        }
        self.blocks
    }
}
