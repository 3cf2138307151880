//! From the trajectory of a type to a verdict and its confidence. The rules are those for stacks
//! (see `verdict`), with what snapshots of a heap know instead: how many objects of each birth are
//! still there.

use super::super::decision::{Decision, LIKELY_P, SUSPECT_P, confidence_of_growth};
use super::super::persistence::{Flatness, Persistence};
use super::super::slope::{self, Increment, Slope};
use super::super::survival::Thirds;
use super::harmless;
use super::trajectory::{self, Trajectory};
use crate::model::{Cohort, Model, Reason, Verdict};

/// With so many snapshots or fewer there is no trend.
pub const FEW: usize = 5;
/// Parts of the beginning that are left out in turn where growth slowed: a leak goes on when
/// warming up has ended.
const WARM_UPS: [f64; 2] = [1.0 / 3.0, 0.5];
/// So many objects must be retained before a third of the time without one, or with few, is no
/// chance: where three are expected there are none with a chance of 5 %.
const STOPPED_EVENTS: f64 = 9.0;
const SLOWED_EVENTS: f64 = 24.0;
/// Of objects of which a smaller share is retained, most have an end; then this share of the later
/// ones must be retained of the old ones.
const MORTAL: f64 = 0.5;

/// Growth of what is retained over some time.
struct RetainedGrowth {
    slope: Slope,
    /// Objects that are retained, those that come together as one.
    events: f64,
    persistence: Persistence,
}

impl RetainedGrowth {
    fn of(periods: &[Cohort]) -> Self {
        let counts = Increment::counts(periods);
        let cluster = slope::cluster(&counts);
        let blocks: f64 = counts.iter().map(|increment| increment.blocks).sum();
        Self {
            slope: slope::slope(&counts, cluster),
            events: blocks / cluster,
            persistence: Persistence::measure(&counts, cluster, &Thirds::from_cohorts(periods)),
        }
    }
}

/// Judges. `p` is corrected for the number of types.
pub fn decide(trajectory: &Trajectory<'_>, p: f64) -> Decision {
    if trajectory.snapshots() <= FEW {
        return few(trajectory);
    }
    let harmless = harmless::kind(&trajectory.series.points);
    if trajectory.retained <= 0.0 && trajectory.net() > 0.0 && harmless == Verdict::Baseline {
        return Decision::suspect(Verdict::Undetermined, Reason::GrewOnlyLately);
    }
    if trajectory.retained <= 0.0 || !trajectory.rises() {
        return Decision::suspect(harmless, Reason::ObjectsReplaced);
    }
    if trajectory.flatness == Flatness::Falls || fades(trajectory) {
        return Decision::suspect(Verdict::Undetermined, Reason::OldObjectsFreed);
    }
    let periods = trajectory::periods(trajectory.series, trajectory.retainer.is_some());
    let all = RetainedGrowth::of(&periods);
    let slowed = slowed(&all);
    if let Some(decision) = slowed {
        // Objects born while the program warmed up say nothing about what comes after.
        let goes_on = WARM_UPS.iter().any(|share| goes_on(&periods, *share));
        return if goes_on { grows(trajectory, None) } else { decision };
    }
    if p > SUSPECT_P || trajectory.growth.per_hour.lo <= 0.0 {
        return Decision::suspect(Verdict::Undetermined, Reason::GrewRarely);
    }
    grows(trajectory, (p <= LIKELY_P).then_some(&all))
}

/// Whether most objects have an end, and the oldest seem to go: too few are left of them to be
/// sure.
fn fades(trajectory: &Trajectory<'_>) -> bool {
    let (born, retained) = (trajectory.thirds.born_count, trajectory.thirds.retained_count);
    let late = (retained[1] + retained[2]) / (born[1] + born[2]).max(1.0);
    trajectory.retained < MORTAL * born.iter().sum::<f64>() && retained[0] < MORTAL * late * born[0]
}

/// A type that grows beyond chance; `steady` has the evidence from which it may be more than a
/// suspect.
fn grows(trajectory: &Trajectory<'_>, steady: Option<&RetainedGrowth>) -> Decision {
    if trajectory.uncollected() {
        return Decision::suspect(Verdict::Undetermined, Reason::NotCollectedYet);
    }
    let seconds = trajectory.span;
    let steady = steady.filter(|all| all.persistence.is_steady());
    match steady.and_then(|all| confidence_of_growth(all.slope.seconds)) {
        Some(confidence) => {
            let basis = Reason::GrowsSteadily { seconds };
            Decision { verdict: Verdict::Leak, confidence, basis }
        }
        None => Decision::suspect(Verdict::Leak, Reason::GrowsSoFar { seconds }),
    }
}

/// The verdict on growth that got slower or ended.
fn slowed(all: &RetainedGrowth) -> Option<Decision> {
    let persistence = &all.persistence;
    if persistence.stopped() && all.events >= STOPPED_EVENTS {
        return Some(Decision::suspect(Verdict::Baseline, Reason::Stopped));
    }
    let falls = persistence.last_third < 0.25 && all.events >= SLOWED_EVENTS;
    (falls || persistence.levels_off()).then(|| {
        let basis = Reason::Slows { share: persistence.last_third };
        Decision::suspect(Verdict::CacheWarming, basis)
    })
}

/// Whether growth is steady once this share of the time is left out at the beginning.
fn goes_on(periods: &[Cohort], share: f64) -> bool {
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return false };
    let from = first.from + share * (last.to - first.from);
    let after = &periods[periods.partition_point(|period| period.from < from)..];
    let late = RetainedGrowth::of(after);
    let persistence = &late.persistence;
    let straight = persistence.shape.model == Model::Linear
        && persistence.shape.worse(Model::Saturating).is_some_and(|worse| worse > 0.0);
    let goes_on = straight && persistence.is_steady() && persistence.lasts();
    after.len() >= 6 && goes_on && late.slope.p <= LIKELY_P
}

/// What a few snapshots tell: each grew, and each retains its births as the others do.
fn few(trajectory: &Trajectory<'_>) -> Decision {
    let points = &trajectory.series.points;
    let snapshots = points.len();
    let deaths = harmless::deaths(points).sum::<f64>();
    let every = snapshots >= 3
        && trajectory.grew + 1 == snapshots
        && trajectory.net() > 2.0 * deaths.sqrt()
        && retained_alike(trajectory);
    match every {
        true if trajectory.uncollected() => {
            Decision::suspect(Verdict::Undetermined, Reason::NotCollectedYet)
        }
        true => Decision::suspect(Verdict::Leak, Reason::GrewAtEverySnapshot),
        false => {
            let snapshots = u64::try_from(snapshots).unwrap_or(u64::MAX);
            Decision::suspect(Verdict::Undetermined, Reason::FewSnapshots { snapshots })
        }
    }
}

/// Whether the births of each snapshot but the last are kept in about equal shares, and make up
/// half of the growth. All that the last snapshot saw is still there, which says nothing.
fn retained_alike(trajectory: &Trajectory<'_>) -> bool {
    let points = &trajectory.series.points;
    let Some(last) = points.len().checked_sub(2) else { return false };
    let retained: Vec<(f64, f64)> = points[1..=last]
        .iter()
        .zip(trajectory.series.survivors.iter().skip(1))
        .map(|(point, retained)| (point.born_count as f64, *retained as f64))
        .collect();
    let shares = retained.iter().map(|(born, retained)| retained / born.max(1.0));
    let (low, high) = shares
        .fold((f64::INFINITY, 0.0_f64), |(low, high), share| (low.min(share), high.max(share)));
    let sum: f64 = retained.iter().map(|(_, retained)| retained).sum();
    let grown = points[last].count as f64 - trajectory.first().count as f64;
    low > 0.0 && low >= 0.7 * high && sum >= 0.5 * grown
}
