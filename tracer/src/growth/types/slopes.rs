//! How fast the objects of a type grow, with an honest interval.

use super::super::persistence::Flatness;
use super::super::shape::thinned;
use super::super::statistics::Z95;
use super::super::trend;
use super::decide::FEW;
use super::harmless;
use super::trajectory::Trajectory;
use crate::model::{Interval, TypePoint};

const HOUR: f64 = 3600.0;
/// Points from which a trend is made: the work grows with their square.
const POINTS: usize = 100;

/// Objects and bytes per hour.
pub fn slopes(trajectory: &Trajectory<'_>) -> (Interval, Interval) {
    if trajectory.snapshots() <= FEW {
        return of_few(trajectory);
    }
    let counts = trend(trajectory, |point| point.count as f64);
    let bytes = trend(trajectory, |point| point.bytes as f64);
    // Objects that come and go hide a small leak in the numbers, not in what is retained of each
    // birth.
    let retained = trajectory.growth.per_hour;
    let clear = trajectory.rises() && trajectory.flatness == Flatness::Flat && retained.lo > 0.0;
    if counts.lo > 0.0 || !clear {
        return (counts, bytes);
    }
    let bytes = if bytes.lo > 0.0 { bytes } else { retained.times(trajectory.size()) };
    (retained, bytes)
}

/// The trend of Theil and Sen, no surer than what the means of parts of the time agree on.
fn trend(trajectory: &Trajectory<'_>, value: impl Fn(&TypePoint) -> f64) -> Interval {
    let points: Vec<(f64, f64)> =
        trajectory.series.points.iter().map(|point| (point.t, value(point))).collect();
    let Some(single) = trend::slope(&thinned(&points, POINTS)) else {
        return Interval::default();
    };
    let parts = trend::steady_slope(&points).unwrap_or(single);
    let hull = Interval {
        lo: single.lo.min(parts.lo),
        est: single.est,
        hi: single.hi.max(parts.hi).max(single.est),
    };
    hull.times(HOUR)
}

/// The difference of the ends, as uncertain as the number of births and deaths between them.
fn of_few(trajectory: &Trajectory<'_>) -> (Interval, Interval) {
    let died: f64 = harmless::deaths(&trajectory.series.points).sum();
    let events = (trajectory.net() + 2.0 * died).max(1.0);
    let hours = trajectory.span / HOUR;
    let half = Z95 * events.sqrt();
    let round = |middle: f64, half: f64| Interval {
        lo: (middle - half) / hours,
        est: middle / hours,
        hi: (middle + half) / hours,
    };
    let bytes = trajectory.last().bytes as f64 - trajectory.first().bytes as f64;
    (round(trajectory.net(), half), round(bytes, half * trajectory.size()))
}
