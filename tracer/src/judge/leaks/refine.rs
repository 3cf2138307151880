//! What snapshots of containers add to a leak: how often the container that retains it grew, and which calls
//! made it grow.

use super::measures::Measures;
use super::path::place_of;
use super::{below, full};
use crate::model::{
    Advice, Confidence, DeclaredBound, Document, GrownBy, GrownContainer, Leak, LeakContainer,
    LeakRate, SnapshotsGrown, Verdict, turns,
};

/// The leak with what is known of its container.
pub fn refine(leak: Leak, document: &Document, measures: &Measures) -> Leak {
    let containers = &document.history.containers;
    let (mut leak, below) = below::lifted(leak, containers, measures);
    let Some(retainer) = leak.retained_by.as_mut().filter(|_| !containers.is_empty()) else {
        return leak;
    };
    let Some(place) = place_of(&retainer.path) else { return leak };
    let is_there =
        |container: &&GrownContainer| place_of(&container.words()).as_ref() == Some(&place);
    let Some(found) = containers.iter().find(is_there) else { return leak };
    let number = |snapshots| u64::try_from(snapshots).unwrap_or(u64::MAX);
    let (times, of) = found.rises();
    retainer.container = Some(LeakContainer {
        class: found.name.clone(),
        length: (!found.is_buffer()).then(|| found.items_now()),
        // One with few items was seen at the end only.
        grew: (of > 0).then(|| SnapshotsGrown { times: number(times), of: number(of) }),
        items_per_hour: found.items_per_hour().filter(|_| !found.is_buffer()),
        room: found.room,
        below: below.as_ref().map(|inner| inner.containers.clone()),
    });
    leak.grown_by = growers(below.iter().flat_map(|inner| &inner.grown).copied().chain([found]));
    leak.bound.clone_from(&found.bound);
    if let Some(inner) = below.filter(|_| found.bound.is_none())
        && let Some(bound) = &inner.containers.bound
    {
        leak.bound = Some(bound.clone());
        return limited_below(leak, bound, document);
    }
    if !leak.verdict.is_open() || leak.confidence > Confidence::Suspect {
        return leak;
    }
    match enforces(found) {
        Some(confidence) => limited(leak, found, (document, measures), confidence),
        None if full::stands(found, &leak, document, measures) => full(leak, Confidence::Suspect),
        None => leak,
    }
}

/// What it is in a container that enforces a limit, as sure as that: it fills up, or is full.
fn limited(
    mut leak: Leak,
    container: &GrownContainer,
    (document, measures): (&Document, &Measures),
    confidence: Confidence,
) -> Leak {
    if fills(container, &leak, document) {
        (leak.verdict, leak.confidence) = (Verdict::CacheWarming, confidence);
        leak.advice = Advice::LowerLimit;
        return leak;
    }
    let is_full = full::is_full(container, &leak, document, measures)
        || full::stands(container, &leak, document, measures)
        || filled(container, &leak, document);
    if is_full { full(Leak { advice: Advice::LowerLimit, ..leak }, confidence) } else { leak }
}

/// What it is in containers that each declare a limit, in one that does not grow: as many objects as all limits allow.
fn limited_below(mut leak: Leak, bound: &DeclaredBound, document: &Document) -> Leak {
    let DeclaredBound { limit: Some(limit), used, .. } = *bound else { return leak };
    let confidence = enforced(bound, "").unwrap_or(Confidence::Suspect);
    // Where most are elsewhere, these are not what grows.
    let is_here = leak.now.count <= used.saturating_mul(2);
    let is_open = leak.verdict.is_open() && leak.confidence <= Confidence::Suspect;
    let is_bounded = is_here
        && used <= limit
        && is_of_items(&leak, (used, leak.rate.count_per_hour))
        && fits(&leak, (used, limit), document);
    if !is_open || !is_bounded {
        return leak;
    }
    leak.advice = Advice::LowerLimit;
    match DeclaredBound::has_reached(used, limit) {
        true => full(leak, confidence),
        false => Leak { verdict: Verdict::CacheWarming, confidence, ..leak },
    }
}

/// What is full grows no more.
fn full(leak: Leak, confidence: Confidence) -> Leak {
    Leak { verdict: Verdict::CacheBounded, confidence, rate: LeakRate::default(), ..leak }
}

/// Limits of these count for the container of this attribute alone (any, where the container or its cache says so
/// itself): what else such an object has is not limited.
const ENFORCED: [(&str, &str); 7] = [
    ("lru_cache", ""),
    ("deque.maxlen", ""),
    ("queue.Queue.maxsize", ".queue: "),
    ("queue.LifoQueue.maxsize", ".queue: "),
    ("asyncio.queues.Queue._maxsize", "._queue: "),
    ("asyncio.queues.LifoQueue._maxsize", "._queue: "),
    // `cachetools.Cache` and those that derive from it, which have another dict for the order.
    ("._Cache__maxsize", ""),
];

/// How sure it is that the container holds no more than it says: of classes whose code is known it is likely, others
/// declare it. `None` where what declares a limit means another container.
fn enforces(container: &GrownContainer) -> Option<Confidence> {
    let last = container.path.last().map_or("", |(words, _)| words.as_str());
    enforced(container.bound.as_ref()?, last)
}

/// The same of a limit, and the last words of the path to what it is of.
fn enforced(bound: &DeclaredBound, last: &str) -> Option<Confidence> {
    let kind = bound.kind.split(" of ").next().unwrap_or_default();
    let known = ENFORCED.iter().find(|(known, _)| kind.ends_with(known));
    match known {
        _ if bound.is_in_code() => Some(Confidence::Likely),
        Some((_, via)) => last.starts_with(via).then_some(Confidence::Likely),
        None => Some(Confidence::Suspect),
    }
}

/// Whether it grows because its container fills up to its limit: it has fewer items than that, still grew
/// lately, its items are what grows, and what it will hold fits into memory.
fn fills(container: &GrownContainer, leak: &Leak, document: &Document) -> bool {
    let Some(limit) = container.bound.as_ref().and_then(|bound| bound.limit) else { return false };
    let Some((items, per_hour)) = filling(container, leak, limit) else { return false };
    items < limit && is_of_items(leak, (items, per_hour)) && fits(leak, (items, limit), document)
}

/// Whether it filled up to its limit at one of the last snapshots, too late to see whether it rests: its items were what
/// grew.
fn filled(container: &GrownContainer, leak: &Leak, document: &Document) -> bool {
    let Some(limit) = container.bound.as_ref().and_then(|bound| bound.limit) else { return false };
    let (items, of_leak) = (container.items_now(), (leak.now.count, leak.rate.count_per_hour));
    let (items, per_hour) = match container.items_per_hour() {
        Some(per_hour) if grew_lately(container) => (items, per_hour),
        None => of_leak,
        Some(_) => return false,
    };
    let is_known = DeclaredBound::has_reached(items, limit);
    is_known && is_of_items(leak, (items, per_hour)) && fits(leak, (items, limit), document)
}

/// Whether it grows by items, so many of which come an hour, and not by what is in them.
#[allow(clippy::cast_precision_loss, reason = "estimates")]
fn is_of_items(leak: &Leak, (items, per_hour): (u64, f64)) -> bool {
    /// Growth of a container and of what is in it are measured in two ways, and a pool has not all of its items all
    /// the time.
    const ROUGHLY: f64 = 2.0;
    let each = leak.now.bytes as f64 / items.max(1) as f64;
    leak.rate.bytes_per_hour.est <= ROUGHLY * each * per_hour
}

/// Whether there is room in memory for as many items as the limit allows.
#[allow(clippy::cast_precision_loss, reason = "estimates")]
fn fits(leak: &Leak, (items, limit): (u64, u64), document: &Document) -> bool {
    leak.now.bytes as f64 / items.max(1) as f64 * limit as f64 <= room(document)
}

/// Whether it grew at one of the last snapshots.
fn grew_lately(container: &GrownContainer) -> bool {
    const LATELY: usize = 3;
    let lately = container.lengths.len().saturating_sub(LATELY + 1);
    turns(&container.lengths[lately..]).0 > 0
}

/// How many items are in it, and how many come an hour; `None` where it grows no more.
fn filling(container: &GrownContainer, leak: &Leak, limit: u64) -> Option<(u64, f64)> {
    let items = container.items_now();
    let of_leak = (leak.now.count, leak.rate.count_per_hour);
    let is_behind = leak.retained_by.as_ref().is_some_and(|by| by.through.len() <= SLOT);
    match container.items_per_hour() {
        Some(per_hour) if grew_lately(container) => Some((items, per_hour)),
        // All places are there from the start, and one after the other gets its connection.
        Some(_) if items == limit && is_behind => (leak.now.count < limit).then_some(of_leak),
        None => (leak.now.count <= limit).then_some(of_leak),
        Some(_) => None,
    }
}

/// References from a place in a pool to what is in it, at most.
const SLOT: usize = 2;

/// Bytes that the process may come to: its limit, or some times of what it has where that is not known.
#[allow(clippy::cast_precision_loss, reason = "estimates")]
fn room(document: &Document) -> f64 {
    const TIMES: f64 = 4.0;
    let known = document.growth.as_ref().and_then(|growth| growth.limit_bytes);
    let last = document.history.process.last().and_then(|point| point.rss_bytes);
    let limit = known.or(document.target.limit_bytes).map(|limit| limit as f64);
    limit.unwrap_or_else(|| TIMES * last.unwrap_or(0) as f64)
}

/// Stacks that made it grow, with their shares. Sites that look the same are one.
#[allow(clippy::cast_precision_loss, reason = "growths of a container are few")]
fn growers<'a>(containers: impl IntoIterator<Item = &'a GrownContainer>) -> Vec<GrownBy> {
    let grown: Vec<_> = containers.into_iter().flat_map(|container| &container.grown_by).collect();
    let all = grown.iter().map(|(_, times)| *times).fold(0, u64::saturating_add);
    let mut growers: Vec<GrownBy> = Vec::new();
    for (site, times) in grown {
        let share = *times as f64 / all.max(1) as f64;
        match growers.iter_mut().find(|known| known.stack == site.stack) {
            Some(known) => known.share += share,
            None => growers.push(GrownBy { stack: site.stack.clone(), share }),
        }
    }
    growers.sort_by(|a, b| b.share.total_cmp(&a.share));
    growers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, CallStack, Frame, GrowthSite, LeakRetainer, ProcessPoint};
    use crate::report::leaks::samples;

    fn site(line: u32) -> GrowthSite {
        let stack: CallStack =
            [Frame::python("handle", "srv.py", Some(line))].into_iter().collect();
        GrowthSite { id: format!("{line}"), stack }
    }

    /// A list that held that many items, and may hold `limit`.
    fn list(lengths: &[u64], limit: u64) -> GrownContainer {
        let used = lengths.last().copied().unwrap_or(0);
        GrownContainer {
            name: "list".into(),
            path: vec![("module app".into(), None), (".KEPT: list (9 items)".into(), None)],
            lengths: (0_u32..).zip(lengths).map(|(t, items)| (f64::from(t), *items)).collect(),
            bound: Some(DeclaredBound { kind: "lru_cache".into(), limit: Some(limit), used }),
            ..GrownContainer::default()
        }
    }

    /// A leak of 1 KiB for each of 400 items, that grows as the list does, `times` as fast; and what becomes of it.
    fn judged(container: GrownContainer, memory: Option<u64>, times: f64) -> Leak {
        held(container, 400, memory, times)
    }

    /// The same of so many objects.
    fn held(container: GrownContainer, count: u64, memory: Option<u64>, times: f64) -> Leak {
        let growth = samples::growth(Verdict::Leak, Confidence::Suspect);
        let mut document = samples::document(growth, Vec::new());
        document.growth.iter_mut().for_each(|growth| growth.limit_bytes = memory);
        document.target.limit_bytes = None;
        let rss_bytes = Some(10 << 20);
        document.history.process = vec![ProcessPoint { rss_bytes, ..ProcessPoint::default() }];
        let mut leak = samples::leaks::plain("app.Page", Confidence::Suspect);
        leak.now = Amount { count, bytes: count << 10 };
        leak.rate.count_per_hour = 1000.0;
        leak.rate.bytes_per_hour.est =
            container.items_per_hour().unwrap_or(1000.0).max(1.0) * 1024.0 * times;
        let path = container.words();
        leak.retained_by = Some(LeakRetainer { path, ..LeakRetainer::default() });
        document.history.containers = vec![container];
        refine(leak, &document, &Measures::default())
    }

    #[test]
    fn what_fills_up_to_its_own_limit_is_no_leak() {
        let grows = [300, 350, 400];
        for memory in [None, Some(1 << 30)] {
            let leak = judged(list(&grows, 1000), memory, 1.0);
            assert_eq!((leak.verdict, leak.advice), (Verdict::CacheWarming, Advice::LowerLimit));
        }
        for (lengths, limit, memory, times) in [
            // More than it says it would hold.
            (&[300, 350, 400][..], 399, None, 1.0),
            // It is full, and its entries grow.
            (&[300, 400, 400, 400, 400][..], 400, None, 1.0),
            // Its entries grow faster than their number.
            (&[300, 350, 400][..], 1000, None, 3.0),
            // Full it takes more than there is, or ever was.
            (&[300, 350, 400][..], 1 << 20, Some(100 << 20), 1.0),
            (&[300, 350, 400][..], 1 << 20, None, 1.0),
        ] {
            let leak = judged(list(lengths, limit), memory, times);
            assert_eq!(leak.verdict, Verdict::Leak, "{lengths:?} of {limit}");
            assert_eq!(leak.bound.and_then(|bound| bound.limit), Some(limit));
        }
    }

    /// Nothing is still filling that has as many items as it may.
    #[test]
    fn what_is_full_is_not_filling() {
        for (lengths, limit, verdict) in [
            (&[300, 350, 400][..], 400, Verdict::CacheBounded),
            (&[300, 350, 390], 400, Verdict::CacheWarming),
            (&[300, 350, 401], 400, Verdict::Leak),
        ] {
            let leak = judged(list(lengths, limit), None, 1.0);
            assert_eq!(leak.verdict, verdict, "{lengths:?} of {limit}");
            let is_full = verdict == Verdict::CacheBounded;
            assert_eq!(leak.rate == LeakRate::default(), is_full);
        }
    }

    /// A queue may have another list beside its own. What a class of the program declares is believed until it holds
    /// more.
    #[test]
    fn limits_are_those_of_one_container() {
        for (kind, via, verdict) in [
            ("app.Hub.capacity", ".rooms: dict (9 items)", Verdict::CacheWarming),
            ("lru_cache of page()", ".cache: dict (9 items)", Verdict::CacheWarming),
            ("queue.Queue.maxsize", ".queue: collections.deque (9 items)", Verdict::CacheWarming),
            ("queue.Queue.maxsize", ".log: list (9 items)", Verdict::Leak),
            ("cachetools.TTLCache._Cache__maxsize", "._Cache__data: dict", Verdict::CacheWarming),
            ("LIMIT in the code of get_page", ".pages: dict (9 items)", Verdict::CacheWarming),
        ] {
            let mut container = list(&[300, 350, 400], 1000);
            container.path[1].0 = via.into();
            container.bound.iter_mut().for_each(|bound| bound.kind = kind.into());
            assert_eq!(judged(container, None, 1.0).verdict, verdict, "{kind} {via}");
        }
    }

    /// Of a container with few items only the last snapshot says how many; a pool may have all of its places from the
    /// start, and what fills them grows until each has one.
    #[test]
    fn pools_fill_up_though_they_do_not_grow() {
        let places = [400, 400, 400, 400, 400];
        for (lengths, limit, count, verdict) in [
            (&[116][..], 2000, 116, Verdict::CacheWarming),
            (&[116], 100, 116, Verdict::Leak),
            (&[30], 30, 30, Verdict::CacheBounded),
            (&[30], 30, 29, Verdict::CacheWarming),
            (&[30], 30, 31, Verdict::Leak),
            (&places, 400, 150, Verdict::CacheWarming),
            (&places, 400, 400, Verdict::Leak),
            (&places, 500, 150, Verdict::Leak),
        ] {
            let leak = held(list(lengths, limit), count, None, 1.0);
            assert_eq!(leak.verdict, verdict, "{lengths:?} of {limit}, {count} in use");
            let seen = leak.retained_by.and_then(|by| by.container?.grew);
            assert_eq!(seen.is_some(), lengths.len() > 1);
        }
    }

    #[test]
    fn sites_with_one_stack_are_one() {
        let grown_by = vec![(site(9), 2), (site(20), 3), (site(9), 3)];
        let container = GrownContainer { grown_by, ..GrownContainer::default() };
        let shares: Vec<f64> = growers([&container]).iter().map(|grower| grower.share).collect();
        assert_eq!(shares, [0.625, 0.375]);
        assert_eq!(growers([&container])[0].stack, site(9).stack);
    }
}
