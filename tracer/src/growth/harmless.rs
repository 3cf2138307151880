//! What memory is when it is no leak: by how it comes and goes.

use super::watch::Coverage;
use crate::model::{SiteHistory, Totals, Verdict};

/// Share of the releases that must fall into moments of full collections.
const COLLECTED: f64 = 0.6;
/// Those moments may make up this share of the time at most, or they say nothing.
const RARE: f64 = 0.3;
/// A cache that is full gives up no more than this share of its greatest size.
const STEADY: f64 = 0.7;

/// Whether full collections are rare enough for releases at them to say something: `moments` of
/// `all` have one.
pub fn rare(moments: f64, all: f64) -> bool {
    moments > 0.0 && moments <= RARE * all
}

/// Whether releases come at full collections: `then` of `all`.
pub fn come_at_collections(then: f64, all: f64) -> bool {
    all > 0.0 && then >= COLLECTED * all
}

/// Whether old makes room for new: as much as half of what was born was freed.
pub fn replaced(born: f64, freed: f64) -> bool {
    born > 0.0 && freed >= 0.5 * born
}

/// What it is where old makes room for new, by how much of it there was lately: a cache that is
/// full changes little.
pub fn of_replaced(late: impl Iterator<Item = f64>) -> Verdict {
    let (low, high) = late
        .fold((f64::INFINITY, 0.0_f64), |(low, high), amount| (low.min(amount), high.max(amount)));
    if low >= STEADY * high { Verdict::CacheBounded } else { Verdict::SessionsOpen }
}

/// The word for `sites` if they do not leak; `Undetermined` where nothing says what they are.
pub fn kind(sites: &[&SiteHistory], watch: &Coverage) -> Verdict {
    let half = |t: f64| total(sites, t);
    let (middle, end) = (half(0.5 * watch.snapshot), half(watch.snapshot));
    if collected(sites, watch) {
        return Verdict::GarbagePending;
    }
    if end.live().count == 0 {
        return Verdict::Baseline;
    }
    let born = end.allocated.minus(middle.allocated);
    if born.count == 0 {
        return Verdict::Baseline;
    }
    let freed = end.freed.minus(middle.freed);
    if !replaced(born.count as f64, freed.count as f64) {
        return Verdict::Undetermined;
    }
    of_replaced(late(sites, watch))
}

/// The sums of several sites at one moment.
pub fn total(sites: &[&SiteHistory], t: f64) -> Totals {
    let at = |site: &&SiteHistory| {
        let next = site.sums.partition_point(|point| point.t <= t);
        Some(site.sums.get(next.checked_sub(1)?)?.totals)
    };
    sites.iter().filter_map(at).fold(Totals::default(), Totals::plus)
}

/// What lived in the last third.
fn late(sites: &[&SiteHistory], watch: &Coverage) -> impl Iterator<Item = f64> {
    (0..=24).map(|step| {
        let t = watch.snapshot * (1.0 - f64::from(step) / 72.0);
        total(sites, t).live().bytes as f64
    })
}

/// Whether releases come at full collections.
fn collected(sites: &[&SiteHistory], watch: &Coverage) -> bool {
    let mut times: Vec<f64> = watch.collections.iter().map(|collection| collection.t).collect();
    times.sort_by(f64::total_cmp);
    if !rare(times.len() as f64 * watch.tick, watch.snapshot) {
        return false;
    }
    let at_one = |from: f64, to: f64| {
        let next = times.partition_point(|t| *t < from - 0.5 * watch.tick);
        times.get(next).is_some_and(|t| *t <= to + 0.5 * watch.tick)
    };
    let (mut all, mut then) = (0.0, 0.0);
    for site in sites {
        for pair in site.sums.windows(2) {
            let freed = pair[1].totals.freed.minus(pair[0].totals.freed).bytes as f64;
            all += freed;
            // Points stand only where something changed, so the change came shortly before the
            // second.
            if at_one((pair[1].t - watch.tick).max(pair[0].t), pair[1].t) {
                then += freed;
            }
        }
    }
    come_at_collections(then, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::samples;
    use crate::model::{Amount, Collection, Document, SitePoint};

    /// 1000 bytes a second are allocated; `freed(t)` bytes are freed until `t`.
    fn site(freed: impl Fn(u64) -> u64) -> SiteHistory {
        let sums = (0..=60)
            .map(|tick| SitePoint {
                t: 10.0 * tick as f64,
                totals: Totals {
                    allocated: Amount { bytes: 10_000 * tick, count: 10 * tick },
                    freed: Amount { bytes: 1000 * freed(10 * tick), count: freed(10 * tick) },
                },
            })
            .collect();
        SiteHistory { sums, ..SiteHistory::default() }
    }

    fn watch(document: &Document) -> Coverage {
        Coverage::from_document(document, 0.0)
    }

    #[test]
    fn words() {
        let mut document = samples::document(600.0);
        document.history.collections =
            (1..6).map(|n| Collection { t: 100.0 * f64::from(n), count: 1 }).collect();
        let at_collections = site(|t| t / 100 * 100);
        assert_eq!(kind(&[&at_collections], &watch(&document)), Verdict::GarbagePending);
        document.history.collections.clear();
        let sessions = site(|t| t / 70 * 70);
        assert_eq!(kind(&[&sessions], &watch(&document)), Verdict::SessionsOpen);
        let cache = site(|t| t.saturating_sub(100));
        assert_eq!(kind(&[&cache], &watch(&document)), Verdict::CacheBounded);
        assert_eq!(kind(&[&site(|_| 0)], &watch(&document)), Verdict::Undetermined);
        assert_eq!(kind(&[], &watch(&document)), Verdict::Baseline);
    }
}
