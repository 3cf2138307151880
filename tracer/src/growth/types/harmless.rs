//! What the objects of a type are when they are no leak: by how they come and go.

use super::super::harmless::{come_at_collections, of_replaced, rare, replaced};
use super::trajectory::collected;
use crate::model::{TypePoint, Verdict};

/// The word for a type that does not leak.
pub fn kind(points: &[TypePoint]) -> Verdict {
    if falls_at_collections(points) {
        return Verdict::GarbagePending;
    }
    let half = &points[points.len() / 2..];
    let born: f64 = half.windows(2).map(births).sum();
    let died: f64 = deaths(half).sum();
    if !replaced(born, died) {
        return Verdict::Baseline;
    }
    let late = &points[points.len() - points.len() / 3..];
    of_replaced(late.iter().map(|point| point.count as f64))
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
    if !rare(collections, pairs) {
        return false;
    }
    let all: f64 = deaths(points).sum();
    let then: f64 = deaths(points)
        .zip(points.windows(2))
        .filter(|(_, pair)| collected(pair))
        .map(|(died, _)| died)
        .sum();
    come_at_collections(then, all)
}
