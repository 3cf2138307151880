//! What the objects of a type are when they are no leak: by how they come and go.

use super::super::harmless::{come_at_collections, of_replaced, rare, replaced};
use super::trajectory::{Trajectory, collected};
use crate::model::{TypePoint, TypeSeries, Verdict};

/// Of the objects born before a full collection, garbage leaves no larger share than this behind it.
const COLLECTED: f64 = 0.1;

/// The word for a type that does not leak. Nothing is called unreachable unless what roots hold was looked
/// for to the end (`is_searched`).
pub fn kind(trajectory: &Trajectory<'_>, is_searched: bool) -> Verdict {
    let points = &trajectory.series.points;
    let may_be_garbage = is_searched && trajectory.retainer.is_none();
    if may_be_garbage && falls_at_collections(points) && !outlives_collection(trajectory.series) {
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

/// Whether some of what was born between the last two full collections is still there: no garbage,
/// though much of it went at a collection.
fn outlives_collection(series: &TypeSeries) -> bool {
    let pairs = series.points.windows(2).enumerate();
    let mut collections =
        pairs.filter(|(_, pair)| collected(pair)).map(|(snapshot, _)| snapshot).rev();
    let (Some(last), before) = (collections.next(), collections.next()) else { return false };
    let between = before.map_or(1, |before| before + 2)..=last;
    let born: u64 = series.points.get(between.clone()).map_or(0, |points| {
        points.iter().fold(0, |sum, point| sum.saturating_add(point.born_count))
    });
    let survived = series.survivors.get(between).map_or(0, |survivors| {
        survivors.iter().fold(0, |sum: u64, survived| sum.saturating_add(*survived))
    });
    survived as f64 > COLLECTED * born as f64
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
