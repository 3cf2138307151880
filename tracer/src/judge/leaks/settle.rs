//! What the process does follows from its leaks: the two never contradict each other.

use super::retention;
use crate::model::{Confidence, Document, Leak, Verdict};

/// Leaks that explain less than this share of the growth do not say what the process does.
const MATTERS: f64 = 0.01;

/// Where caches that fill up explain so much of it, the process is one that fills caches.
const MOST: f64 = 0.5;

/// Makes the verdict on the process that of its leaks, and leaves no suspects under a first line that says that there
/// is no leak.
pub fn settle(document: &mut Document) {
    let leaks: Vec<&Leak> = document.leaks.iter().filter(|leak| leak.is_leak()).collect();
    let explained = |verdict: Verdict| -> f64 {
        let of = document.leaks.iter().filter(|leak| leak.verdict == verdict);
        of.filter_map(|leak| leak.explains).sum()
    };
    let fills = explained(Verdict::CacheWarming) >= MOST;
    let waits = explained(Verdict::GarbagePending) >= MOST;
    let is_full = document.leaks.iter().any(|leak| leak.verdict == Verdict::CacheBounded);
    let retention = document.leaks.iter().find(|leak| retention::is_most(leak));
    let retained = retention.and_then(|leak| leak.explains);
    let is_excluded = retention::is_excluded(document);
    let has_garbage = document.leaks.iter().any(|leak| leak.verdict == Verdict::GarbagePending);
    let is_undecided = document.leaks.iter().any(|leak| leak.verdict == Verdict::Undetermined);
    let Some(growth) = &mut document.growth else { return };
    let first = leaks.first().map(|leak| leak.confidence);
    let shares: Vec<f64> = leaks.iter().filter_map(|leak| leak.explains).collect();
    let explained: f64 = shares.iter().sum();
    let is_sure = first.is_some_and(|confidence| confidence > Confidence::Suspect);
    let by_allocator = growth.verdict == Verdict::AllocatorRetention;
    let settled = match first {
        Some(confidence) if shares.is_empty() || explained >= MATTERS => {
            Some((Verdict::Leak, confidence))
        }
        Some(confidence) if is_sure && retained.is_some() => Some((Verdict::Leak, confidence)),
        _ if is_sure && by_allocator => Some((Verdict::Undetermined, Confidence::Suspect)),
        _ if is_sure => None,
        _ if retained.is_some() => Some((Verdict::AllocatorRetention, Confidence::Suspect)),
        _ if by_allocator && is_excluded => Some((Verdict::Undetermined, Confidence::Suspect)),
        None if fills && growth.verdict.is_open() => {
            Some((Verdict::CacheWarming, Confidence::Suspect))
        }
        None if is_unsettled(growth.verdict)
            && (waits || has_garbage && !is_undecided && !growth.significant) =>
        {
            Some((Verdict::GarbagePending, Confidence::Suspect))
        }
        // It grew while a cache filled up, and that is full.
        None if is_full
            && !is_undecided
            && !growth.significant
            && matches!(growth.verdict, Verdict::Leak | Verdict::Undetermined) =>
        {
            Some((Verdict::CacheBounded, Confidence::Suspect))
        }
        // Below it stands what may be a leak after all.
        None if growth.verdict == Verdict::CacheWarming && is_undecided && !fills => {
            Some((Verdict::Undetermined, Confidence::Suspect))
        }
        None if growth.verdict == Verdict::Leak => {
            Some((Verdict::Undetermined, Confidence::Suspect))
        }
        _ => None,
    };
    (growth.verdict, growth.confidence) = settled.unwrap_or((growth.verdict, growth.confidence));
    if growth.verdict == Verdict::AllocatorRetention {
        growth.explained = retained.or(growth.explained);
        growth.needs_hours = retained.map_or(growth.needs_hours, |_| None);
        leave_out_leaks(&mut document.leaks);
    } else if !shares.is_empty() {
        growth.explained = Some(explained);
    }
    if growth.verdict == Verdict::Leak && growth.confidence > Confidence::Suspect {
        growth.needs_hours = None;
    }
}

/// Whether the verdict on the process from its stacks alone says that it grows, and not what that is.
fn is_unsettled(verdict: Verdict) -> bool {
    verdict.is_open() || verdict == Verdict::CacheWarming
}

/// Of these each explains less than a hundredth, and is suspected only; `findings` and `types` have them.
fn leave_out_leaks(leaks: &mut Vec<Leak>) {
    leaks.retain(|leak| !leak.is_leak());
    for (rank, leak) in (1..).zip(leaks) {
        leak.rank = rank;
    }
}
