//! Where a leak is decided: from measurements to a verdict and its confidence.
//!
//! A cache that is still filling keeps everything that it is given, as a leak does; before it is
//! full the two cannot be told apart by any statistics. So growth by itself never makes a verdict
//! `confirmed`, and `likely` only after hours. What can: blocks that nothing points to any more,
//! and a steady share retained of blocks that otherwise live long and die, which no filling cache
//! shows.

use super::decision::{Decision, LIKELY_SECONDS, SUSPECT_P, confidence_of_growth};
use super::gauge::Gauge;
use super::persistence::Flatness;
use super::watch::Coverage;
use crate::model::{Confidence, Reason, UnreachableBlocks, Verdict};

/// Blocks that must have been looked for, and the share of them that must be unreachable. A number that
/// happens to look like their address hides unreachable blocks in a heap full of numbers (a quarter of the
/// arrays that pandas 1.3 leaks); a pointer in a form that nobody recognises would hide all blocks
/// of a site, so a larger share proves no more.
const LOOKED_FOR: u64 = 8;
const UNREACHABLE: f64 = 0.5;

/// Judges. `p` is corrected for the number of subjects; `harmless` is what it would be if it is no
/// leak.
pub fn decide(
    gauge: &Gauge,
    watch: &Coverage,
    p: f64,
    q: f64,
    unreferenced: Option<UnreachableBlocks>,
    harmless: Verdict,
) -> Decision {
    let grows = gauge.bytes.per_hour.lo > 0.0 && gauge.bytes.per_hour.est >= watch.least_per_hour;
    let flat = gauge.persistence.flatness;
    let unreachable = unreferenced.filter(|search| is_unreachable(*search));
    if let Some(found) = unreachable.filter(|_| gauge.retained.count > 0) {
        return unreachable_for_good(found, gauge, p, q, grows && flat != Flatness::Falls);
    }
    if let Some(decision) = ended(gauge, watch, harmless) {
        return decision;
    }
    if !grows || p > SUSPECT_P {
        return Decision::suspect(Verdict::Undetermined, chance(gauge));
    }
    if loss_explains(gauge, watch) {
        let basis = Reason::LossesExplainIt { share: watch.lost };
        return Decision::suspect(Verdict::Undetermined, basis);
    }
    let steady = p <= q && gauge.persistence.is_steady() && knows_lifetimes(gauge, watch);
    match confidence_of_growth(gauge.span()).filter(|_| steady) {
        Some(confidence) => of_hours(gauge, confidence),
        None if gauge.persistence.slows() => Decision::suspect(Verdict::Leak, slows(gauge)),
        None => Decision::suspect(Verdict::Leak, Reason::GrowsSoFar { seconds: gauge.span() }),
    }
}

/// About how many more hours of watching a better verdict needs.
pub fn needs_hours(decision: &Decision, gauge: &Gauge, watch: &Coverage) -> Option<f64> {
    let open =
        matches!(decision.verdict, Verdict::Leak | Verdict::Undetermined | Verdict::CacheWarming);
    let proved = matches!(decision.basis, Reason::Unreachable { .. });
    let missing = LIKELY_SECONDS + gauge.age.seconds + gauge.since - watch.snapshot;
    (open && !proved && decision.confidence == Confidence::Suspect)
        .then(|| (missing.max(0.25 * watch.snapshot) / 3600.0).max(0.1))
}

/// Growth that is none any more, or comes to its end.
fn ended(gauge: &Gauge, watch: &Coverage, harmless: Verdict) -> Option<Decision> {
    let persistence = &gauge.persistence;
    let (verdict, basis) = match () {
        () if persistence.flatness == Flatness::Falls => {
            (or(harmless, Verdict::CacheBounded), Reason::OldBlocksFreed)
        }
        () if gauge.age.capped && gauge.hazard * watch.snapshot > 1.0 => {
            (harmless, Reason::OldBlocksFreed)
        }
        () if persistence.levels_off() => (Verdict::CacheWarming, slows(gauge)),
        () if persistence.stopped() && gauge.span() > 600.0 => {
            (or(harmless, Verdict::Baseline), Reason::Stopped)
        }
        () => return None,
    };
    Some(Decision::suspect(verdict, basis))
}

/// Whether old blocks had the time to die: where blocks may live longer than half of what was
/// watched, they have only begun to.
fn knows_lifetimes(gauge: &Gauge, watch: &Coverage) -> bool {
    !gauge.age.capped && !watch.only_sums
}

fn slows(gauge: &Gauge) -> Reason {
    Reason::Slows { share: gauge.persistence.last_third }
}

fn chance(gauge: &Gauge) -> Reason {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let retained = gauge.periods.iter().filter(|period| period.live.count > 0).count();
    Reason::RetainedInFewPeriods {
        retained: number(retained),
        periods: number(gauge.periods.len()),
    }
}

/// Growth that was steady for hours.
fn of_hours(gauge: &Gauge, confidence: Confidence) -> Decision {
    let verdict = Verdict::Leak;
    match gauge.median_life.filter(|_| retained(gauge)) {
        Some(median_life) => Decision {
            verdict,
            confidence: Confidence::Confirmed,
            basis: Reason::SomeNeverFreed { median_life },
        },
        None => {
            Decision { verdict, confidence, basis: Reason::GrowsSteadily { seconds: gauge.span() } }
        }
    }
}

/// A steady minority is retained of blocks that otherwise die at an age of their own. A cache keeps
/// all or, where temporary blocks share the stack, all that live longer than those; it has no such
/// middle.
fn retained(gauge: &Gauge) -> bool {
    let born: f64 = gauge.thirds.born_count.iter().sum();
    let retained: f64 = gauge.thirds.retained_count.iter().sum();
    let middle = gauge.median_life.is_some_and(|seconds| seconds > 16.0);
    middle
        && !gauge.age.capped
        && retained / born.max(1.0) < 0.5
        && retained / gauge.cluster >= 30.0
        && gauge.freed >= 100.0
        && gauge.span() >= 8.0 * gauge.age.seconds
}

/// Nothing points to them: the program cannot free them any more.
fn unreachable_for_good(
    found: UnreachableBlocks,
    gauge: &Gauge,
    p: f64,
    q: f64,
    grows: bool,
) -> Decision {
    // What was lost once, at the start or in one request, is no leak that grows.
    let confidence = match grows && p <= SUSPECT_P {
        true if p <= q && gauge.bytes.periods >= 5.0 => Confidence::Confirmed,
        true if gauge.bytes.periods >= 3.0 => Confidence::Likely,
        _ => Confidence::Suspect,
    };
    let UnreachableBlocks { looked_for, unreachable } = found;
    let basis = Reason::Unreachable { searched: looked_for, unreachable };
    Decision { verdict: Verdict::Leak, confidence, basis }
}

/// Whether a search for pointers proves that blocks are lost.
pub fn is_unreachable(search: UnreachableBlocks) -> bool {
    search.looked_for >= LOOKED_FOR
        && search.unreachable as f64 >= UNREACHABLE * search.looked_for as f64
}

/// Whether lost events alone explain the growth: each lost release leaves a block that looks
/// retained.
fn loss_explains(gauge: &Gauge, watch: &Coverage) -> bool {
    let born: f64 = gauge.thirds.born_count.iter().sum();
    // Releases are half of all events, so they may be lost twice as often as the average says.
    let expected = 2.0 * watch.lost * born;
    let most = 2.0 * expected + 3.0 * (expected * gauge.cluster).sqrt() + 3.0 * gauge.cluster;
    watch.lost > 0.0 && gauge.retained.count as f64 <= most
}

fn or(harmless: Verdict, otherwise: Verdict) -> Verdict {
    if harmless == Verdict::Undetermined { otherwise } else { harmless }
}
