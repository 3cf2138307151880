//! What Python's small-object allocator retains: arenas in which few objects live. One is given back only when it has
//! none at all, so a rush of small objects stays as arenas when most of them are gone.

use super::{HOUR, Retained, WORTH, float};
use crate::growth::trend_slope;
use crate::model::{Advice, Amount, ArenaPoint, ArenaUse, Document, Interval, Note, Reason};

/// What does not grow is told where it is this share of resident memory.
const MUCH: f64 = 0.25;

/// `None` where arenas are well used, or what they retain explains little of the growth and is little of the
/// process.
pub fn retained(document: &Document) -> Option<Retained> {
    let (arenas, readings) = half_empty(document)?;
    let rate = rate(document, readings).filter(|rate| rate.lo > 0.0);
    let explains = rate.and_then(|rate| share_of_growth(document, &rate));
    let now = arenas.retained_bytes();
    let resident = document.history.process.iter().rev().find_map(|point| point.rss_anon_bytes);
    let is_much = resident.is_some_and(|resident| float(now) >= MUCH * float(resident));
    (explains.is_some() || is_much).then(|| Retained {
        name: "pymalloc".to_owned(),
        now: Amount { bytes: now, count: arenas.sparse_arenas },
        rate: rate.unwrap_or_default(),
        explains,
        ground: Reason::ArenasRetain { arenas },
        advice: Advice::FewerObjectsAtATime,
    })
}

/// How full arenas are that are mostly empty, and what they retained before.
fn half_empty(document: &Document) -> Option<(ArenaUse, &[ArenaPoint])> {
    document.capture.notes.iter().find_map(|note| match note {
        Note::ArenasHalfEmpty { arenas, readings } => Some((*arenas, readings.as_slice())),
        _ => None,
    })
}

/// How fast that grows, as far as there are readings: those after the program was warm, if they are enough.
fn rate(document: &Document, readings: &[ArenaPoint]) -> Option<Interval> {
    let warm = document.growth.as_ref().map_or(0.0, |growth| growth.warm_up_seconds);
    let points = |from: f64| {
        let points = readings.iter().filter(|point| point.t.is_finite() && point.t >= from);
        points.map(|point| (point.t, float(point.retained_bytes))).collect::<Vec<_>>()
    };
    let slope = trend_slope(&points(warm)).or_else(|| trend_slope(&points(0.0)))?;
    Some(slope.times(HOUR))
}

fn share_of_growth(document: &Document, rate: &Interval) -> Option<f64> {
    let growth = document.growth.as_ref().filter(|growth| growth.significant)?;
    let share = rate.est / growth.slope_bytes_per_hour.est;
    (share.is_finite() && share >= WORTH).then_some(share)
}
