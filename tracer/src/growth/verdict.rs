//! Where a leak is decided: from measurements to a verdict and its confidence.
//!
//! A cache that is still filling keeps everything that it is given, as a leak does; before it is
//! full the two cannot be told apart by any statistics. So growth by itself never makes a verdict
//! `confirmed`, and `likely` only after hours. What can: blocks that nothing points to any more,
//! and a steady share retained of blocks that otherwise live long and die, which no filling cache
//! shows.

use super::gauge::Gauge;
use super::survival::Thirds;
use super::watch::Coverage;
use crate::model::{Confidence, Model, UnreachableBlocks, Verdict};

/// Growth must have been watched so long for `likely`, seconds.
pub const LIKELY_SECONDS: f64 = 3.0 * 3600.0;
/// And so long for `confirmed` by growth alone, seconds: longer than caches usually take to fill.
pub const CONFIRMED_SECONDS: f64 = 7.0 * 86_400.0;
/// Corrected chance of such growth without a leak: for any word, and for `likely`.
pub const SUSPECT_P: f64 = 0.05;
/// Blocks that must have been looked for, and the share of them that must be lost. A number that
/// happens to look like their address hides lost blocks in a heap full of numbers (a quarter of the
/// arrays that pandas 1.3 loses); a pointer in a form that nobody recognises would hide all blocks
/// of a site, so a larger share proves no more.
const LOOKED_FOR: u64 = 8;
const UNREACHABLE: f64 = 0.5;

/// A verdict on one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The confidence.
    pub confidence: Confidence,
    /// Hours of watching that a better one needs.
    pub needs_hours: Option<f64>,
    /// What decided.
    pub basis: Basis,
}

/// What decided. The first reason that a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Nothing points to the blocks.
    Unreachable,
    /// A steady share of blocks that usually live long is never freed.
    Retained,
    /// It grew for hours and is not getting slower.
    Steady,
    /// It grows, but not for long.
    Early,
    /// Old blocks are freed after all.
    Falls,
    /// It gets slower.
    Slows,
    /// It has stopped.
    Stopped,
    /// It cannot be told from chance.
    Chance,
    /// Lost events alone would look the same.
    Losses,
}

/// How what was born early compares with what was born late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flatness {
    /// As much of the old still lives as of the young.
    Flat,
    /// Less.
    Falls,
    /// Too few blocks to say.
    Unclear,
}

/// Compares the retention of the oldest third with that of the rest, in events of `cluster` blocks.
pub fn flatness(gauge: &Gauge) -> Flatness {
    flatness_of(&gauge.thirds, gauge.cluster)
}

/// The same of thirds that come from elsewhere.
pub fn flatness_of(thirds: &Thirds, cluster: f64) -> Flatness {
    let (born, retained) = (thirds.born_count, thirds.retained_count);
    let rest = (born[1] + born[2], (retained[1] + retained[2]) / cluster);
    if born[0] <= 0.0 || rest.0 <= 0.0 || rest.1 <= 0.0 {
        return Flatness::Unclear;
    }
    let expected = born[0] * rest.1 / rest.0;
    let old = retained[0] / cluster;
    let error = (expected + expected * expected / rest.1).sqrt();
    match () {
        () if old >= 0.7 * expected => Flatness::Flat,
        () if (old - expected) / error < -1.6 => Flatness::Falls,
        () => Flatness::Unclear,
    }
}

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
    let unreachable = unreferenced.is_some_and(is_unreachable);
    let (ratio, errors) = gauge.slowing();
    let flat = flatness(gauge);
    if unreachable && gauge.retained.count > 0 {
        return unreachable_for_good(gauge, p, q, grows && flat != Flatness::Falls);
    }
    if flat == Flatness::Falls {
        return plain(or(harmless, Verdict::CacheBounded), Basis::Falls, gauge, watch);
    }
    if gauge.age.capped && gauge.hazard * watch.snapshot > 1.0 {
        return plain(harmless, Basis::Falls, gauge, watch);
    }
    if gauge.shape.model == Model::Saturating && (gauge.last_third < 0.5 || errors > 1.64) {
        return plain(Verdict::CacheWarming, Basis::Slows, gauge, watch);
    }
    if gauge.last_third < 0.02 && gauge.span() > 600.0 {
        return plain(or(harmless, Verdict::Baseline), Basis::Stopped, gauge, watch);
    }
    if !grows || p > SUSPECT_P {
        return plain(Verdict::Undetermined, Basis::Chance, gauge, watch);
    }
    if loss_explains(gauge, watch) {
        return plain(Verdict::Undetermined, Basis::Losses, gauge, watch);
    }
    let slows = (ratio < 0.9 && errors > 2.0) || gauge.last_third < 0.5;
    let saturates = gauge.shape.worse(Model::Saturating).is_some_and(|worse| worse < -2.0);
    let steady = p <= q
        && flat == Flatness::Flat
        && !slows
        && !saturates
        // Blocks here may live longer than half of what was watched: the old ones have only begun
        // to die.
        && !gauge.age.capped
        && !watch.only_sums
        && gauge.span() >= LIKELY_SECONDS
        && gauge.halves.1.per_hour.est > 1.3 * gauge.halves.1.error;
    if !steady {
        let basis = if slows { Basis::Slows } else { Basis::Early };
        return Decision {
            verdict: Verdict::Leak,
            ..plain(Verdict::Undetermined, basis, gauge, watch)
        };
    }
    of_hours(gauge)
}

/// Growth that was steady for hours.
fn of_hours(gauge: &Gauge) -> Decision {
    let retained = retained(gauge);
    let confirmed = retained || gauge.span() >= CONFIRMED_SECONDS;
    Decision {
        verdict: Verdict::Leak,
        confidence: if confirmed { Confidence::Confirmed } else { Confidence::Likely },
        needs_hours: None,
        basis: if retained { Basis::Retained } else { Basis::Steady },
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
fn unreachable_for_good(gauge: &Gauge, p: f64, q: f64, grows: bool) -> Decision {
    // What was lost once, at the start or in one request, is no leak that grows.
    let confidence = match grows && p <= SUSPECT_P {
        true if p <= q && gauge.bytes.periods >= 5.0 => Confidence::Confirmed,
        true if gauge.bytes.periods >= 3.0 => Confidence::Likely,
        _ => Confidence::Suspect,
    };
    Decision { verdict: Verdict::Leak, confidence, needs_hours: None, basis: Basis::Unreachable }
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

fn plain(verdict: Verdict, basis: Basis, gauge: &Gauge, watch: &Coverage) -> Decision {
    let missing = LIKELY_SECONDS + gauge.age.seconds + gauge.since - watch.snapshot;
    let open = matches!(verdict, Verdict::Undetermined | Verdict::CacheWarming);
    let hours = (missing.max(0.25 * watch.snapshot) / 3600.0).max(0.1);
    Decision { verdict, confidence: Confidence::Suspect, needs_hours: open.then_some(hours), basis }
}
