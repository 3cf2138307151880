//! The finished, symbolised document that every exporter prints.

use leakspy_ebpf::wire::counter::Counter;
use serde::Serialize;

use super::{
    CounterClass, Finding, History, Leak, MallocPoint, Note, ProcessGrowth, Site, Target, Tool,
    TypeGrowth,
};

/// Version of the JSON contract.
pub const SCHEMA: u32 = 1;

/// Everything a report says, sorted and complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The program that made it.
    pub tool: Tool,
    /// The process that was watched.
    pub target: Target,
    /// How it was watched.
    pub capture: Capture,
    /// Every counter, see `leakspy_ebpf::wire::counter`.
    pub losses: Vec<Loss>,
    /// Process memory over time.
    pub memory: Vec<MemoryPoint>,
    /// What malloc had now and then; empty where it is not glibc's or could not be read.
    pub malloc: Vec<MallocPoint>,
    /// What the memory of the process does; `None` where nobody asked.
    pub growth: Option<ProcessGrowth>,
    /// Leaks by rank, each with all of its evidence, and what else explains growth; empty where nobody
    /// asked.
    pub leaks: Vec<Leak>,
    /// Growth verdicts by rank; empty where nobody asked.
    pub findings: Vec<Finding>,
    /// Types of Python objects that grew or could have, most important first; `None` where they
    /// were not counted or nobody asked.
    pub types: Option<Vec<TypeGrowth>>,
    /// Sites by live bytes, largest first.
    pub sites: Vec<Site>,
    /// Everything over time.
    pub history: History,
}

impl Document {
    /// Name and version of the package that a library is of, by the library's path in the target.
    pub fn package_of(&self, library: &str) -> Option<(&str, &str)> {
        self.capture.notes.iter().find_map(|note| match note {
            Note::LibraryOfPackage { path, name, version } if path == library => {
                Some((name.as_str(), version.as_str()))
            }
            _ => None,
        })
    }
}

/// How the target was watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Capture {
    /// Start, seconds since the epoch.
    pub started: u64,
    /// Length.
    pub seconds: f64,
    /// `exact` where all allocations were recorded, `sampled` where some stand for others.
    pub mode: String,
    /// Share of a core that probes may cost, when one was set.
    pub budget: Option<f64>,
    /// Measured cost of the probes to the target, relative to one core; `None` when not measured.
    pub cost_ratio: Option<f64>,
    /// What was noticed on the way: coverage lost, target gone, Python not understood.
    #[serde(skip)]
    pub notes: Vec<Note>,
}

/// A counter of the ledger and how often it counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What was counted.
    pub counter: Counted,
    /// How often.
    pub count: u64,
}

/// What a counter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A counter of the contract with the kernel.
    Known(Counter),
    /// A counter of another version of leakspy, as its recording describes it: data from outside.
    Other {
        /// Name in reports.
        name: String,
        /// What it counts, as a sentence.
        sentence: String,
        /// What it says about the numbers.
        class: CounterClass,
    },
}

/// Process memory at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MemoryPoint {
    /// Seconds since the start of the capture.
    pub t: f64,
    /// Resident bytes.
    pub rss_bytes: u64,
    /// Anonymous resident bytes.
    pub rss_anon_bytes: u64,
    /// Bytes that are swapped out, which are not resident; `None` for what could not be read.
    pub swap_bytes: Option<u64>,
    /// Bytes in live blocks that were allocated since the start, all domains.
    pub live_bytes: u64,
}

impl Capture {
    /// Whether the target went away: nobody can watch it again under its pid.
    pub fn target_gone(&self) -> bool {
        self.notes.iter().any(Note::is_end_of_target)
    }
}

impl Loss {
    /// A counter of the contract, `count` times.
    pub const fn new(counter: Counter, count: u64) -> Self {
        Self { counter: Counted::Known(counter), count }
    }
}

impl Counted {
    /// Name in reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(counter) => counter.name(),
            Self::Other { name, .. } => name,
        }
    }

    /// What it counts, as a sentence.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Known(counter) => counter.sentence(),
            Self::Other { sentence, .. } => sentence,
        }
    }

    /// What it says about the numbers.
    pub const fn class(&self) -> CounterClass {
        match self {
            Self::Known(counter) => counter.class(),
            Self::Other { class, .. } => *class,
        }
    }
}
