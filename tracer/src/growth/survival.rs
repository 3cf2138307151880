//! How long blocks live, and how much of what was born in each period survives.

use std::cmp::Ordering;

use crate::model::{Cohort, Lifetime, SiteHistory};

/// Share of completed lifetimes that must be shorter than the age from which a block counts as
/// retained.
const SHARE: f64 = 0.995;
/// That age, relative to the quantile: lifetimes were only watched for a while, so the long ones
/// are missing from the quantile.
const SAFETY: f64 = 1.5;
/// No block younger than this counts as retained, seconds: a request in work may live as long.
const YOUNGEST: f64 = 20.0;
/// Where nothing is freed, a block counts as retained from a sixteenth of the time watched, up to
/// an hour.
const UNSEEN_SHARE: f64 = 1.0 / 16.0;
const UNSEEN_MOST: f64 = 3600.0;

/// The cohorts and lifetimes of one or several sites as one.
#[derive(Clone, Debug, Default)]
pub struct Survival {
    /// In the order of birth, without overlap; parts of what was merged may be wider than its
    /// parts.
    pub cohorts: Vec<Cohort>,
    /// By age, shortest first.
    pub lifetimes: Vec<Lifetime>,
}

/// From which age a block counts as retained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Age {
    /// Seconds.
    pub seconds: f64,
    /// Whether it should be longer, and there was not enough time: what is older may still be
    /// freed.
    pub capped: bool,
    /// Age that 99.5 % of the freed blocks did not reach, seconds.
    pub lifetime: Option<f64>,
}

impl Survival {
    /// Of these sites.
    pub fn of<'a>(sites: impl Iterator<Item = &'a SiteHistory> + Clone) -> Self {
        let cohorts = merge(sites.clone().flat_map(|site| &site.cohorts).copied().collect());
        let mut lifetimes: Vec<Lifetime> =
            sites.flat_map(|site| &site.lifetimes).filter(|bin| bin.up_to > 0.0).copied().collect();
        lifetimes.sort_by(|a, b| a.up_to.total_cmp(&b.up_to));
        lifetimes.dedup_by(|next, first| {
            let same = next.up_to.total_cmp(&first.up_to) == Ordering::Equal;
            if same {
                first.freed = first.freed.plus(next.freed);
            }
            same
        });
        Self { cohorts, lifetimes }
    }

    /// The age from which a block counts as retained, after watching for `watched` seconds.
    pub fn age(&self, watched: f64) -> Age {
        let lifetime = self.lifetime(SHARE);
        let unseen = (watched * UNSEEN_SHARE).min(UNSEEN_MOST);
        let wanted = lifetime.map_or(unseen, |seconds| seconds * SAFETY).max(YOUNGEST);
        let most = 0.5 * watched;
        Age { seconds: wanted.min(most), capped: wanted > most, lifetime }
    }

    /// The age that this share of the freed blocks did not reach, as the upper end of its bucket.
    pub fn lifetime(&self, share: f64) -> Option<f64> {
        let freed: f64 = self.freed();
        let mut seen = 0.0;
        for bin in &self.lifetimes {
            seen += bin.freed.count as f64;
            if bin.freed.count > 0 && seen >= share * freed {
                return Some(bin.up_to);
            }
        }
        None
    }

    /// Blocks freed with a known age.
    pub fn freed(&self) -> f64 {
        self.lifetimes.iter().map(|bin| bin.freed.count as f64).sum()
    }

    /// How often a block of more than `age` is freed, per second that one lives on: deaths over
    /// exposure, an upper estimate, since three more deaths are assumed (the 95 % bound of none at
    /// all, "rule of three").
    pub fn hazard(&self, age: f64, snapshot: f64) -> f64 {
        let late: f64 = self
            .lifetimes
            .iter()
            .filter(|bin| bin.up_to > age)
            .map(|bin| bin.freed.count as f64)
            .sum();
        let lived: f64 = self
            .cohorts
            .iter()
            .map(|cohort| {
                let old = snapshot - 0.5 * (cohort.from + cohort.to.min(snapshot)) - age;
                cohort.live.count as f64 * old.max(0.0)
            })
            .sum();
        (late + 3.0) / (lived + late * 0.5 * age).max(1.0)
    }
}

/// Sorts, and joins what overlaps.
fn merge(mut cohorts: Vec<Cohort>) -> Vec<Cohort> {
    cohorts.retain(|cohort| {
        cohort.from.is_finite() && cohort.to.is_finite() && cohort.to > cohort.from
    });
    cohorts.sort_by(|a, b| a.from.total_cmp(&b.from).then(b.to.total_cmp(&a.to)));
    let mut merged: Vec<Cohort> = Vec::with_capacity(cohorts.len().min(128));
    for cohort in cohorts {
        match merged.last_mut() {
            Some(last) if cohort.from < last.to => last.join(&cohort),
            _ => merged.push(cohort),
        }
    }
    merged
}

/// The periods from `begin` to `end`, those without any birth included: a period in which nothing
/// was retained says as much as one in which something was. A cohort that reaches out of the range
/// is left out.
pub fn periods(cohorts: &[Cohort], begin: f64, end: f64, snapshot: f64) -> Vec<Cohort> {
    let mut periods = Vec::with_capacity(cohorts.len() + 16);
    let mut at = begin;
    for cohort in cohorts {
        if cohort.from < begin {
            at = at.max(cohort.to);
            continue;
        }
        if cohort.to > end + 1e-6 {
            dismissed(&mut periods, at, cohort.from.min(end), snapshot);
            return periods;
        }
        dismissed(&mut periods, at, cohort.from, snapshot);
        periods.push(*cohort);
        at = cohort.to;
    }
    dismissed(&mut periods, at, end, snapshot);
    periods
}

/// Fills a gap with empty periods about as wide as those of a recording: an eighth of their age.
fn dismissed(periods: &mut Vec<Cohort>, from: f64, to: f64, snapshot: f64) {
    let mut at = from;
    while to - at > 5.0 && periods.len() < 4096 {
        let width = ((snapshot - at) / 8.0).max(10.0);
        let end = if to - at < 1.5 * width { to } else { at + width };
        periods.push(Cohort { from: at, to: end, ..Cohort::default() });
        at = end;
    }
}

/// Share of the blocks of each third of the time that still live, oldest first, with what was born
/// and what still lives in each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thirds {
    /// Bytes born.
    pub born: [f64; 3],
    /// Of those, bytes that still live.
    pub retained: [f64; 3],
    /// Blocks born.
    pub born_count: [f64; 3],
    /// Of those, blocks that still live.
    pub retained_count: [f64; 3],
}

impl Thirds {
    /// Of periods in the order of time.
    pub fn from_cohorts(periods: &[Cohort]) -> Self {
        let mut thirds = Self::default();
        let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return thirds };
        let span = last.to - first.from;
        for period in periods {
            let share = (0.5 * (period.from + period.to) - first.from) / span;
            let third = match share {
                share if share < 1.0 / 3.0 => 0,
                share if share < 2.0 / 3.0 => 1,
                _ => 2,
            };
            thirds.born[third] += period.allocated.bytes as f64;
            thirds.retained[third] += period.live.bytes.min(period.allocated.bytes) as f64;
            thirds.born_count[third] += period.allocated.count as f64;
            thirds.retained_count[third] += period.live.count.min(period.allocated.count) as f64;
        }
        thirds
    }

    /// Bytes that still live over bytes born, where something was born in each third.
    pub fn shares(&self) -> Option<[f64; 3]> {
        let share = |third: usize| {
            (self.born[third] > 0.0).then(|| self.retained[third] / self.born[third])
        };
        Some([share(0)?, share(1)?, share(2)?])
    }
}
