//! What snapshots of containers add to a leak: how often the container that retains it grew, and which calls
//! made it grow.

use super::path::{Path, PlaceKey};
use super::piece::is_open;
use crate::model::{
    Advice, Confidence, Document, GrownBy, GrownContainer, Leak, LeakContainer, SnapshotsGrown,
    Verdict,
};

/// The leak with what is known of its container.
pub fn refine(mut leak: Leak, document: &Document) -> Leak {
    let containers = &document.history.containers;
    let Some(retainer) = leak.retained_by.as_mut().filter(|_| !containers.is_empty()) else {
        return leak;
    };
    let Some(place) = Path::parse(&retainer.path).map(|path| path.place()) else { return leak };
    let is_there = |container: &&GrownContainer| place_of(container).as_ref() == Some(&place);
    let Some(found) = containers.iter().find(is_there) else { return leak };
    let number = |snapshots| u64::try_from(snapshots).unwrap_or(u64::MAX);
    let (times, of) = found.rises();
    retainer.container = Some(LeakContainer {
        class: found.name.clone(),
        length: Some(found.items_now()),
        grew: Some(SnapshotsGrown { times: number(times), of: number(of) }),
    });
    leak.grown_by = growers(found);
    leak.bound.clone_from(&found.bound);
    if is_open(leak.verdict) && fills(found, &leak, document) {
        (leak.verdict, leak.confidence) = (Verdict::CacheWarming, Confidence::Likely);
        leak.advice = Advice::LowerLimit;
    }
    leak
}

/// Whether it grows because its container fills up to the limit that it declares: it has not more items than
/// that, still grew lately, and what it will hold fits into memory.
#[allow(clippy::cast_precision_loss, reason = "estimates")]
fn fills(container: &GrownContainer, leak: &Leak, document: &Document) -> bool {
    const LATELY: usize = 3;
    let items = container.items_now();
    let Some(limit) = container.bound.as_ref().and_then(|bound| bound.limit) else { return false };
    let grew = container.lengths.windows(2).rev().take(LATELY).any(|pair| pair[1].1 > pair[0].1);
    let full = leak.now.bytes as f64 / items.max(1) as f64 * limit as f64;
    let fits = document.target.limit_bytes.is_none_or(|most| full <= most as f64);
    items <= limit && grew && fits
}

/// Where a container is retained.
fn place_of(container: &GrownContainer) -> Option<PlaceKey> {
    let words: Vec<String> = container.path.iter().map(|(words, _)| words.clone()).collect();
    Path::parse(&words).map(|path| path.place())
}

/// Stacks that made it grow, with their shares. Sites that look the same are one.
#[allow(clippy::cast_precision_loss, reason = "growths of a container are few")]
fn growers(container: &GrownContainer) -> Vec<GrownBy> {
    let all: u64 = container.grown_by.iter().map(|(_, times)| times).sum();
    let mut growers: Vec<GrownBy> = Vec::new();
    for (site, times) in &container.grown_by {
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
    use crate::model::{Amount, CallStack, DeclaredBound, Frame, GrowthSite, LeakRetainer};
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
            bound: Some(DeclaredBound {
                kind: "app.Kept.maxsize".into(),
                limit: Some(limit),
                used,
            }),
            ..GrownContainer::default()
        }
    }

    fn judged(container: GrownContainer, memory: Option<u64>) -> Leak {
        let mut document =
            samples::document(samples::growth(Verdict::Leak, Confidence::Suspect), Vec::new());
        let mut leak = samples::leaks::plain("app.Page", Confidence::Suspect);
        leak.now = Amount { count: 400, bytes: 400 << 10 };
        let path = container.path.iter().map(|(words, _)| words.clone()).collect();
        leak.retained_by = Some(LeakRetainer { path, container: None });
        document.target.limit_bytes = memory;
        document.history.containers = vec![container];
        refine(leak, &document)
    }

    #[test]
    fn what_fills_up_to_its_own_limit_is_no_leak() {
        let grows = [300, 350, 400];
        assert_eq!(judged(list(&grows, 1000), None).verdict, Verdict::CacheWarming);
        assert_eq!(judged(list(&grows, 1000), Some(1 << 30)).advice, Advice::LowerLimit);
        for (lengths, limit, memory) in [
            // More than it says it would hold.
            (&[300, 350, 400][..], 399, None),
            // It is full, and its entries grow.
            (&[300, 400, 400, 400, 400][..], 400, None),
            // Full it takes more than there is.
            (&[300, 350, 400][..], 1 << 20, Some(100 << 20)),
        ] {
            let leak = judged(list(lengths, limit), memory);
            assert_eq!(leak.verdict, Verdict::Leak, "{lengths:?} of {limit}");
            assert_eq!(leak.bound.and_then(|bound| bound.limit), Some(limit));
        }
    }

    #[test]
    fn sites_with_one_stack_are_one() {
        let grown_by = vec![(site(9), 2), (site(20), 3), (site(9), 3)];
        let container = GrownContainer { grown_by, ..GrownContainer::default() };
        let shares: Vec<f64> = growers(&container).iter().map(|grower| grower.share).collect();
        assert_eq!(shares, [0.625, 0.375]);
        assert_eq!(growers(&container)[0].stack, site(9).stack);
    }
}
