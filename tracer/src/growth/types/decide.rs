//! From the trajectory of a type to a verdict and its confidence. The rules are those for stacks
//! (see `verdict`), with what snapshots of a heap know instead: how many objects of each birth are
//! still there.

use super::super::decision::{Decision, LIKELY_P, SUSPECT_P, confidence_of_growth};
use super::super::persistence::{Flatness, Persistence};
use super::super::slope::{self, Increment, Slope};
use super::trajectory::{self, Trajectory};
use super::{gaps, harmless};
use crate::model::{Cohort, Model, Reason, TypePoint, Verdict};

/// With so many snapshots or fewer there is no trend.
pub const FEW: usize = 5;
/// Parts of the beginning that are left out in turn where growth slowed: a leak goes on when
/// warming up has ended.
const WARM_UPS: [f64; 2] = [1.0 / 3.0, 0.5];
/// So many objects must be retained before a third of the time without one, or with few, is no
/// chance: where three are expected there are none with a chance of 5 %.
const STOPPED_EVENTS: f64 = 9.0;
const SLOWED_EVENTS: f64 = 24.0;
/// Of objects of which a smaller share is retained, most have an end.
const MORTAL: f64 = 0.5;
/// So much of the share of the later ones that is retained must be retained of the old ones.
const LASTING: f64 = 0.7;
/// Of objects that have an end, so many must be retained before they say anything.
const MORTAL_EVENTS: f64 = 12.0;
/// By this share of what they swing the numbers must rise.
const RISEN: f64 = 0.5;
/// With so many snapshots or fewer, growth at each of them says more than a trend.
const EACH: usize = 9;

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
            persistence: Persistence::measure(&counts, cluster, &gaps::thirds(periods)),
        }
    }
}

/// Judges. `p` is corrected for the number of types; `is_searched` says that what roots hold was looked
/// for to the end.
pub fn decide(trajectory: &Trajectory<'_>, p: f64, is_searched: bool) -> Decision {
    if trajectory.snapshots() <= FEW {
        return few(trajectory);
    }
    if let Some(decision) = stays_not(trajectory, is_searched) {
        return decision;
    }
    let periods = trajectory::periods(trajectory.series, trajectory.retainer.is_some());
    let all = RetainedGrowth::of(&periods);
    if let Some(decision) = slowed(&all) {
        // Objects born while the program warmed up say nothing about what comes after.
        let goes_on = WARM_UPS.iter().any(|share| goes_on(&periods, *share));
        return if goes_on { grows(trajectory, None) } else { decision };
    }
    let few_stay = is_mortal(trajectory) && all.events < MORTAL_EVENTS;
    if few_stay || sways(trajectory) {
        return Decision::suspect(Verdict::Undetermined, Reason::GrewRarely);
    }
    if p <= SUSPECT_P && trajectory.growth.per_hour.lo > 0.0 {
        return grows(trajectory, (p <= LIKELY_P).then_some(&all));
    }
    match trajectory.snapshots() <= EACH && grew_at_each(trajectory) {
        true => at_each(trajectory),
        false => Decision::suspect(Verdict::Undetermined, Reason::GrewRarely),
    }
}

/// The verdict on objects that do not stay, or make room for others.
fn stays_not(trajectory: &Trajectory<'_>, is_searched: bool) -> Option<Decision> {
    let harmless = harmless::kind(trajectory, is_searched);
    let stays = trajectory.retained > 0.0;
    let (verdict, basis) = match () {
        () if !stays && trajectory.net() > 0.0 && harmless == Verdict::Baseline => {
            (Verdict::Undetermined, Reason::GrewOnlyLately)
        }
        () if !stays || !trajectory.rises() => (harmless, Reason::ObjectsReplaced),
        () if trajectory.flatness == Flatness::Falls || fades(trajectory) => {
            (Verdict::Undetermined, Reason::OldObjectsFreed)
        }
        () => return None,
    };
    Some(Decision::suspect(verdict, basis))
}

/// Whether fewer of the oldest are left than of the later ones: what goes when it is old enough is no
/// leak.
pub fn fades(trajectory: &Trajectory<'_>) -> bool {
    let (born, retained) = (trajectory.thirds.born_count, trajectory.thirds.retained_count);
    let share = |retained: f64, born: f64| retained / born.max(1.0);
    let later = share(retained[1] + retained[2], born[1] + born[2]);
    let fewer = retained[0] < LASTING * later.max(share(retained[2], born[2])) * born[0];
    let faster = trajectory.faster_unseen.is_some_and(|faster| faster * LASTING > 1.0);
    fewer || (is_mortal(trajectory) && faster)
}

/// Whether most objects have an end.
fn is_mortal(trajectory: &Trajectory<'_>) -> bool {
    let (born, retained) = (trajectory.thirds.born_count, trajectory.thirds.retained_count);
    retained.iter().sum::<f64>() < MORTAL * born.iter().sum::<f64>()
}

/// Whether the numbers rise no more than they swing: where most objects have an end, those that seem
/// to stay may be others that were born at the same addresses.
fn sways(trajectory: &Trajectory<'_>) -> bool {
    let points = &trajectory.series.points;
    let swing = points.chunks(points.len().div_ceil(3)).map(swing).fold(0.0, f64::max);
    is_mortal(trajectory) && trajectory.least_rise < RISEN * swing
}

fn swing(points: &[TypePoint]) -> f64 {
    let counts = || points.iter().map(|point| point.count);
    counts().max().unwrap_or(0) as f64 - counts().min().unwrap_or(0) as f64
}

/// A type that grows beyond chance; `steady` has the evidence from which it may be more than a
/// suspect.
fn grows(trajectory: &Trajectory<'_>, steady: Option<&RetainedGrowth>) -> Decision {
    if trajectory.uncollected() {
        return uncollected(trajectory);
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

/// What a few snapshots tell.
fn few(trajectory: &Trajectory<'_>) -> Decision {
    if grew_at_each(trajectory) {
        return at_each(trajectory);
    }
    let snapshots = u64::try_from(trajectory.snapshots()).unwrap_or(u64::MAX);
    Decision::suspect(Verdict::Undetermined, Reason::FewSnapshots { snapshots })
}

/// Whether a type grew at each snapshot, and each retains its births as the others do.
pub fn grew_at_each(trajectory: &Trajectory<'_>) -> bool {
    let points = &trajectory.series.points;
    let deaths = harmless::deaths(points).sum::<f64>();
    points.len() >= 3
        && trajectory.grew + 1 == points.len()
        && trajectory.net() > 2.0 * deaths.sqrt()
        && retained_alike(trajectory)
}

/// The verdict on a type that did.
fn at_each(trajectory: &Trajectory<'_>) -> Decision {
    match trajectory.uncollected() {
        true => uncollected(trajectory),
        false => Decision::suspect(Verdict::Leak, Reason::GrewAtEverySnapshot),
    }
}

/// The verdict on what grows, and was not collected yet: where it was found to be garbage, it only waits for that.
fn uncollected(trajectory: &Trajectory<'_>) -> Decision {
    match trajectory.garbage {
        Some(_) => Decision::suspect(Verdict::GarbagePending, Reason::GarbageObjects),
        None => Decision::suspect(Verdict::Undetermined, Reason::NotCollectedYet),
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
