//! What an allocator retains whose structures are not read (jemalloc, mimalloc, tcmalloc, musl), as a lower bound: the blocks
//! that were seen take less than they once did, and the memory of the process did not shrink with them.
//!
//! Both must be so. Memory beyond live blocks grows also when memory from before is used for the first time; then nothing
//! was freed. And what was freed may have been given back; then the process shrank.

use super::{HOUR, Retained, WORTH, float};
use crate::growth::trend_slope;
use crate::model::{Advice, Amount, CounterClass, Document, Note, ProcessPoint, Reason};

/// Fewer points have no trend.
const POINTS: usize = 6;
/// Periods of which the most counts: in a rush all of it is in use.
const PERIODS: usize = 16;

/// `None` where the allocator is one that is read, where calls were missed, or where that does not grow.
pub fn retained(document: &Document) -> Option<Retained> {
    let growth = document.growth.as_ref().filter(|growth| growth.significant)?;
    let (name, version) = not_read(document)?;
    let points = of_periods(&points(&document.history.process));
    let last = points.last()?;
    let warm = points.partition_point(|point| point.t < growth.warm_up_seconds);
    let from = if points.len() - warm < POINTS { 0 } else { warm };
    let slope_of = |bytes: fn(&Point) -> f64| {
        let series = points[from..].iter().map(|point| (point.t, bytes(point)));
        trend_slope(&series.collect::<Vec<_>>())
    };
    let slope = slope_of(|point| float(point.least))?;
    let explains = slope.est / slope_of(|point| float(point.resident))?.est;
    let rate = slope.times(HOUR);
    // Less in blocks and more retained is more than the growth.
    let explains = explains.min(1.0);
    (rate.lo > 0.0 && explains.is_finite() && explains >= WORTH).then(|| Retained {
        name: name.to_owned(),
        now: Amount { bytes: last.least, count: 1 },
        rate,
        explains: Some(explains),
        ground: Reason::AllocatorRetains {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            least_bytes: last.least,
            most_bytes: last.most,
        },
        advice: Advice::TrimAllocator,
    })
}

/// What the allocator is called, where it is none that is read and all of its calls were seen.
fn not_read(document: &Document) -> Option<(&str, Option<&str>)> {
    let notes = &document.capture.notes;
    let hides = |note: &Note| {
        matches!(
            note,
            Note::FunctionNotSeen { .. }
                | Note::AllocatorHooked { .. }
                | Note::OtherAllocator { .. }
                | Note::AllocatorNotBelieved { .. }
                | Note::PythonAllocator { .. }
                | Note::SystemCallsNotSeen
        )
    };
    let lost = |class: CounterClass, count: u64| class == CounterClass::Loss && count > 0;
    let is_whole = !notes.iter().any(hides)
        && !document.losses.iter().any(|loss| lost(loss.counter.class(), loss.count));
    let name = notes.iter().find_map(|note| match note {
        Note::MallocNotRead { name, version } => Some((name.as_str(), version.as_deref())),
        _ => None,
    });
    name.filter(|_| is_whole && document.malloc.is_empty())
}

/// The process at one moment, bytes.
#[derive(Clone, Copy)]
struct Point {
    t: f64,
    resident: u64,
    /// What is retained at least.
    least: u64,
    /// Resident and in no block that was seen.
    most: u64,
}

fn points(process: &[ProcessPoint]) -> Vec<Point> {
    let known = || process.iter().filter_map(|point| Some((point, point.rss_anon_bytes?)));
    let beyond = |(point, resident): (&ProcessPoint, u64)| {
        i128::from(resident) - i128::from(point.live_bytes)
    };
    let Some(first) = known().next().map(beyond) else { return Vec::new() };
    let mut peak = 0;
    let points = known().map(|(point, resident)| {
        peak = peak.max(point.live_bytes);
        let beyond = beyond((point, resident));
        let grown = u64::try_from(beyond - first).unwrap_or(0);
        Point {
            t: point.t,
            resident,
            least: grown.min(peak - point.live_bytes),
            most: u64::try_from(beyond).unwrap_or(0),
        }
    });
    points.collect()
}

/// Of each period the point at which most was retained.
fn of_periods(points: &[Point]) -> Vec<Point> {
    let periods = points.chunks(points.len().div_ceil(PERIODS).max(1));
    periods.filter_map(|period| period.iter().max_by_key(|point| point.least).copied()).collect()
}
