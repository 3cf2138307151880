//! Everything measured about one subject, before it is judged.

use super::harmless;
use super::lower_envelope;
use super::persistence::Persistence;
use super::shape::{self, Steps};
use super::slope::{self, Increment, Slope};
use super::survival::{self, Age, Survival, Thirds};
use super::watch::Coverage;
use crate::model::{Amount, Cohort, Interval, SiteHistory};

/// Leading time in which nothing was allocated is left out if it is more than this share.
const LATE_START: f64 = 0.2;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// From which age a block counts as retained.
    pub age: Age,
    /// Since when it counts, seconds from the start of the recording.
    pub since: f64,
    /// By period of birth, from `since` to the age before the last snapshot.
    pub periods: Vec<Cohort>,
    /// Growth of what is retained, in bytes.
    pub bytes: Slope,
    /// And in blocks.
    pub counts: Slope,
    /// Chance of such growth without a leak.
    pub p: f64,
    /// Blocks that always come together.
    pub cluster: f64,
    /// What was born and still lives, by thirds of the time.
    pub thirds: Thirds,
    /// How the growth of bytes changed over the time.
    pub persistence: Persistence,
    /// Growth at single moments, where it may be.
    pub steps: Option<Steps>,
    /// What is retained.
    pub retained: Amount,
    /// How often a retained block is freed after all, per second: an upper estimate.
    pub hazard: f64,
    /// Half of the freed blocks did not reach this age, seconds.
    pub median_life: Option<f64>,
    /// Blocks freed with a known age.
    pub freed: f64,
}

/// Everything about `sites`, if they keep enough to be tested.
pub fn measure(sites: &[&SiteHistory], watch: &Coverage) -> Option<Gauge> {
    let mut gauge = growth(sites, watch)?;
    let parts = Increment::bytes(&gauge.periods);
    gauge.persistence = Persistence::measure(&parts, gauge.cluster, &gauge.thirds);
    gauge.steps = steps(sites, gauge.since, watch);
    Some(gauge)
}

/// How fast it grows, without its shape, which costs most.
pub fn growth(sites: &[&SiteHistory], watch: &Coverage) -> Option<Gauge> {
    let mut survival = Survival::of(sites.iter().copied());
    let mut age = survival.age(watch.snapshot);
    if survival.cohorts.is_empty() {
        survival.cohorts = lower_envelope::cohorts(sites, watch.snapshot);
        age = Age { seconds: 0.25 * watch.snapshot, capped: true, lifetime: age.lifetime };
    }
    divide(&mut survival.cohorts, sites, watch);
    let end = watch.snapshot - age.seconds;
    let mut periods = survival::periods(&survival.cohorts, watch.begin, end, watch.snapshot);
    let since = late_start(&mut periods, watch.begin, end);
    let retained = periods.iter().map(|period| period.live).fold(Amount::default(), Amount::plus);
    let with_any = periods.iter().filter(|period| period.live.count > 0).count();
    let enough =
        retained.bytes as f64 >= watch.gate_bytes() || (retained.count >= 8 && with_any >= 3);
    if !enough || periods.len() < 2 {
        return None;
    }
    let (in_bytes, in_counts) = (Increment::bytes(&periods), Increment::counts(&periods));
    let cluster = slope::cluster(&in_bytes);
    let (bytes, counts) = (slope::slope(&in_bytes, cluster), slope::slope(&in_counts, cluster));
    let thirds = Thirds::from_cohorts(&periods);
    Some(Gauge {
        age,
        since,
        persistence: Persistence::untried(bytes, cluster, &thirds),
        thirds,
        p: bytes.p,
        steps: None,
        hazard: survival.hazard(age.seconds, watch.snapshot),
        median_life: survival.lifetime(0.5),
        freed: survival.freed(),
        periods,
        bytes,
        counts,
        cluster,
        retained,
    })
}

impl Gauge {
    /// Seconds over which growth was watched.
    pub fn span(&self) -> f64 {
        self.bytes.seconds
    }

    /// Bytes per hour that will still be retained after another time as long as that watched: its
    /// lower bound.
    pub fn lasting(&self, watch: &Coverage) -> f64 {
        self.bytes.per_hour.lo * (-self.hazard * watch.snapshot).exp()
    }

    /// The plateau of what is retained since growth is counted.
    pub fn plateau(&self) -> Option<Interval> {
        self.persistence.shape.plateau
    }
}

/// Divides the cohort in which the program had warmed up, so that what came after it counts: as
/// much of each part is retained as of the other, and the sums say how much was born in each.
fn divide(cohorts: &mut [Cohort], sites: &[&SiteHistory], watch: &Coverage) {
    let begin = watch.begin;
    // The sums are as coarse as a tick.
    let straddles = |cohort: &Cohort| {
        cohort.from < begin && cohort.to > begin && cohort.to - cohort.from > 4.0 * watch.tick
    };
    let Some(at) = cohorts.iter().position(straddles) else { return };
    let whole = cohorts[at];
    let (from, to) = (harmless::total(sites, whole.from), harmless::total(sites, begin));
    let early = to.allocated.minus(from.allocated);
    let born = early.count.min(whole.allocated.count) as f64;
    let share = 1.0 - born / (whole.allocated.count as f64).max(1.0);
    let part = |sum: u64| lower_envelope::whole(sum as f64 * share);
    cohorts[at] = Cohort {
        from: begin,
        allocated: whole.allocated.minus(early),
        live: Amount { bytes: part(whole.live.bytes), count: part(whole.live.count) },
        ..whole
    };
}

/// Leaves out the time before the site allocated anything, but for the usual distance of two
/// events.
fn late_start(periods: &mut Vec<Cohort>, begin: f64, end: f64) -> f64 {
    let Some(first) = periods.iter().position(|period| period.allocated.count > 0) else {
        return begin;
    };
    let from = periods[first].from;
    if from - begin < LATE_START * (end - begin) {
        return begin;
    }
    let events = periods[first..].iter().filter(|period| period.live.count > 0).count().max(1);
    let since = (from - (end - from) / events as f64).max(begin);
    periods.drain(..first);
    if from - since > 1.0 {
        periods.insert(0, Cohort { from: since, to: from, ..Cohort::default() });
    }
    since
}

/// Growth at single moments, by the sums.
fn steps(sites: &[&SiteHistory], since: f64, watch: &Coverage) -> Option<Steps> {
    let ticks = (watch.snapshot - since) / watch.tick;
    let most: usize = sites.iter().map(|site| site.sums.len()).sum();
    if most as f64 > 0.25 * ticks + sites.len() as f64 {
        return None;
    }
    let mut changes: Vec<(f64, f64)> = Vec::with_capacity(most);
    for site in sites {
        let mut before = 0.0;
        for point in &site.sums {
            let live = point.live().bytes as f64;
            let change = live - before;
            before = live;
            if point.t > since && change.abs() > 0.0 {
                changes.push((point.t, change));
            }
        }
    }
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    changes.dedup_by(|next, first| {
        let same = (next.0 - first.0).abs() < 0.5 * watch.tick;
        if same {
            first.1 += next.1;
        }
        same
    });
    shape::steps(&changes, ticks, watch.tick)
}
