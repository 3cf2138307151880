//! Truth against report.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use leakspy_ebpf::wire::limit::MAX_WORDS;

use crate::report::{Report, Site};
use crate::workload::{Expectation, TrueFrame, Truth};

/// Blocks and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Blocks.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Amount {
    /// What sites have alive.
    pub fn live<'a>(sites: impl IntoIterator<Item = &'a Site>) -> Self {
        sites
            .into_iter()
            .fold(Self::default(), |sum, site| sum + (site.live_count, site.live_bytes))
    }

    /// What sites ever allocated.
    pub fn made<'a>(sites: impl IntoIterator<Item = &'a Site>) -> Self {
        sites
            .into_iter()
            .fold(Self::default(), |sum, site| sum + (site.allocated_count, site.allocated_bytes))
    }
}

impl std::ops::Add<(u64, u64)> for Amount {
    type Output = Self;

    fn add(self, (count, bytes): (u64, u64)) -> Self {
        Self { count: self.count + count, bytes: self.bytes + bytes }
    }
}

/// Smallest power of two that holds `bytes`: the class that a site with such blocks is in.
fn class_of(bytes: u64) -> u64 {
    bytes.next_power_of_two()
}

/// The report must have exactly what the workload says, at exactly the stacks that it says: every
/// site whose innermost Python line and size class are among the expected ones must have one of the
/// expected stacks, frame by frame, and the amounts per stack must agree to the byte.
pub fn agrees(truth: &Truth, report: &Report) -> Result<()> {
    ensure!(!truth.expect.is_empty(), "the workload expects nothing");
    let mut expected: BTreeMap<(Vec<TrueFrame>, u64), Amount> = BTreeMap::new();
    for one in &truth.expect {
        let amount = expected.entry((one.frames.clone(), class_of(one.block_bytes))).or_default();
        *amount = *amount + (one.count, one.bytes);
    }
    let mut found: BTreeMap<(Vec<TrueFrame>, u64), Amount> = BTreeMap::new();
    for (site, frames) in at_leaves_of(&truth.expect, report) {
        let key = (frames, site.size_class);
        if !expected.contains_key(&key) {
            bail!("{}", not_a_true_stack(site, &key.0, &truth.expect));
        }
        let amount = found.entry(key).or_default();
        *amount = *amount + (site.live_count, site.live_bytes);
    }
    for (key, right) in &expected {
        let found = found.get(key).copied().unwrap_or_default();
        ensure!(
            found == *right,
            "expected {right:?}, found {found:?}\n{}",
            listing(&key.0, report)
        );
    }
    Ok(())
}

/// Sites with blocks alive whose innermost Python frame and size class are among the expected.
fn at_leaves_of<'a>(
    expected: &[Expectation],
    report: &'a Report,
) -> Vec<(&'a Site, Vec<TrueFrame>)> {
    let leaves: BTreeSet<(Option<&TrueFrame>, u64)> =
        expected.iter().map(|one| (one.frames.last(), class_of(one.block_bytes))).collect();
    report
        .sites
        .iter()
        .filter(|site| site.live_count > 0)
        .map(|site| (site, site.python()))
        .filter(|(site, frames)| leaves.contains(&(frames.last(), site.size_class)))
        .collect()
}

/// The truth is deeper than the tracer keeps: the innermost frames must be there, in order, and the
/// site must say that there are more.
pub fn agrees_truncated(truth: &Truth, report: &Report) -> Result<()> {
    for expectation in &truth.expect {
        let sites: Vec<&Site> = report
            .sites
            .iter()
            .filter(|site| site.live_count > 0)
            .filter(|site| site.size_class == class_of(expectation.block_bytes))
            .filter(|site| site.python().last() == expectation.frames.last())
            .collect();
        let amount = Amount::live(sites.iter().copied());
        let right = Amount { count: expectation.count, bytes: expectation.bytes };
        ensure!(
            amount == right,
            "expected {right:?}, found {amount:?}\n{}",
            listing(&expectation.frames, report)
        );
        for site in sites {
            let frames = site.python();
            let few = MAX_WORDS / 2;
            ensure!(frames.len() <= MAX_WORDS && frames.len() > few, "{} frames", frames.len());
            ensure!(
                expectation.frames.ends_with(&frames),
                "{}",
                not_a_true_stack(site, &frames, &truth.expect)
            );
            ensure!(
                !site.notes.is_empty(),
                "does not say that frames are missing: {}",
                site.describe()
            );
        }
    }
    Ok(())
}

fn not_a_true_stack(site: &Site, frames: &[TrueFrame], expected: &[Expectation]) -> String {
    let candidates: Vec<&Expectation> =
        expected.iter().filter(|one| one.frames.last() == frames.last()).collect();
    let first = candidates.first().map(|one| one.frames.as_slice()).unwrap_or_default();
    let differs = first.iter().zip(frames).position(|(one, other)| one != other);
    format!(
        "no true stack, {} are known with this leaf; the first differs at frame {differs:?} (of {} and {}):\n  truth {:#?}\n  site {}",
        candidates.len(),
        first.len(),
        frames.len(),
        first,
        site.describe()
    )
}

/// What a failure shows: the sites near the expected one.
fn listing(frames: &[TrueFrame], report: &Report) -> String {
    let leaf = frames.last();
    let near: Vec<String> = report
        .sites
        .iter()
        .filter(|site| {
            let python = site.python();
            python.last().zip(leaf).is_some_and(|(one, other)| one.file == other.file)
        })
        .take(5)
        .map(Site::describe)
        .collect();
    let largest: Vec<String> = report.sites.iter().take(5).map(Site::describe).collect();
    format!(
        "  leaf {leaf:?}\n  sites of that file:\n  {}\n  largest sites:\n  {}\n  counters {:?}",
        near.join("\n  "),
        largest.join("\n  "),
        report.losses
    )
}

/// Sites whose stack passes through a native function.
pub fn through<'a>(report: &'a Report, function: &str) -> Vec<&'a Site> {
    report.sites.iter().filter(|site| site.goes_through(function)).collect()
}

#[cfg(test)]
mod tests;
