//! The order of types in a report: by evidence; then types that explain others before types that
//! grow along with any leak; the program's own types before those of packages; then by the bytes
//! that grow together.

use std::cmp::Ordering;

use super::super::decision::{Decision, SUSPECT_P};
use super::together::Tie;
use super::trajectory::Trajectory;
use crate::model::{Confidence, Reason, Verdict};

/// Modules of the standard library whose objects belong to whoever made them.
const LIBRARY: [&str; 40] = [
    "_abc",
    "_asyncio",
    "_collections",
    "_contextvars",
    "_ctypes",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "_functools",
    "_io",
    "_random",
    "_socket",
    "_ssl",
    "_struct",
    "_thread",
    "_weakref",
    "_weakrefset",
    "abc",
    "array",
    "ast",
    "asyncio",
    "collections",
    "contextlib",
    "contextvars",
    "copy",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "inspect",
    "io",
    "itertools",
    "operator",
    "re",
    "string",
    "threading",
    "traceback",
    "types",
    "typing",
    "weakref",
    "zlib",
];
/// Types outside it that likewise are only what others are made of.
const MADE_OF: [&str; 4] = ["numpy.ndarray", "numpy.dtype", "numpy.", "greenlet."];
/// Modules that are the program itself.
const PROGRAM: [&str; 3] = ["__main__", "__mp_main__", "bokeh_app_"];
/// Sums of bytes that differ by less than this factor count as equal.
const ALIKE: f64 = 1.02;

/// Whose type it is. Later ones grow along with earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypeOrigin {
    /// The main program's.
    Program,
    /// That of some package, or of a module of the program.
    Package,
    /// The standard library's, or what packages are made of.
    Library,
    /// Built into the interpreter.
    Builtin,
}

impl TypeOrigin {
    /// By the name as a census gives it: `module.name`, built-in types without a module.
    pub fn from_name(name: &str) -> Self {
        let Some((module, _)) = name.split_once('.') else { return Self::Builtin };
        match () {
            () if PROGRAM.iter().any(|program| module.starts_with(program)) => Self::Program,
            () if module == "builtins" => Self::Builtin,
            () if LIBRARY.contains(&module) => Self::Library,
            () if MADE_OF.iter().any(|made_of| name.starts_with(made_of)) => Self::Library,
            () => Self::Package,
        }
    }

    /// Whether it is no more than a part of others.
    pub fn is_part(self) -> bool {
        self >= Self::Library
    }
}

/// How strong the evidence for a leak is: 0 is strongest.
pub fn tier(decision: &Decision, p: f64) -> u8 {
    match (decision.verdict, decision.confidence) {
        (Verdict::Leak, Confidence::Confirmed) => 0,
        (Verdict::Leak, Confidence::Likely) => 1,
        (Verdict::Leak, Confidence::Suspect) => 2,
        (Verdict::Undetermined, _) if decision.basis == Reason::NotCollectedYet => 3,
        (Verdict::Undetermined, _)
            if matches!(decision.basis, Reason::OldObjectsFreed | Reason::GrewOnlyLately) =>
        {
            6
        }
        (Verdict::Undetermined, _) if p <= SUSPECT_P => 4,
        (Verdict::Undetermined, _) => 5,
        (Verdict::CacheWarming, _) => 7,
        (Verdict::CacheBounded, _) => 8,
        (Verdict::SessionsOpen, _) => 9,
        (Verdict::GarbagePending | Verdict::AllocatorRetention, _) => 10,
        (Verdict::Baseline, _) => 11,
    }
}

/// Tiers up to this one may be lifted by types in step: they are not known to be harmless.
const OPEN: u8 = 6;

/// What decides the order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderKey {
    tier: u8,
    part: Option<TypeOrigin>,
    /// Whether it is held by objects of another type that grows in step.
    inner: bool,
    together: f64,
    origin: TypeOrigin,
    own: f64,
    count: u64,
}

impl OrderKey {
    /// Most important first.
    pub fn compare(&self, other: &Self) -> Ordering {
        let first = self.tier.cmp(&other.tier).then(self.part.cmp(&other.part));
        // The reader knows the types of the program that he wrote.
        let own = |key: &Self| key.origin != TypeOrigin::Program;
        first
            .then(own(self).cmp(&own(other)))
            .then(self.inner.cmp(&other.inner))
            .then_with(|| other.together.total_cmp(&self.together))
            .then(self.origin.cmp(&other.origin))
            .then_with(|| other.own.total_cmp(&self.own))
            .then(other.count.cmp(&self.count))
    }

    /// Whether it is a part of another type that explains its growth.
    pub fn is_explained(&self) -> bool {
        self.part.is_some()
    }
}

/// The key of each type. `tiers` is as long as `courses`, and so is `ties`.
pub fn keys(
    trajectories: &[Trajectory<'_>],
    tiers: &[u8],
    ties: &[Vec<(usize, Tie)>],
) -> Vec<OrderKey> {
    let lifted: Vec<u8> = (0..trajectories.len()).map(|index| lifted(index, tiers, ties)).collect();
    let origins: Vec<TypeOrigin> = trajectories
        .iter()
        .map(|trajectory| TypeOrigin::from_name(&trajectory.series.name))
        .collect();
    (0..trajectories.len())
        .map(|index| {
            let explains = |(other, _): &(usize, Tie)| {
                !origins[*other].is_part() && lifted[*other] <= lifted[index]
            };
            let origin = origins[index];
            let explained = origin.is_part() && ties[index].iter().any(explains);
            let together = together(index, trajectories, &ties[index]);
            OrderKey {
                tier: lifted[index],
                part: explained.then_some(origin),
                inner: is_inner(index, trajectories, &origins, &ties[index]),
                together: (together.max(1.0).ln() / ALIKE.ln()).round(),
                origin,
                own: trajectories[index].grown() * trajectories[index].size(),
                count: trajectories[index].last().count,
            }
        })
        .collect()
}

/// Whether the way from a root to its objects leads through those of another type that grows in
/// step, and is more than what all are made of: then that one is nearer to the cause.
fn is_inner(
    index: usize,
    trajectories: &[Trajectory<'_>],
    origins: &[TypeOrigin],
    ties: &[(usize, Tie)],
) -> bool {
    let own = &trajectories[index];
    let Some(retainer) = own.retainer else { return false };
    ties.iter()
        .filter(|(other, tie)| *tie == Tie::InStep && !origins[*other].is_part())
        .any(|(other, _)| retainer.through().any(|class| class == trajectories[*other].series.name))
}

/// The evidence for one of several types in step is evidence for all: it is one growth.
fn lifted(index: usize, tiers: &[u8], ties: &[Vec<(usize, Tie)>]) -> u8 {
    if tiers[index] > OPEN {
        return tiers[index];
    }
    let partners = ties[index].iter().filter(|(_, tie)| *tie == Tie::InStep);
    partners.map(|(other, _)| tiers[*other]).fold(tiers[index], u8::min)
}

/// Bytes that grow with a type: its own, those of types of which each of its objects has one or
/// more, and a share of those that are rarer, since such an object has many like this one.
fn together(index: usize, trajectories: &[Trajectory<'_>], ties: &[(usize, Tie)]) -> f64 {
    let own = &trajectories[index];
    let others = ties.iter().filter(|(_, tie)| *tie == Tie::InStep).map(|(other, _)| {
        let other = &trajectories[*other];
        let ratio = other.grown() / own.grown().max(1.0);
        other.grown() * other.size() * ratio.min(1.0)
    });
    own.grown() * own.size() + others.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (name, origin) in [
            ("dict", TypeOrigin::Builtin),
            ("collections.deque", TypeOrigin::Library),
            ("weakref.ReferenceType", TypeOrigin::Library),
            ("numpy.ndarray", TypeOrigin::Library),
            ("pandas.core.frame.DataFrame", TypeOrigin::Package),
            ("bokeh_app_0f3c.Session", TypeOrigin::Program),
            ("__main__.Session", TypeOrigin::Program),
        ] {
            assert_eq!(TypeOrigin::from_name(name), origin, "{name}");
        }
    }
}
