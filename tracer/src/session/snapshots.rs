//! Snapshots of the live table: when they are taken, and what becomes of them.

use std::time::Duration;

use super::error::SessionError;
use crate::aggregate::{Accumulator, SnapshotPace};
use crate::history::{Sink, SiteRetained, SiteTotals};
use crate::model::Amount;
use crate::os::clock;
use crate::probe::{ProbeError, Tables};
use crate::store::StoreError;

/// All snapshots of one recording.
pub struct Snapshots {
    accumulator: Accumulator,
    pace: SnapshotPace,
    /// `CLOCK_MONOTONIC` nanoseconds at the start of the capture.
    origin: u64,
}

/// What one snapshot saw.
pub struct SnapshotSummary {
    /// Live blocks.
    pub blocks: u64,
    /// The old ones by site.
    pub retained: Vec<SiteRetained>,
}

impl Snapshots {
    /// None so far; the capture began at `origin`, `CLOCK_MONOTONIC` nanoseconds.
    pub fn new(origin: u64) -> Self {
        Self { accumulator: Accumulator::default(), pace: SnapshotPace::default(), origin }
    }

    /// When snapshots of the live table are due.
    pub fn pace(&mut self) -> &mut SnapshotPace {
        &mut self.pace
    }

    /// The target stood still between two times since the start.
    pub fn stood_still(&mut self, from: Duration, to: Duration) {
        self.accumulator.stood_still(nanoseconds(from), nanoseconds(to));
    }

    /// Takes a snapshot. Ticks are meant to be `tick` apart. `totals` must have been read after `now`. Nothing when no time has passed
    /// since the last snapshot.
    pub fn snapshot(
        &mut self,
        now: Duration,
        tick: Duration,
        totals: &[SiteTotals],
        tables: &dyn Tables,
    ) -> Result<Option<SnapshotSummary>, ProbeError> {
        let begun = clock::own_cpu_ns();
        let usual = nanoseconds(self.pace.usual(now).max(tick));
        let snapshot = self.accumulator.snapshot(nanoseconds(now), usual);
        let Some(mut snapshot) = snapshot else { return Ok(None) };
        for site in totals {
            snapshot.allocated(site.key, site.totals.allocated);
        }
        let origin = self.origin;
        tables.live(&mut |_, block| {
            let born = block.time_ns.saturating_sub(origin);
            let amount = Amount { bytes: block.bytes(), count: block.weight() };
            snapshot.block(block.site, amount, born);
        })?;
        let blocks = snapshot.finish();
        let retained = self.accumulator.retained().map(|retained| SiteRetained {
            key: retained.site,
            age: retained.age,
            blocks: retained.amount,
        });
        let seen = SnapshotSummary { blocks, retained: retained.collect() };
        // CPU time: on a busy machine a snapshot takes long, and is no dearer for that.
        let took = Duration::from_nanos(clock::own_cpu_ns().saturating_sub(begun));
        self.pace.taken(now, took);
        tracing::debug!("took a snapshot of {blocks} live blocks in {took:?} of CPU time");
        Ok(Some(seen))
    }

    /// Writes down cohorts and lifetimes that have changed.
    pub fn write(&mut self, sink: &mut impl Sink<Error = StoreError>) -> Result<(), SessionError> {
        let put = |key, cohorts: &[_], lifetimes: &[_]| sink.life(key, cohorts, lifetimes);
        let result: Result<(), StoreError> = self.accumulator.changed(put);
        Ok(result?)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
