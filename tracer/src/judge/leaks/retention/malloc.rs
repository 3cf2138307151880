//! What the C library's malloc retains: free and resident, as it was read from malloc itself, together with the size of
//! the process. So its growth explains the growth of the process as far as it goes.

use super::{HOUR, Retained, WORTH, float};
use crate::growth::trend_slope;
use crate::model::{Advice, Amount, Document, MallocPoint, Reason};

/// Growth of the process is measured in two ways, which differ by no more than this.
const ROUGHLY: f64 = 1.25;
/// A reading of which one byte in so many could not be read counts: what it misses is little.
const UNREAD: u64 = 20;
/// Fewer readings have no trend.
const READINGS: usize = 6;

/// `None` where malloc was not read, or what it retains does not grow.
pub fn retained(document: &Document) -> Option<Retained> {
    let growth = document.growth.as_ref().filter(|growth| growth.significant)?;
    let whole: Vec<&MallocPoint> = document.malloc.iter().filter(is_whole).collect();
    let last = whole.last()?;
    let warm = whole.partition_point(|point| point.t < growth.warm_up_seconds);
    // Early on, too few are later; what malloc retains is retained, whether the program was warm or not.
    let from = if whole.len() - warm < READINGS { 0 } else { warm };
    let slope_of = |bytes: fn(&MallocPoint) -> u64| {
        let points = whole[from..].iter().map(|point| (point.t, float(bytes(point))));
        trend_slope(&points.collect::<Vec<_>>())
    };
    let slope = slope_of(|point| point.malloc.retained_bytes())?;
    // Of the same moments: what comes and goes between readings changes both.
    let explains = slope.est / slope_of(|point| point.rss_anon_bytes)?.est;
    let of_growth = slope.est * HOUR / growth.slope_bytes_per_hour.est;
    let explains = explains.min(ROUGHLY * of_growth);
    let rate = slope.times(HOUR);
    (rate.lo > 0.0 && explains.is_finite() && explains >= WORTH).then(|| Retained {
        name: "malloc".to_owned(),
        now: Amount { bytes: last.malloc.retained_bytes(), count: last.malloc.retaining_arenas },
        rate,
        explains: Some(explains),
        ground: Reason::MallocRetains { malloc: last.malloc },
        advice: Advice::TrimAllocator,
    })
}

/// Whether there are readings enough for a trend.
pub fn was_read(document: &Document) -> bool {
    document.malloc.iter().filter(is_whole).count() >= READINGS
}

fn is_whole(point: &&MallocPoint) -> bool {
    point.malloc.unread_bytes <= point.malloc.system_bytes / UNREAD
}
