//! All sites of one target, snapshot by snapshot.

use std::collections::HashMap;

use super::grid::{Grid, Period};
use super::seconds;
use super::site::SiteAges;
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
}

/// A snapshot that is under way: first the totals of all sites, then all live blocks.
#[derive(Debug)]
pub struct Snapshot<'a> {
    accumulator: &'a mut Accumulator,
    period: Period,
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
    /// Begins a snapshot at `now`, nanoseconds since the start; `None` when no time has passed
    /// since the last. What is handed to it must have been read after `now`.
    pub fn snapshot(&mut self, now: u64) -> Option<Snapshot<'_>> {
        let period = self.grid.close(now)?;
        Some(Snapshot { accumulator: self, period, blocks: 0 })
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
        let least = (self.period.to - self.period.from).saturating_mul(SNAPSHOTS_OF_AGE);
        self.accumulator.sites.entry(site).or_default().allocated(self.period, total, least);
    }

    /// A live block and its birth, nanoseconds since the start. Those that were born since this
    /// snapshot began are left to the next one.
    pub fn block(&mut self, site: u64, size: u64, born: u64) {
        let Accumulator { grid, sites } = &mut *self.accumulator;
        if let Some(period) = grid.holding(born)
            && let Some(site) = sites.get_mut(&site)
        {
            site.found(period, size, self.period.to - born);
            self.blocks += 1;
        }
    }

    /// Draws the conclusions; gives how many blocks there were.
    pub fn finish(self) -> u64 {
        let Accumulator { grid, sites } = self.accumulator;
        for site in sites.values_mut() {
            site.settle(grid, self.period);
        }
        for joined in grid.age() {
            for site in sites.values_mut() {
                site.join(joined);
            }
        }
        self.blocks
    }
}
