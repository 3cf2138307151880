//! One leak: all evidence that shares a cause, under one name, with one verdict. Made by `judge`, printed
//! by `report`.

use serde::Serialize;

use super::coded::coded;
use super::fnv::Fnv;
use super::{
    Amount, CallStack, Confidence, ContainersBelow, DeclaredBound, Interval, KnownKind, Reason,
    RetainedSize, Verdict,
};

/// What is retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakKind {
    /// Python objects that something refers to.
    Objects,
    /// Blocks of malloc without an owner that is known.
    Blocks,
    /// Python objects that nothing refers to, though their reference counts say so.
    LostObjects,
    /// The table of a container, whatever its elements are.
    Container,
    /// Memory that the program has freed and the allocator retains: never a leak.
    Allocator,
    /// Mappings.
    Mapping,
}

/// One leak, or what may be one. `None` and empty lists where something is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leak {
    /// Eight hexadecimal digits, the same in every run of the same program, see [`Leak::identify`].
    pub id: String,
    /// From 1, most important first.
    pub rank: u32,
    /// What it is.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// What is retained.
    pub kind: LeakKind,
    /// The type that is nearest to the cause, or the native function, or a Python function: data from
    /// outside.
    pub name: String,
    /// What it retains now.
    #[serde(serialize_with = "Amount::plain_json")]
    pub now: Amount,
    /// How fast that grows.
    pub rate: LeakRate,
    /// Share of the growth of the process. 0 to 1, of all leaks together too.
    pub explains: Option<f64>,
    /// What retains it.
    pub retained_by: Option<LeakRetainer>,
    /// Stacks that last made the container grow.
    pub grown_by: Vec<GrownBy>,
    /// Stacks that allocated it, those with the largest share first.
    pub created_at: Vec<CreatedAt>,
    /// What tells the retained objects from new ones.
    pub distinguishing: Vec<Distinguishing>,
    /// A limit that the container declares.
    pub bound: Option<DeclaredBound>,
    /// What it is known as from other programs; never a reason for the verdict.
    pub known_kind: Option<KnownKind>,
    /// Why the verdict is what it is, the strongest first; in JSON as codes.
    #[serde(serialize_with = "codes")]
    pub grounds: Vec<Reason>,
    /// What to do about it.
    #[serde(serialize_with = "code")]
    pub advice: Advice,
    /// What was put together.
    pub evidence: LeakEvidence,
}

/// How fast a leak grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LeakRate {
    /// Bytes per hour.
    pub bytes_per_hour: Interval,
    /// Objects or blocks per hour, as [`Leak::now`] counts them.
    pub count_per_hour: f64,
}

/// What retains the objects of a leak.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LeakRetainer {
    /// References from a root, in words, root first, up to the container: data from outside.
    pub path: Vec<String>,
    /// References from there to one of the objects, in words: data from outside.
    pub through: Vec<String>,
    /// What the path ends in, where that is a container.
    pub container: Option<LeakContainer>,
    /// How much would be freed with it.
    pub retained: Option<RetainedSize>,
}

/// A container that retains what leaks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LeakContainer {
    /// Its type: data from outside.
    #[serde(rename = "type")]
    pub class: String,
    /// Items in it, at the last snapshot.
    pub length: Option<u64>,
    /// At how many snapshots it grew.
    pub grew: Option<SnapshotsGrown>,
    /// Items by which it grows an hour.
    pub items_per_hour: Option<f64>,
    /// Items that its table has room for: with more it grows, and the line that makes it grow is seen.
    pub room: Option<u64>,
    /// The containers in it that have the objects, where it is not itself what grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<ContainersBelow>,
}

/// At how many snapshots something was more than at the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotsGrown {
    /// So many.
    pub times: u64,
    /// Snapshots at which it could have been.
    pub of: u64,
}

/// A stack that made a container grow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrownBy {
    /// Root first.
    pub stack: CallStack,
    /// Its share of the growths that were seen. 0 to 1.
    pub share: f64,
}

/// A stack that allocated what leaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreatedAt {
    /// Root first.
    pub stack: CallStack,
    /// Its share of what leaks. 0 to 1.
    pub share: f64,
    /// How that is known.
    pub basis: Basis,
}

/// How a stack is known to have allocated what leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Every block was seen.
    Exact,
    /// Some objects were seen.
    Sampled,
    /// Only that it needed a new arena of Python's small-object allocator was seen: it may be any line
    /// that makes small objects.
    Arena,
}

/// A field whose value tells retained objects from new ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distinguishing {
    /// Its name and value, `.closed is True`: data from outside.
    pub field: String,
    /// Retained objects of which that is true, and all.
    pub old: [u64; 2],
    /// New objects of which that is true, and all.
    pub young: [u64; 2],
}

/// Pieces of evidence that are in `findings` and `types`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeakEvidence {
    /// Ids of findings.
    pub findings: Vec<String>,
    /// Names of types.
    pub types: Vec<String>,
}

coded! {
    /// What to do about a leak.
    #[derive(Copy, Eq)]
    pub enum Advice {
        /// Find what should take the objects out of the container.
        "remove-from-container" => RemoveFromContainer,
        /// Find what should let the reference go.
        "release-reference" => ReleaseReference,
        /// Nothing refers to it: the C code that allocated it has to free it.
        "blame-extension" => BlameExtension,
        /// Something outside the Python heap refers to it: C code took a reference and has to give it back.
        "held-by-extension" => HeldByExtension,
        /// Nothing was found that refers to its objects: have it looked for again.
        "ask-who" => AskWho,
        /// Find what holds the blocks that the stack makes.
        "find-holder" => FindHolder,
        /// Small objects, of types that were not counted: have them counted.
        "count-types" => CountTypes,
        /// A library's allocator took it: look for what keeps objects of that library.
        "look-in-library" => LookInLibrary,
        /// The garbage collector frees it when it comes: have that sooner, or do without.
        "collect-sooner" => CollectSooner,
        /// Too little is known: watch longer.
        "watch-longer" => WatchLonger,
        /// A cache below the limit that it declares: it grows until it is full.
        "lower-limit" => LowerLimit,
        /// The allocator retains it: trim, or change its settings.
        "trim-allocator" => TrimAllocator,
        /// Python's small-object allocator retains it: make fewer objects at a time.
        "fewer-objects-at-a-time" => FewerObjectsAtATime,
    }
}

impl Leak {
    /// The id of a leak: a hash of what names it in every run of a program. `place` is the retainer's path
    /// or the native function, without addresses, numbers of threads, indices and lengths.
    pub fn identify<'a>(
        kind: LeakKind,
        name: &str,
        place: impl IntoIterator<Item = &'a str>,
    ) -> String {
        let mut hash = Fnv::new();
        hash.number(kind as u64);
        hash.text(name);
        for part in place {
            hash.text(part);
        }
        hash.short()
    }

    /// Whether a type is what it is named by, or evidence of it.
    pub fn is_of(&self, class: &str) -> bool {
        self.name == class || self.evidence.types.iter().any(|name| name == class)
    }

    /// Whether it is called a leak, however sure.
    pub fn is_leak(&self) -> bool {
        self.verdict == Verdict::Leak
    }
}

fn codes<S: serde::Serializer>(reasons: &[Reason], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(reasons.iter().map(Reason::code))
}

fn code<S: serde::Serializer>(advice: &Advice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(advice.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_kinds_names_and_places_apart() {
        let id = |kind, name, place: &[&str]| Leak::identify(kind, name, place.iter().copied());
        let known = id(LeakKind::Objects, "Event", &["module app", ".KEPT"]);
        assert_eq!(known, "c92db5be");
        assert_ne!(known, id(LeakKind::Blocks, "Event", &["module app", ".KEPT"]));
        assert_ne!(known, id(LeakKind::Objects, "Other", &["module app", ".KEPT"]));
        assert_ne!(known, id(LeakKind::Objects, "Event", &["module app.KEPT"]));
    }
}
