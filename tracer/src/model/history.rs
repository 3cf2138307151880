//! What a recording has over time: the process, and every site. Filled by `store`, read by `growth`
//! and `plot`.
//!
//! Every `t` is in seconds since the start of the capture. Series are in the order of time.

use super::{
    Amount, FieldContrast, GrownContainer, LostMemory, RetainedPlace, RootKind, Totals,
    TypeRetainer, TypeSeries, UnreachableBlocks,
};

/// Everything over time. Not part of the JSON contract: exporters choose from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The process at each tick that was kept; old ones are further apart than recent ones.
    pub process: Vec<ProcessPoint>,
    /// Moments that somebody named.
    pub marks: Vec<Mark>,
    /// Full garbage collections, as far as the interpreter's own counters could be read.
    pub collections: Vec<Collection>,
    /// What each site did: `sites[i]` is the history of `Document::sites[i]`. Empty, or as long.
    pub sites: Vec<SiteHistory>,
    /// Counts of Python objects by type.
    pub counts: usize,
    /// Types of Python objects that changed between counts. Times are those of the capture.
    pub types: Vec<TypeSeries>,
    /// Paths that keep what some of them grew by, with the type's name.
    pub type_retainers: Vec<TypeRetainer>,
    /// Containers of Python objects that grew, those that grew most first.
    pub containers: Vec<GrownContainer>,
    /// How much the objects on the paths of all of these retained at the last snapshot.
    pub retained_sizes: Vec<RetainedPlace>,
    /// What tells old objects of growing types from new ones, by type.
    pub contrasts: Vec<FieldContrast>,
    /// Lost small objects, as of the last search for them.
    pub lost: Option<LostMemory>,
}

/// The process at one moment; `None` for what could not be read. Sizes are bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessPoint {
    /// When.
    pub t: f64,
    /// Bytes in live blocks that were allocated since the start, all domains.
    pub live_bytes: u64,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Resident memory without a file: heap, stacks, anonymous mappings.
    pub rss_anon_bytes: Option<u64>,
    /// Resident memory of mapped files.
    pub rss_file_bytes: Option<u64>,
    /// Resident shared memory.
    pub rss_shmem_bytes: Option<u64>,
    /// Swapped out.
    pub swap_bytes: Option<u64>,
    /// What the process's control group uses, resident and swapped out.
    pub cgroup_bytes: Option<u64>,
    /// The tightest limit of its control groups, with what they may swap out.
    pub cgroup_limit_bytes: Option<u64>,
    /// The C library's heap as address space: `[heap]` and the arenas of threads.
    pub heap_bytes: Option<u64>,
    /// Traced arenas of Python's small-object allocator that are still mapped.
    pub arena_bytes: Option<u64>,
    /// Sites seen so far: while new ones keep coming, the program is still warming up.
    pub sites: Option<u64>,
}

/// A moment that somebody named.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When.
    pub t: f64,
    /// Its name: data from outside.
    pub name: String,
}

/// When full garbage collections were noticed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collection {
    /// When the counter was read; they happened since the reading before.
    pub t: f64,
    /// How many.
    pub count: u64,
}

/// What one site did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteHistory {
    /// Its sums at the moments when they had changed; between two points they are those of the
    /// first.
    pub sums: Vec<SitePoint>,
    /// Its blocks by the time of their birth, as of the last snapshot of the live table. The
    /// cohorts do not overlap, cover the time in which the site allocated anything, and are wider
    /// the older they are.
    pub cohorts: Vec<Cohort>,
    /// Ages at which its blocks were freed.
    pub lifetimes: Vec<Lifetime>,
    /// Blocks older than an age that is longer than its blocks normally live, at the snapshots at
    /// which they had changed and at the last snapshot. Between two points they are those of the
    /// first; before the first there were none.
    pub retained: Vec<RetainedPoint>,
    /// What came of the last search for pointers to its old blocks; `None` when nobody searched.
    pub unreferenced: Option<UnreachableBlocks>,
    /// Python objects that its live blocks belonged to at the end; `None` when it was not searched
    /// for.
    pub owned: Option<Owned>,
}

/// Python objects that live blocks of a site belong to: they lie in the block, or lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// Blocks whose owner was searched for.
    pub looked_for: u64,
    /// Those of them that have one.
    pub owned: u64,
    /// Types of the owners, most blocks first; not necessarily all.
    pub types: Vec<Owner>,
}

/// Objects of one type and shape that own blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Type, with the shape where it has one: `numpy.ndarray float64 (1000, 50)`. Data from
    /// outside.
    pub name: String,
    /// The blocks.
    pub blocks: Amount,
    /// The kind of root at the begin of the path.
    pub root: Option<RootKind>,
    /// The path from a root that retains most of them, root first; empty when it is not known.
    pub retainer: Vec<String>,
}

/// The sums of a site at one moment. They only ever grow; what is live is allocated minus freed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SitePoint {
    /// When.
    pub t: f64,
    /// Since the start.
    pub totals: Totals,
}

/// What was born in one period, and what of it still lived at the last snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cohort {
    /// Begin of the period.
    pub from: f64,
    /// End of the period, excluded.
    pub to: f64,
    /// What was allocated in it.
    pub allocated: Amount,
    /// What of that still lives.
    pub live: Amount,
}

/// How many blocks died at an age between half of this and this.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lifetime {
    /// Upper bound of the age, seconds: a power of two times one second. The first one counts all
    /// that died younger.
    pub up_to: f64,
    /// What was freed.
    pub freed: Amount,
}

/// The retained blocks of a site at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RetainedPoint {
    /// When.
    pub t: f64,
    /// Only blocks older than this are counted, seconds. It may grow from one point to the next, as
    /// more is learned about how long blocks of this site live.
    pub age: f64,
    /// The blocks.
    pub blocks: Amount,
}

impl SitePoint {
    /// What was allocated and not freed.
    pub fn live(&self) -> Amount {
        self.totals.live()
    }
}

impl Cohort {
    /// Takes a later cohort in: one that reaches to the end of both.
    pub fn join(&mut self, other: &Self) {
        *self = Self {
            from: self.from,
            to: self.to.max(other.to),
            allocated: self.allocated.plus(other.allocated),
            live: self.live.plus(other.live),
        };
    }
}

impl Owned {
    /// Adds what another site's blocks belong to; owners of one name are one.
    pub fn add(&mut self, other: &Self) {
        self.looked_for = self.looked_for.saturating_add(other.looked_for);
        self.owned = self.owned.saturating_add(other.owned);
        for owner in &other.types {
            self.add_owner(owner.clone());
        }
    }

    /// Adds an owner; the order is that of their blocks again.
    pub fn add_owner(&mut self, new: Owner) {
        match self.types.iter_mut().find(|known| known.name == new.name) {
            Some(known) => {
                if known.retainer.is_empty()
                    || (new.blocks.count > known.blocks.count && !new.retainer.is_empty())
                {
                    (known.root, known.retainer) = (new.root, new.retainer);
                }
                known.blocks = known.blocks.plus(new.blocks);
            }
            None => self.types.push(new),
        }
        self.types.sort_by_key(|owner| std::cmp::Reverse((owner.blocks.count, owner.blocks.bytes)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A week of a large server has a million points: none of them pays for what exact counts do
    /// not have.
    #[test]
    fn points_are_small() {
        let sizes = [size_of::<SitePoint>(), size_of::<Cohort>(), size_of::<RetainedPoint>()];
        assert_eq!(sizes, [40, 48, 32]);
    }
}
