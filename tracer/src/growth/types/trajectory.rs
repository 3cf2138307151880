//! What is measured about one type before it is judged: what grew, and what is retained of the
//! objects born since the first snapshot.

use super::super::persistence::Flatness;
use super::super::slope::{self, Increment, Slope};
use super::super::survival::Thirds;
use super::gaps;
use crate::model::{Amount, Cohort, TypePoint, TypeRetainer, TypeSeries};

/// Objects of the last share of the time are too young to count as retained, at most so many
/// seconds of it.
const YOUNG_SHARE: f64 = 1.0 / 3.0;
const YOUNG_MOST: f64 = 3600.0;
/// A collection proves something if it came after this share of the time.
const LATE_COLLECTION: f64 = 0.25;
/// What is never given back must make up this share of what was retained: otherwise old objects go
/// as new ones come.
const MINIMUM_SHARE: f64 = 0.25;

/// One type over the snapshots, in sums that are cheap to make for thousands of types.
#[derive(Clone, Debug)]
pub struct Trajectory<'a> {
    /// The series that it comes from.
    pub series: &'a TypeSeries,
    /// Seconds from the first to the last snapshot.
    pub span: f64,
    /// Snapshots at which there were more objects than at the one before.
    pub grew: usize,
    /// Objects born since the first snapshot, and those that are still there. None where births are
    /// not known.
    pub born: u64,
    /// See `born`.
    pub survived: u64,
    /// Of the objects old enough to count, those that are retained.
    pub retained: f64,
    /// By how much the least number in the last third of the time exceeds that in the first.
    pub least_rise: f64,
    /// How fast what is retained grows.
    pub growth: Slope,
    /// How what was born early compares with what was born late.
    pub flatness: Flatness,
    /// What was born and still lives, by thirds of the time.
    pub thirds: Thirds,
    /// How much faster it grew while nobody took snapshots than at first, where that happened.
    pub faster_unseen: Option<f64>,
    /// Full collections that what is retained has survived; `None` where they are not known.
    pub collections: Option<u64>,
    /// What keeps most of what it grew by, where that was reached from a root: then it is no
    /// garbage, whatever was collected.
    pub retainer: Option<&'a TypeRetainer>,
    /// How what it grew by refers to itself, where nothing else does.
    pub garbage: Option<&'a TypeRetainer>,
}

impl<'a> Trajectory<'a> {
    /// Of a type that moved and may have grown; `None` for one that stands still or shrinks, or
    /// whose times make no sense.
    pub fn measure(series: &'a TypeSeries, retainer: Option<&'a TypeRetainer>) -> Option<Self> {
        let (first, last) = (series.points.first()?, series.points.last()?);
        let ordered = series.points.windows(2).all(|pair| pair[1].t > pair[0].t);
        if !ordered || !first.t.is_finite() || !last.t.is_finite() {
            return None;
        }
        let least_rise = least_rise(&series.points);
        if last.count <= first.count && least_rise <= 0.0 {
            return None;
        }
        let (garbage, retainer) = (
            retainer.filter(|retainer| retainer.is_garbage()),
            retainer.filter(|retainer| !retainer.is_garbage()),
        );
        let births = || series.points.iter().skip(1).map(|point| point.born_count);
        let survivors = series.survivors.iter().skip(1).zip(births());
        let periods = periods(series, retainer.is_some());
        let counts = Increment::counts(&periods);
        let cluster = slope::cluster(&counts);
        let thirds = gaps::thirds(&periods);
        Some(Self {
            series,
            span: last.t - first.t,
            grew: series.points.windows(2).filter(|pair| pair[1].count > pair[0].count).count(),
            born: births().fold(0, u64::saturating_add),
            survived: survivors
                .map(|(retained, born)| *retained.min(&born))
                .fold(0, u64::saturating_add),
            retained: counts.iter().map(|increment| increment.amount).sum(),
            least_rise,
            growth: slope::slope(&counts, cluster),
            flatness: Flatness::of(&thirds, cluster),
            thirds,
            faster_unseen: gaps::faster(&periods),
            collections: collections(&series.points),
            retainer,
            garbage,
        })
    }

    /// Snapshots.
    pub fn snapshots(&self) -> usize {
        self.series.points.len()
    }

    /// Whether what is retained is also more than there was: otherwise old objects only made room
    /// for new ones.
    pub fn rises(&self) -> bool {
        self.least_rise > 0.0 && self.least_rise >= MINIMUM_SHARE * self.retained
    }

    /// Objects that it grew by: those that are retained, or else the difference of the snapshots.
    pub fn grown(&self) -> f64 {
        if self.retained > 0.0 { self.retained } else { self.net().max(0.0) }
    }

    /// Objects at the last snapshot less those at the first.
    pub fn net(&self) -> f64 {
        self.last().count as f64 - self.first().count as f64
    }

    /// Bytes of one object on average.
    pub fn size(&self) -> f64 {
        self.last().bytes as f64 / (self.last().count as f64).max(1.0)
    }

    /// The first snapshot.
    pub fn first(&self) -> TypePoint {
        self.series.points.first().copied().unwrap_or_default()
    }

    /// The last snapshot.
    pub fn last(&self) -> TypePoint {
        self.series.points.last().copied().unwrap_or_default()
    }

    /// Whether full collections are counted, and none came after anything was born: then all of it
    /// may be garbage.
    pub fn uncollected(&self) -> bool {
        self.collections == Some(0) && self.retainer.is_none()
    }
}

/// Objects by the snapshot of their birth, without those that are too young, or, unless a root
/// holds them, too young for the last full collection. Where nobody knows births, what the numbers
/// never went below again stands for them.
pub fn periods(series: &TypeSeries, is_held: bool) -> Vec<Cohort> {
    let points = &series.points;
    let end = end(points, is_held);
    let known = points.iter().skip(1).any(|point| point.born_count > 0);
    let least = if known { Vec::new() } else { never_below(points) };
    let cohort = |index: usize, pair: &[TypePoint]| {
        let survivors = series.survivors.get(index + 1).copied().unwrap_or(0);
        let (born, live) = if known {
            (pair[1].born_count, survivors.min(pair[1].born_count))
        } else {
            let more = least[index + 1].saturating_sub(least[index]);
            (more, more)
        };
        Cohort {
            from: pair[0].t,
            to: pair[1].t,
            allocated: Amount { bytes: 0, count: born },
            live: Amount { bytes: 0, count: live },
        }
    };
    let all: Vec<Cohort> =
        points.windows(2).enumerate().map(|(index, pair)| cohort(index, pair)).collect();
    let mut periods = gaps::divided(&all);
    periods.truncate(periods.partition_point(|period| period.to <= end + 1e-6));
    periods
}

/// Until when births count, seconds.
fn end(points: &[TypePoint], is_held: bool) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    let old = last.t - (YOUNG_SHARE * (last.t - first.t)).min(YOUNG_MOST);
    match last_collection(points) {
        Some(Some(t)) if !is_held => old.min(t),
        _ => old,
    }
}

/// The last snapshot before the last full collection; inside `None` where none came late enough to
/// prove anything, outside where they are not known.
fn last_collection(points: &[TypePoint]) -> Option<Option<f64>> {
    let (first, last) = (points.first()?, points.last()?);
    first.collections?;
    let pairs = points.windows(2).rev();
    let t = pairs.filter(|pair| collected(pair)).map(|pair| pair[0].t).next();
    Some(t.filter(|t| *t - first.t >= LATE_COLLECTION * (last.t - first.t)))
}

/// Whether a full collection came between two snapshots.
pub fn collected(pair: &[TypePoint]) -> bool {
    matches!((pair[0].collections, pair[1].collections), (Some(a), Some(b)) if b > a)
}

fn collections(points: &[TypePoint]) -> Option<u64> {
    match last_collection(points)? {
        None => Some(0),
        Some(_) => {
            let count = |point: Option<&TypePoint>| point.and_then(|point| point.collections);
            Some(count(points.last())?.saturating_sub(count(points.first())?))
        }
    }
}

/// The least number of objects from each snapshot on.
fn never_below(points: &[TypePoint]) -> Vec<u64> {
    let mut least: Vec<u64> = points.iter().map(|point| point.count).collect();
    for index in (1..least.len()).rev() {
        least[index - 1] = least[index - 1].min(least[index]);
    }
    least
}

fn least_rise(points: &[TypePoint]) -> f64 {
    let third = (points.len() / 3).max(1);
    let least = |points: &[TypePoint]| points.iter().map(|point| point.count).min().unwrap_or(0);
    least(&points[points.len() - third.min(points.len())..]) as f64
        - least(&points[..third.min(points.len())]) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::types::samples::PretendedHeap;

    #[test]
    fn what_stands_still_or_shrinks_is_left_out() {
        let heap = PretendedHeap::new(10, 60.0);
        assert!(Trajectory::measure(&heap.series("still", &|_| (5, 0), 100), None).is_none());
        let shrinks = TypeSeries {
            points: (0..10_u32)
                .map(|snapshot| TypePoint {
                    t: f64::from(snapshot),
                    count: 100 - u64::from(snapshot),
                    ..TypePoint::default()
                })
                .collect(),
            ..TypeSeries::default()
        };
        assert!(Trajectory::measure(&shrinks, None).is_none());
    }

    #[test]
    fn without_births_what_never_went_away_counts() {
        let heap = PretendedHeap::new(30, 60.0);
        let mut series = heap.series("leak", &|snapshot| (2 + snapshot % 3, 1), 100);
        for point in &mut series.points {
            (point.born_count, point.retained_count) = (0, 0);
        }
        series.survivors.clear();
        let trajectory = Trajectory::measure(&series, None).expect("grows");
        assert!(trajectory.retained > 10.0 && trajectory.rises(), "{trajectory:?}");
    }

    #[test]
    fn nonsense_is_left_out() {
        let point = |t, count| TypePoint { t, count, ..TypePoint::default() };
        let series = |points| TypeSeries { name: "x".into(), points, survivors: vec![7] };
        assert!(Trajectory::measure(&series(vec![]), None).is_none());
        assert!(
            Trajectory::measure(&series(vec![point(0.0, 1), point(f64::NAN, 2)]), None).is_none()
        );
        assert!(Trajectory::measure(&series(vec![point(5.0, 1), point(4.0, 2)]), None).is_none());
        assert!(
            Trajectory::measure(&series(vec![point(0.0, 1), point(f64::INFINITY, 2)]), None)
                .is_none()
        );
        assert!(
            Trajectory::measure(&series(vec![point(0.0, 0), point(1.0, u64::MAX)]), None).is_some()
        );
    }
}
