//! What the objects of a type are when they are no leak: by how they come and go.

use super::trajectory::collected;
use crate::model::{TypePoint, Verdict};

/// Share of the deaths that must fall between snapshots with a full collection in between.
const COLLECTED: f64 = 0.6;
/// Share of the snapshots that may have one, or it proves nothing.
const RARE: f64 = 0.3;
/// Numbers change by less than this share in the last third of the time where a cache is full.
const STEADY: f64 = 0.7;

/// The word for a type that does not leak.
pub fn kind(points: &[TypePoint]) -> Verdict {
    if falls_at_collections(points) {
        return Verdict::GarbagePending;
    }
    let half = &points[points.len() / 2..];
    let born: f64 = half.windows(2).map(births).sum();
    let died: f64 = deaths(half).sum();
    if born <= 0.0 || died < 0.5 * born {
        return Verdict::Baseline;
    }
    let late = points[points.len() - points.len() / 3..].iter().map(|point| point.count as f64);
    let (low, high) =
        late.fold((f64::INFINITY, 0.0_f64), |(low, high), count| (low.min(count), high.max(count)));
    if low >= STEADY * high { Verdict::CacheBounded } else { Verdict::SessionsOpen }
}

/// Objects that went away between each snapshot and the next.
pub fn deaths(points: &[TypePoint]) -> impl Iterator<Item = f64> + '_ {
    points.windows(2).map(|pair| {
        let known = pair[1].retained_count > 0 || pair[1].born_count > 0;
        let stayed = if known { pair[1].retained_count } else { pair[1].count };
        pair[0].count.saturating_sub(stayed) as f64
    })
}

fn births(pair: &[TypePoint]) -> f64 {
    let more = pair[1].count.saturating_sub(pair[0].count);
    pair[1].born_count.max(more) as f64
}

fn falls_at_collections(points: &[TypePoint]) -> bool {
    let pairs = points.len().saturating_sub(1) as f64;
    let collections = points.windows(2).filter(|pair| collected(pair)).count() as f64;
    if collections < 1.0 || collections > RARE * pairs {
        return false;
    }
    let all: f64 = deaths(points).sum();
    let then: f64 = deaths(points)
        .zip(points.windows(2))
        .filter(|(_, pair)| collected(pair))
        .map(|(died, _)| died)
        .sum();
    all > 0.0 && then >= COLLECTED * all
}
