//! When a snapshot of the live table is due, and when its results are written.

use std::time::Duration;

/// Time between two snapshots while a recording is young, and later.
const YOUNG: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(10);
/// Until when a recording is young.
const YOUTH: Duration = Duration::from_secs(120);
/// A snapshot may take one part in so many of the time until the next.
const SHARE: u32 = 100;
/// Cohorts are written down at least this far apart, later that far, and never further.
const WRITE: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(600)];

/// Decides from what snapshots cost. All times since the start of the capture.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnapshotPace {
    taken: Duration,
    took: Duration,
    kept: Duration,
    written: Duration,
}

impl SnapshotPace {
    /// Whether it is time for a point in the history of the sites. Then the next is due later.
    pub fn history(&mut self, now: Duration) -> bool {
        due(&mut self.kept, now, interval(now))
    }

    /// Whether it is time to snapshot of the live table.
    pub fn snapshot(&self, now: Duration) -> bool {
        now.saturating_sub(self.taken) >= self.usual(now)
    }

    /// How far apart snapshots are meant to be at `now`.
    pub fn usual(&self, now: Duration) -> Duration {
        interval(now).max(self.took.saturating_mul(SHARE))
    }

    /// A snapshot was begun at `now` and took so long.
    pub fn taken(&mut self, now: Duration, took: Duration) {
        (self.taken, self.took) = (now, took);
    }

    /// Whether it is time to write down cohorts and lifetimes: often in the beginning, when
    /// everything in them is new, and once a minute or less when most of it is old.
    pub fn write(&mut self, now: Duration) -> bool {
        let [least, later, most] = WRITE;
        let interval = (now / 10).clamp(least, later).max((now / 144).min(most));
        due(&mut self.written, now, interval)
    }
}

fn interval(now: Duration) -> Duration {
    if now < YOUTH { YOUNG } else { LATER }
}

fn due(last: &mut Duration, now: Duration, interval: Duration) -> bool {
    let due = now.saturating_sub(*last) >= interval;
    if due {
        *last = now;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_minute_is_looked_at_often_enough() {
        let mut pace = SnapshotPace::default();
        let mut snapshots = 0;
        for now in (1..=60).map(seconds) {
            if !pace.snapshot(now) {
                continue;
            }
            pace.taken(now, Duration::ZERO);
            snapshots += 1;
        }
        assert_eq!(snapshots, 12);
    }

    #[test]
    fn a_snapshot_costs_a_hundredth_at_most() {
        let mut pace = SnapshotPace::default();
        pace.taken(seconds(1000), seconds(3));
        assert!(!pace.snapshot(seconds(1299)));
        assert!(pace.snapshot(seconds(1300)));
        pace.taken(seconds(1300), Duration::from_millis(1));
        assert!(!pace.snapshot(seconds(1309)));
        assert!(pace.snapshot(seconds(1310)));
    }

    #[test]
    fn what_is_old_is_written_less_often() {
        let mut pace = SnapshotPace::default();
        let day = 24 * 3600;
        let mut written: Vec<u64> = (0..day).filter(|now| pace.write(seconds(*now))).collect();
        assert!(written.iter().filter(|now| **now <= 60).count() >= 8, "{written:?}");
        written.retain(|now| *now > 600);
        assert!(written.windows(2).all(|pair| pair[1] - pair[0] >= 60));
        assert!(written.windows(2).all(|pair| pair[1] - pair[0] <= 601));
    }
}
