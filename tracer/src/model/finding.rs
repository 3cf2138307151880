//! Verdicts on growth: of a site, and of the whole process. Made by `growth`, printed by `report`.

use serde::Serialize;

use super::{Amount, Reason, RootKind, Site};

/// What the growth of a site, or of the process, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Retained blocks: they outlive everything normal here, and there are more of them all the
    /// time.
    Leak,
    /// It grows, and too little is known to say what it is.
    Undetermined,
    /// It grows more slowly all the time, towards a plateau.
    CacheWarming,
    /// It gives back its oldest blocks as it takes new ones.
    CacheBounded,
    /// It follows sessions, requests or jobs that are still open.
    SessionsOpen,
    /// Unreachable, and freed at the next full garbage collection.
    GarbagePending,
    /// The process retains memory that the program has freed.
    AllocatorRetention,
    /// It does not grow.
    Baseline,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Something harmless would look the same so far.
    Suspect,
    /// More probable than everything else by far.
    Likely,
    /// Nothing harmless explains it.
    Confirmed,
}

/// An estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// Lower bound.
    pub lo: f64,
    /// Estimate.
    pub est: f64,
    /// Upper bound.
    pub hi: f64,
}

impl Interval {
    /// Sum of estimates of one growth: their errors go together.
    pub fn plus(self, other: Self) -> Self {
        Self { lo: self.lo + other.lo, est: self.est + other.est, hi: self.hi + other.hi }
    }

    /// So many times of it; the factor is not negative.
    pub fn times(self, factor: f64) -> Self {
        Self { lo: self.lo * factor, est: self.est * factor, hi: self.hi * factor }
    }
}

/// A growth verdict on one stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The stack and its sums. A finding can stand for several sites that differ in their size
    /// class, or for several stacks that needed arenas of Python's small-object allocator; then the
    /// sums are those of all, and id, size class and stack are those of the one that keeps most.
    pub site: Site,
    /// From 1, most important first.
    pub rank: u32,
    /// What it is.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// How fast what it keeps grows, bytes per hour.
    pub slope_bytes_per_hour: Interval,
    /// Why.
    pub evidence: Evidence,
    /// Types of the Python objects that own these blocks, with their numbers, when known.
    pub types: Option<Vec<(String, u64)>>,
    /// The path from a root that retains them, root first, when known.
    pub retainer: Option<Vec<String>>,
    /// How the owners of a stack's blocks were found; `None` of arenas, and when nobody searched.
    pub owners: Option<Owners>,
}

/// What is known of the objects that own blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Owners {
    /// Live blocks whose owner was looked for.
    pub looked_for: u64,
    /// Those of them that have one.
    pub owned: u64,
    /// What is at the begin of the path that keeps most of those of the first type.
    pub root: Option<RootKind>,
}

/// Shapes that growth can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// No growth.
    Constant,
    /// The same amount in every period.
    Linear,
    /// Nothing for a while, then a jump, again and again.
    Steps,
    /// Fast at first, then slower and slower.
    Saturating,
}

/// What a verdict rests on. `None` where it is not known or does not apply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Reasons for the verdict, the strongest first.
    #[serde(skip)]
    pub reasons: Vec<Reason>,
    /// Sites that the finding stands for, by the ids in `sites`, the one that keeps most first.
    pub sites: Vec<String>,
    /// Whether these are arenas of Python's small-object allocator: then each stack is only the
    /// line that happened to need a new arena, and `stacks_alike` says how often it was this one.
    pub arenas: bool,
    /// The allocator of a library that mapped them for itself: its name, and the path of the library.
    /// Who keeps blocks in them is not known, so the stack has no line of the program.
    pub allocator: Option<(String, String)>,
    /// Of the retained blocks, how many came from the stack that is shown, and all of them.
    pub stacks_alike: (u64, u64),
    /// Since when it grows, seconds from the start of the capture.
    pub since: Option<f64>,
    /// Blocks older than this count as retained, seconds.
    pub age_seconds: f64,
    /// Retained blocks.
    #[serde(flatten, serialize_with = "Amount::retained_json")]
    pub retained: Amount,
    /// How fast their number grows, blocks per hour.
    pub slope_blocks_per_hour: Interval,
    /// The shape that fits best.
    pub model: Model,
    /// The other shapes that were tried, and by how much their Bayesian information criterion is
    /// worse (positive) or better.
    pub against: Vec<(Model, f64)>,
    /// Steps seen, for growth in steps.
    pub steps: Option<u64>,
    /// Where it will level off, bytes, for growth that does.
    pub plateau_bytes: Option<Interval>,
    /// Share of the bytes that still live, of what was born in the oldest, the middle and the
    /// newest third of the time since growth began. 0 to 1.
    pub retention: Option<[f64; 3]>,
    /// Age that 99.5 % of the freed blocks did not reach, seconds.
    pub lifetime_seconds: Option<f64>,
    /// Probability of such growth without a leak, corrected for the number of sites looked at.
    pub p_adjusted: f64,
    /// Independent periods that the slope comes from.
    pub periods: u32,
    /// Full garbage collections that these blocks have survived.
    pub collections_survived: Option<u64>,
    /// Share of the growth of anonymous memory that this explains. 0 to 1, more when estimates err.
    pub share_of_growth: Option<f64>,
    /// Blocks whose address was looked for in the memory of the process, and those of them that
    /// nothing points to any more.
    pub unreferenced: Option<UnreachableBlocks>,
    /// About how many more hours of watching a better verdict needs.
    pub needs_hours: Option<f64>,
}

/// The result of looking for pointers to blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnreachableBlocks {
    /// Blocks that were looked for.
    pub looked_for: u64,
    /// Those that no pointer leads to.
    #[serde(rename = "lost")]
    pub unreachable: u64,
}

/// What the memory of the whole process does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProcessGrowth {
    /// What it is, in one of the words for sites.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// Growth of anonymous resident memory (of all resident memory where that is not known), bytes
    /// per hour.
    pub slope_bytes_per_hour: Interval,
    /// Whether that is told apart from no growth.
    pub significant: bool,
    /// Share of it that the findings explain.
    pub explained: Option<f64>,
    /// Hours until the nearest limit; `None` without significant growth or limit, or beyond 30
    /// days.
    pub hours_to_limit: Option<Interval>,
    /// That limit, bytes.
    pub limit_bytes: Option<u64>,
    /// What limit that is: `cgroup`, `machine`.
    pub limit_source: Option<String>,
    /// Until when the program was warming up, seconds from the start of the capture.
    pub warm_up_seconds: f64,
    /// Stacks that were looked at.
    pub looked_at: u64,
    /// Those that grew enough to be tested.
    pub tested: u64,
    /// How many got each verdict without being a finding of their own.
    #[serde(rename = "quiet")]
    pub dismissed: Vec<(Verdict, u64)>,
    /// About how many more hours of watching a better answer needs.
    pub needs_hours: Option<f64>,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 8] = [
        Self::Leak,
        Self::Undetermined,
        Self::CacheWarming,
        Self::CacheBounded,
        Self::SessionsOpen,
        Self::GarbagePending,
        Self::AllocatorRetention,
        Self::Baseline,
    ];

    /// Whether it is a leak, or may still become one.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Leak | Self::Undetermined)
    }

    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Undetermined => "undetermined",
            Self::CacheWarming => "cache-warming",
            Self::CacheBounded => "cache-bounded",
            Self::SessionsOpen => "sessions-open",
            Self::GarbagePending => "garbage-pending",
            Self::AllocatorRetention => "allocator-retention",
            Self::Baseline => "baseline",
        }
    }
}

impl Confidence {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }
}

impl Model {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Steps => "steps",
            Self::Saturating => "saturating",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_uses_the_words_of_reports() {
        for verdict in Verdict::ALL {
            let json = serde_json::to_string(&verdict).expect("a word");
            assert_eq!(json, format!("\"{}\"", verdict.name()));
        }
        assert!(Confidence::Suspect < Confidence::Likely);
    }
}
