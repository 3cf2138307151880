//! What the findings of several workers have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::Group;
use crate::model::{Document, Domain, Finding, FrameIdentity, Leak, TypeGrowth, Verdict};

/// One finding, in one worker or in several.
pub struct WorkersFinding<'a> {
    /// Each with its worker; the one that grows fastest first.
    pub of: Vec<(&'a Document, &'a Finding)>,
}

/// What makes findings of two workers the same: what a reader sees of their stacks. Arenas are one
/// finding, whatever line happened to need them.
type Identity<'a> = Option<(Domain, Vec<FrameIdentity<'a>>)>;

fn identity(finding: &Finding) -> Identity<'_> {
    let frames = || finding.site.stack.iter().map(|frame| frame.identity()).collect();
    (!finding.evidence.arenas).then(|| (finding.site.domain, frames()))
}

impl<'a> WorkersFinding<'a> {
    /// The one that stands for all.
    pub fn first(&self) -> (&'a Document, &'a Finding) {
        *self.of.first().expect("invariant: there is one, or nothing would be shared")
    }

    /// The worst verdict of all.
    pub fn verdict(&self) -> Verdict {
        // In the order of the enum a leak comes first.
        self.of.iter().map(|(_, finding)| finding.verdict).min().unwrap_or(Verdict::Baseline)
    }

    /// In how many workers it is.
    pub fn workers(&self) -> u64 {
        count(self.of.iter().map(|(document, _)| document.target.pid))
    }

    /// The best rank that it has in any.
    fn rank(&self) -> u32 {
        self.of.iter().map(|(_, finding)| finding.rank).min().unwrap_or(u32::MAX)
    }

    /// Growth of all together, bytes per hour.
    pub fn slope(&self) -> f64 {
        self.of.iter().map(|(_, finding)| finding.slope_bytes_per_hour.est).sum()
    }
}

/// The findings of a group, leaks first, and what comes first in any worker first.
pub fn shared<'a>(group: &Group<'a>) -> Vec<WorkersFinding<'a>> {
    let mut known: BTreeMap<Identity<'a>, WorkersFinding<'a>> = BTreeMap::new();
    for &document in &group.workers {
        for finding in &document.findings {
            let shared =
                known.entry(identity(finding)).or_insert(WorkersFinding { of: Vec::new() });
            shared.of.push((document, finding));
        }
    }
    let mut all: Vec<WorkersFinding<'a>> = known.into_values().collect();
    for shared in &mut all {
        let slope = |finding: &Finding| finding.slope_bytes_per_hour.est;
        shared.of.sort_by(|(_, one), (_, other)| {
            let by_slope = slope(other).total_cmp(&slope(one));
            one.verdict.cmp(&other.verdict).then(by_slope)
        });
    }
    all.sort_by(|one, other| {
        let rank = one.rank().cmp(&other.rank());
        one.verdict().cmp(&other.verdict()).then(rank).then(other.slope().total_cmp(&one.slope()))
    });
    all
}

/// One type of Python objects that grows like a leak, with its workers; the one that grows fastest
/// first.
pub fn leaking_types<'a>(group: &Group<'a>) -> Vec<Vec<(&'a Document, &'a TypeGrowth)>> {
    let mut known: BTreeMap<&str, Vec<(&Document, &TypeGrowth)>> = BTreeMap::new();
    for &document in &group.workers {
        let types = document.types.iter().flatten();
        for found in types.filter(|found| found.verdict == Verdict::Leak) {
            known.entry(&found.name).or_default().push((document, found));
        }
    }
    let slope = |types: &[(&Document, &TypeGrowth)]| -> f64 {
        types.iter().map(|(_, found)| found.slope_bytes_per_hour.est).sum()
    };
    let mut all: Vec<_> = known.into_values().collect();
    all.sort_by(|one, other| slope(other).total_cmp(&slope(one)));
    all
}

/// Leaks of one id, each with its worker, the one that grows fastest first; what comes first in any worker
/// first.
pub fn shared_leaks<'a>(group: &Group<'a>) -> Vec<Vec<(&'a Document, &'a Leak)>> {
    let mut known: BTreeMap<&str, Vec<(&Document, &Leak)>> = BTreeMap::new();
    for &document in &group.workers {
        for leak in &document.leaks {
            known.entry(&leak.id).or_default().push((document, leak));
        }
    }
    let rate = |leak: &Leak| leak.rate.bytes_per_hour.est;
    let mut all: Vec<_> = known.into_values().collect();
    for leaks in &mut all {
        leaks.sort_by(|(_, one), (_, other)| {
            one.verdict.cmp(&other.verdict).then(rate(other).total_cmp(&rate(one)))
        });
    }
    let first = |leaks: &[(&Document, &Leak)]| {
        let rank = leaks.iter().map(|(_, leak)| leak.rank).min();
        (leaks.first().map(|(_, leak)| leak.verdict), rank)
    };
    let sum = |leaks: &[(&Document, &Leak)]| leaks.iter().map(|(_, leak)| rate(leak)).sum::<f64>();
    all.sort_by(|one, other| first(one).cmp(&first(other)).then(sum(other).total_cmp(&sum(one))));
    all
}

/// In how many workers a leak is: one may have it twice.
pub fn workers_of(leaks: &[(&Document, &Leak)]) -> u64 {
    count(leaks.iter().map(|(document, _)| document.target.pid))
}

/// How many different ones.
fn count(pids: impl Iterator<Item = u32>) -> u64 {
    u64::try_from(pids.collect::<BTreeSet<u32>>().len()).unwrap_or(u64::MAX)
}
