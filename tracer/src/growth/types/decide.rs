//! From the trajectory of a type to a verdict and its confidence. The rules are those for stacks
//! (see `verdict`), with what snapshots of a heap know instead: how many objects of each birth are
//! still there.

use super::super::shape::{self, Shape};
use super::super::slope::{self, Increment, Slope};
use super::super::survival::Thirds;
use super::super::verdict::{self, CONFIRMED_SECONDS, Flatness, LIKELY_SECONDS, SUSPECT_P};
use super::harmless;
use super::trajectory::{self, Trajectory};
use crate::model::{Cohort, Confidence, Model, Verdict};

/// With so many snapshots or fewer there is no trend.
pub const FEW: usize = 5;
/// Share of false alarms that `likely` allows, as for stacks.
const Q: f64 = 0.01;
/// Parts of the beginning that are left out in turn where growth slowed: a leak goes on when
/// warming up has ended.
const WARM_UPS: [f64; 2] = [1.0 / 3.0, 0.5];
/// So many objects must be retained before a third of the time without one, or with few, is no
/// chance: where three are expected there are none with a chance of 5 %.
const STOPPED_EVENTS: f64 = 9.0;
const SLOWED_EVENTS: f64 = 24.0;
/// Growth that goes on after warming up keeps this share of its rate at least, with a chance of 95
/// %.
const LASTS: f64 = 0.45;
/// Of objects of which a smaller share is retained, most have an end; then this share of the later
/// ones must be retained of the old ones.
const MORTAL: f64 = 0.5;

/// A verdict on one type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TypeDecision {
    /// The verdict.
    pub verdict: Verdict,
    /// The confidence.
    pub confidence: Confidence,
    /// What decided.
    pub basis: TypeBasis,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TypeBasis {
    /// It grew for hours and is not getting slower.
    Steady,
    /// It grows, but not for long.
    Early,
    /// It grew at all of a few snapshots.
    EverySnapshot,
    /// There were too few snapshots.
    Few,
    /// No full collection came since the objects were born.
    Uncollected,
    /// It grew only lately.
    Young,
    /// Old objects go, though more and more are there.
    Falls,
    /// As many old ones go as new ones come.
    Replaced,
    /// It gets slower: rate of the last third over that of all.
    Slows(f64),
    /// It has stopped.
    Stopped,
    /// It cannot be told from chance.
    Chance,
}

/// Growth of what is retained over some time, with its shape.
struct Evidence {
    growth: Slope,
    /// Objects that are retained, those that come together as one.
    events: f64,
    shape: Shape,
    halves: (Slope, Slope),
    last_third: f64,
    flatness: Flatness,
}

impl Evidence {
    fn of(periods: &[Cohort]) -> Self {
        let counts = Increment::counts(periods);
        let cluster = slope::cluster(&counts);
        let growth = slope::slope(&counts, cluster);
        let blocks: f64 = counts.iter().map(|increment| increment.blocks).sum();
        Self {
            growth,
            events: blocks / cluster,
            shape: shape::choose(&counts, blocks * cluster / growth.seconds.max(1.0)),
            halves: slope::halves(&counts, cluster),
            last_third: shape::last_third(&counts),
            flatness: verdict::flatness_of(&Thirds::from_cohorts(periods), cluster),
        }
    }

    /// Rate of the second half over that of the first, and by how many standard errors it is lower.
    fn slowing(&self) -> (f64, f64) {
        let (first, second) = &self.halves;
        let error = first.error.hypot(second.error);
        let fall = first.per_hour.est - second.per_hour.est;
        let ratio = second.per_hour.est / first.per_hour.est.max(f64::MIN_POSITIVE);
        (ratio, if error > 0.0 { fall / error } else { 0.0 })
    }

    fn slows(&self) -> bool {
        let (ratio, errors) = self.slowing();
        (ratio < 0.9 && errors > 2.0) || self.last_third < 0.5
    }

    /// Whether the second half is surely not much slower than the first, which few objects cannot
    /// show.
    fn lasts(&self) -> bool {
        let (ratio, _) = self.slowing();
        let share = |half: &Slope| half.error / half.per_hour.est.max(f64::MIN_POSITIVE);
        let error = ratio * share(&self.halves.0).hypot(share(&self.halves.1));
        self.last_third > 0.8 && ratio - 1.64 * error > LASTS
    }

    fn saturates(&self) -> bool {
        self.shape.worse(Model::Saturating).is_some_and(|worse| worse < -2.0)
    }

    fn steady(&self) -> bool {
        self.flatness == Flatness::Flat
            && !self.slows()
            && !self.saturates()
            && self.halves.1.per_hour.est > 1.3 * self.halves.1.error
    }
}

/// Judges. `p` is corrected for the number of types.
pub fn decide(trajectory: &Trajectory<'_>, p: f64) -> TypeDecision {
    if trajectory.snapshots() <= FEW {
        return few(trajectory);
    }
    let harmless = harmless::kind(&trajectory.series.points);
    if trajectory.retained <= 0.0 && trajectory.net() > 0.0 && harmless == Verdict::Baseline {
        return suspect(Verdict::Undetermined, TypeBasis::Young);
    }
    if trajectory.retained <= 0.0 || !trajectory.rises() {
        return suspect(harmless, TypeBasis::Replaced);
    }
    if trajectory.flatness == Flatness::Falls || fades(trajectory) {
        return suspect(Verdict::Undetermined, TypeBasis::Falls);
    }
    let periods = trajectory::periods(trajectory.series, trajectory.retainer.is_some());
    let all = Evidence::of(&periods);
    let slowed = slowed(&all);
    if let Some(decision) = slowed {
        // Objects born while the program warmed up say nothing about what comes after.
        let goes_on = WARM_UPS.iter().any(|share| goes_on(&periods, *share));
        return if goes_on { grows(trajectory, None) } else { decision };
    }
    if p > SUSPECT_P || trajectory.growth.per_hour.lo <= 0.0 {
        return suspect(Verdict::Undetermined, TypeBasis::Chance);
    }
    grows(trajectory, (p <= Q).then_some(&all))
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
fn grows(trajectory: &Trajectory<'_>, steady: Option<&Evidence>) -> TypeDecision {
    if trajectory.uncollected() {
        return suspect(Verdict::Undetermined, TypeBasis::Uncollected);
    }
    let Some(all) = steady.filter(|all| all.steady() && all.growth.seconds >= LIKELY_SECONDS)
    else {
        return suspect(Verdict::Leak, TypeBasis::Early);
    };
    let confidence = match all.growth.seconds >= CONFIRMED_SECONDS {
        true => Confidence::Confirmed,
        false => Confidence::Likely,
    };
    TypeDecision { verdict: Verdict::Leak, confidence, basis: TypeBasis::Steady }
}

/// The verdict on growth that got slower or ended.
fn slowed(all: &Evidence) -> Option<TypeDecision> {
    let (_, errors) = all.slowing();
    if all.last_third < 0.02 && all.events >= STOPPED_EVENTS {
        return Some(suspect(Verdict::Baseline, TypeBasis::Stopped));
    }
    let saturating = all.shape.model == Model::Saturating;
    let falls = all.last_third < 0.25 && all.events >= SLOWED_EVENTS;
    if falls || (saturating && (all.last_third < 0.5 || errors > 1.64)) {
        return Some(suspect(Verdict::CacheWarming, TypeBasis::Slows(all.last_third)));
    }
    None
}

/// Whether growth is steady once this share of the time is left out at the beginning.
fn goes_on(periods: &[Cohort], share: f64) -> bool {
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return false };
    let from = first.from + share * (last.to - first.from);
    let after = &periods[periods.partition_point(|period| period.from < from)..];
    let late = Evidence::of(after);
    let straight = late.shape.model == Model::Linear
        && late.shape.worse(Model::Saturating).is_some_and(|worse| worse > 0.0);
    after.len() >= 6 && straight && late.steady() && late.lasts() && late.growth.p <= Q
}

/// What a few snapshots tell: each grew, and each retains its births as the others do.
fn few(trajectory: &Trajectory<'_>) -> TypeDecision {
    let points = &trajectory.series.points;
    let snapshots = points.len();
    let deaths = harmless::deaths(points).sum::<f64>();
    let every = snapshots >= 3
        && trajectory.grew + 1 == snapshots
        && trajectory.net() > 2.0 * deaths.sqrt()
        && retained_alike(trajectory);
    match every {
        true if trajectory.uncollected() => suspect(Verdict::Undetermined, TypeBasis::Uncollected),
        true => suspect(Verdict::Leak, TypeBasis::EverySnapshot),
        false => suspect(Verdict::Undetermined, TypeBasis::Few),
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

fn suspect(verdict: Verdict, basis: TypeBasis) -> TypeDecision {
    TypeDecision { verdict, confidence: Confidence::Suspect, basis }
}
