//! Heap histograms: the objects of a Python heap by type at one moment, and how that changed. Made
//! by `heap`, printed by `report`.

use serde::Serialize;

use super::coded::coded;
use super::{
    Confidence, GARBAGE_ROOT, HeapNote, Interval, PythonTarget, Reason, RetainerGroup, Tool,
    Verdict,
};

/// Version of the JSON contract of `census` and `who`.
pub const CENSUS_SCHEMA: u32 = 1;

/// Objects of one process by type.
#[derive(Clone, Debug, PartialEq)]
pub struct Census {
    /// [`CENSUS_SCHEMA`]
    pub schema: u32,
    /// What made it.
    pub tool: Tool,
    /// Whose objects.
    pub target: CensusTarget,
    /// How the snapshot was taken.
    pub snapshot: HeapSnapshot,
    /// Every type with an object, by bytes, largest first.
    pub types: Vec<TypeCount>,
    /// How full the pools of the allocator are; `None` when it is not pymalloc.
    pub pools: Option<PoolUse>,
    /// Types whose objects grew or could have, most important first; `None` with a single snapshot.
    pub growth: Option<Vec<TypeGrowth>>,
    /// Sessions of Bokeh, Panel and Streamlit; `None` when nobody asked.
    pub sessions: Option<Vec<SessionCount>>,
    /// What every type did over the snapshots, from which `growth` is made; empty with a single
    /// snapshot.
    pub series: Vec<TypeSeries>,
    /// What retains types that grew.
    pub retainers: Vec<TypeRetainer>,
}

/// One type over several snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeSeries {
    /// Its name.
    pub name: String,
    /// A point for each snapshot, in order; types that were not there have zeros.
    pub points: Vec<TypePoint>,
    /// Of the objects first seen at each snapshot, those that were still there at the last: same
    /// address, same type. As long as `points`. What the first snapshot saw is older than the
    /// watch.
    pub survivors: Vec<u64>,
}

/// One type at one snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TypePoint {
    /// Seconds since the first snapshot; in a recording since its start.
    pub t: f64,
    /// Objects.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that were there at the snapshot before.
    pub retained_count: u64,
    /// Those that were not: born since.
    pub born_count: u64,
    /// Full garbage collections since the first snapshot, where they can be read.
    pub collections: Option<u64>,
}

/// References to objects of a type that they count and nobody was seen to have, where more and more came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceSurplus {
    /// The type.
    pub name: String,
    /// How many there are.
    pub references: u64,
    /// How many of them came since the first snapshot.
    pub more: u64,
    /// How long ago that was.
    pub seconds: f64,
}

/// What retains most of the objects that a type grew by; or that these are garbage, nearly all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeRetainer {
    /// The type.
    pub name: String,
    /// The path of references from a root in words, root first; behind each reference the type that
    /// it leads to.
    pub path: Vec<(String, Option<String>)>,
}

impl TypeRetainer {
    /// The path to objects of a type.
    pub fn new(name: String, group: &RetainerGroup) -> Self {
        Self { name, path: group.steps() }
    }

    /// Whether nothing but each other refers to these objects.
    pub fn is_garbage(&self) -> bool {
        self.path.first().is_some_and(|(root, _)| root.starts_with(GARBAGE_ROOT))
    }

    /// The path without types.
    pub fn words(&self) -> Vec<String> {
        self.path.iter().map(|(words, _)| words.clone()).collect()
    }

    /// Types of the objects on the way, without the last, which is of the type itself.
    pub fn through(&self) -> impl Iterator<Item = &str> {
        let before = self.path.len().saturating_sub(1);
        self.path[..before].iter().filter_map(|(_, class)| class.as_deref())
    }
}

/// The process of a census.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CensusTarget {
    /// Process id.
    pub pid: u32,
    /// Its short name: data from outside.
    pub comm: String,
    /// Its interpreter.
    pub python: PythonTarget,
}

/// How a snapshot of a heap was taken, and what it left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeapSnapshot {
    /// When, seconds since 1970.
    pub at: f64,
    /// How long the (last) snapshot took, seconds.
    pub seconds: f64,
    /// How long the process was paused for it, seconds; `None` when it ran on.
    pub paused_seconds: Option<f64>,
    /// Number of snapshots.
    #[serde(rename = "looks")]
    pub snapshots: u32,
    /// Interpreters in the process.
    pub interpreters: u32,
    /// Objects in the lists of the garbage collector.
    pub tracked_objects: u64,
    /// All objects, with those that only others lead to.
    pub objects: u64,
    /// Bytes of all objects with the tables and buffers that they own.
    pub bytes: u64,
    /// What was left out, and how often. Empty when nothing was.
    #[serde(skip)]
    pub skipped: Vec<(SkippedPart, u64)>,
    /// What limits the numbers.
    #[serde(skip)]
    pub notes: Vec<HeapNote>,
}

impl HeapSnapshot {
    /// Whether the process went away.
    pub fn target_gone(&self) -> bool {
        self.notes.contains(&HeapNote::ProcessEnded)
    }
}

coded! {
    /// A part of a heap that could not be read or made no sense.
    #[derive(Copy, Eq)]
    pub enum SkippedPart {
        /// Lists of the garbage collector of which a part could not be followed.
        "torn-lists" => TornLists,
        /// References that led to no object, or could not be read.
        "references-nowhere" => References,
        /// Objects whose size made no sense.
        "no-size" => Sizes,
        /// Places where a pool could be that were too many to be looked at.
        "too-many-pools" => Pools,
    }
}

/// Objects of one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TypeCount {
    /// Module and qualified name, `builtins.` left out: data from outside.
    pub name: String,
    /// Objects.
    pub count: u64,
    /// Those of them that the garbage collector tracks.
    pub tracked: u64,
    /// What `sys.getsizeof` would add up to, with buffers of arrays on top.
    pub bytes: u64,
}

/// How full the pools of pymalloc are, and what is in those that are nearly empty. Blocks of up to
/// 512 bytes come from pools, one size from one pool; larger ones are no part of this.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PoolUse {
    /// Bytes of one pool (`POOL_SIZE`).
    pub pool_bytes: u64,
    /// Pools with a block in use.
    pub pools: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the blocks in use.
    pub used_bytes: u64,
    /// Pools that were used once and have no block in use, but are in an arena with others that do.
    pub empty_pools: u64,
    /// Their bytes.
    pub empty_bytes: u64,
    /// Those of `pools` that are nearly empty.
    pub nearly_empty: NearlyEmpty,
    /// Types with objects in nearly empty pools, those in most pools first, ten at most.
    #[serde(rename = "kept_by")]
    pub retained_by: Vec<PoolRetainer>,
}

/// Pools of which something is in use, but less than a quarter.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NearlyEmpty {
    /// How many.
    pub pools: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of their blocks that are free.
    pub free_bytes: u64,
    /// Those in which no object was found: they hold tables, items of lists or what C code
    /// allocated.
    pub without_objects: u64,
}

impl NearlyEmpty {
    /// A pool is nearly empty while less than one of so many blocks is in use.
    pub const BELOW: u32 = 4;
}

/// Objects of one type in nearly empty pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PoolRetainer {
    /// Name of the type: data from outside.
    pub name: String,
    /// Its objects in nearly empty pools.
    pub objects: u64,
    /// The pools that they are in; another type can be in the same.
    pub pools: u64,
}

/// How the objects of one type changed over several snapshots.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TypeGrowth {
    /// From 1, most important first.
    pub rank: u32,
    /// The type.
    pub name: String,
    /// What it is.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// Objects at the first snapshot.
    pub first_count: u64,
    /// Objects at the last snapshot.
    pub last_count: u64,
    /// Bytes at the first snapshot.
    pub first_bytes: u64,
    /// Bytes at the last snapshot.
    pub last_bytes: u64,
    /// Objects that were seen at two snapshots or more, at the last snapshot.
    #[serde(rename = "aged_count")]
    pub retained_count: u64,
    /// How fast the number of objects grows, per hour.
    pub slope_objects_per_hour: Interval,
    /// How fast their bytes grow, per hour.
    pub slope_bytes_per_hour: Interval,
    /// Types that grow in step with this one, with the objects of each for one of this type.
    pub together: Vec<(String, f64)>,
    /// Why, the strongest first.
    #[serde(skip)]
    pub reasons: Vec<Reason>,
    /// The path of references that keeps most of what it grew by, root first; `None` when it was
    /// not searched for.
    #[serde(rename = "holder")]
    pub retainer: Option<Vec<String>>,
    /// Seconds since the first snapshot, objects, bytes.
    pub series: Vec<(f64, u64, u64)>,
}

impl TypeGrowth {
    /// Objects that there are more than at the first snapshot.
    pub fn grown(&self) -> u64 {
        self.last_count.saturating_sub(self.first_count)
    }
}

/// Sessions of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SessionCount {
    /// Type or kind of module: `bokeh.document.document.Document`, `modules bokeh_app_*`.
    pub name: String,
    /// Alive.
    pub alive: u64,
    /// Those that the server still serves; `None` when that cannot be reported.
    pub open: Option<u64>,
    /// Bytes that nothing else keeps, of those that are not open (of all where that is not known).
    #[serde(rename = "kept_bytes")]
    pub retained_bytes: Option<u64>,
    /// What keeps those that are not open, most of them first.
    #[serde(rename = "holders")]
    pub retainers: Vec<RetainerGroup>,
}
