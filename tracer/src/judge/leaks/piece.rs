//! What may be evidence of a leak: types and stacks that grow, each with where it is retained.

use std::collections::{HashMap, HashSet};

use super::evidence::may_leak;
use super::measures::Measures;
use super::path::{Path, PlaceKey, place_of};
use crate::growth::{TypeOrigin, is_pending};
use crate::model::{Confidence, Document, Finding, Interval, Reason, TypeGrowth, Verdict};

/// Larger objects are not in arenas, bytes (`SMALL_REQUEST_THRESHOLD` in Objects/obmalloc.c).
const SMALL: u64 = 512;

/// What grows.
#[derive(Clone, Copy, Debug)]
pub enum Growing<'a> {
    /// A type of Python objects.
    Type(&'a TypeGrowth),
    /// A stack.
    Stack(&'a Finding),
}

/// A piece of evidence.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// What grows.
    pub subject: Growing<'a>,
    /// The path that retains it.
    pub path: Option<Path<'a>>,
    /// In that the hop to the container that grows, or to the chain.
    pub container: Option<usize>,
    /// Whether that has room for what came.
    pub is_roomy: bool,
}

/// Every type and stack of a document that may be evidence of a leak, types first.
pub fn pieces<'a>(document: &'a Document, measures: &Measures) -> Vec<Piece<'a>> {
    let types = document.types.as_deref().unwrap_or_default();
    let leaking: HashMap<&str, &TypeGrowth> = types
        .iter()
        .filter(|found| found.verdict == Verdict::Leak)
        .map(|found| (found.name.as_str(), found))
        .collect();
    let containers = &document.history.containers;
    let containers = containers.iter().filter(|container| container.stands_since().is_none());
    let containers = containers.filter_map(|container| place_of(&container.words()));
    let containers: HashSet<PlaceKey> = containers.collect();
    let types = types.iter().filter(|found| may_leak(found));
    let types = types.map(|found| of_type(found, &leaking));
    let stacks = document.findings.iter();
    let stacks = stacks.filter(|found| found.verdict.is_open() || is_pending(found)).map(of_stack);
    let pieces = types.chain(stacks).map(|piece| piece.at_container(&containers));
    pieces.map(|piece| piece.where_it_grows(measures)).collect()
}

fn of_type<'a>(found: &'a TypeGrowth, leaking: &HashMap<&str, &TypeGrowth>) -> Piece<'a> {
    let path = found.retainer.as_deref().and_then(Path::parse);
    // A container has an item for each of the rarest type that grows in step: what is in that item counts
    // no more.
    let rarest = found
        .together
        .iter()
        .filter(|(name, each)| leaking.contains_key(name.as_str()) && *each > 0.0)
        .map(|(_, each)| *each)
        .fold(1.0, f64::min);
    Piece::new(Growing::Type(found), path, found.grown() as f64 * rarest)
}

fn of_stack(found: &Finding) -> Piece<'_> {
    // Those of arenas are the paths of a type that may fill them.
    let path = found.retainer.as_deref().filter(|_| !found.evidence.arenas).and_then(Path::parse);
    Piece::new(Growing::Stack(found), path, found.evidence.retained.count as f64)
}

impl<'a> Piece<'a> {
    fn new(subject: Growing<'a>, path: Option<Path<'a>>, count: f64) -> Self {
        let container = path.as_ref().and_then(|path| path.container(count));
        let chain = || path.as_ref().and_then(Path::chain);
        let is_roomy = container.is_some_and(|(_, is_roomy)| is_roomy);
        // A dict with room for a few, on the way to a chain, is not what grows.
        let roomy = container.filter(|(_, is_roomy)| *is_roomy).map(|(at, _)| at);
        let container = roomy.or_else(chain).or_else(|| container.map(|(at, _)| at));
        Self { subject, path, container, is_roomy }
    }

    /// The same of one whose path ends at a container that grows, where it has no other: it is the table of that.
    fn at_container(mut self, containers: &HashSet<PlaceKey>) -> Self {
        let end = self.path.as_ref().filter(|path| containers.contains(&path.place()));
        if self.container.is_none()
            && let Some(last) = end.and_then(|path| path.hops().len().checked_sub(1))
        {
            (self.container, self.is_roomy) = (Some(last), true);
        }
        self
    }

    /// The same in a container on its path that grows, where the one that was chosen stands still. What anything is made of is
    /// in no such one at all where others explain all growth: objects come there for others that go. Nor does it leak in one
    /// whose items are of a type that does not.
    fn where_it_grows(mut self, measures: &Measures) -> Self {
        let Some((path, at)) = self.path.as_ref().zip(self.container) else { return self };
        let Some(measured) = measures.at(&path.place_to(at)) else { return self };
        let stands = measured.stands.is_some();
        let grows = |at: &usize| {
            let inner = measures.at(&path.place_to(*at));
            path.is_container(*at) && inner.is_some_and(|inner| inner.stands.is_none())
        };
        if let Some(inner) = (at + 1..path.hops().len()).find(grows).filter(|_| stands) {
            self.container = Some(inner);
        } else if (stands || measured.is_harmless)
            && measures.is_explained()
            && self.of_type().is_some_and(|found| is_part(&found.name))
        {
            (self.path, self.container, self.is_roomy) = (None, None, false);
        }
        self
    }

    /// The type, if it is one.
    pub fn of_type(&self) -> Option<&'a TypeGrowth> {
        match self.subject {
            Growing::Type(found) => Some(found),
            Growing::Stack(_) => None,
        }
    }

    /// The stack, if it is one.
    pub fn of_stack(&self) -> Option<&'a Finding> {
        match self.subject {
            Growing::Type(_) => None,
            Growing::Stack(found) => Some(found),
        }
    }

    /// Whether an event loop retains it, because it waits for a socket: it comes along with what opened that.
    pub fn waits_for_socket(&self) -> bool {
        let container = self.path.as_ref().zip(self.container);
        container.is_some_and(|(path, at)| path.hops()[at].via == "._fd_to_key")
    }

    /// Verdict and confidence.
    pub fn verdict(&self) -> (Verdict, Confidence) {
        match self.subject {
            Growing::Type(found) => (found.verdict, found.confidence),
            Growing::Stack(found) => (found.verdict, found.confidence),
        }
    }

    /// Whether it grows and is no leak, as the collector is to free it.
    pub fn is_garbage(&self) -> bool {
        self.verdict().0 == Verdict::GarbagePending
    }

    /// How fast it grows, bytes per hour.
    pub fn slope(&self) -> Interval {
        match self.subject {
            Growing::Type(found) => found.slope_bytes_per_hour,
            Growing::Stack(found) => found.slope_bytes_per_hour,
        }
    }

    /// Why the verdict is what it is.
    pub fn reasons(&self) -> &'a [Reason] {
        match self.subject {
            Growing::Type(found) => &found.reasons,
            Growing::Stack(found) => &found.evidence.reasons,
        }
    }

    /// Whether these are arenas of Python's small-object allocator.
    pub fn is_arenas(&self) -> bool {
        self.of_stack().is_some_and(|found| found.evidence.arenas)
    }

    /// Whether the objects that came lie in arenas.
    pub fn is_small(&self) -> bool {
        self.of_type().is_some_and(|found| size_of_new(found) <= SMALL)
    }

    /// Whether nothing points to its blocks.
    pub fn is_unreachable(&self) -> bool {
        self.reasons().iter().any(|reason| matches!(reason, Reason::Unreachable { .. }))
    }

    /// The place of the container that retains it.
    pub fn place(&self) -> Option<PlaceKey> {
        Some(self.path.as_ref()?.place_to(self.container?))
    }

    /// The name of the type that owns most of it, without shape: its own, or that of the owner of its
    /// blocks.
    pub fn owner(&self) -> Option<&'a str> {
        match self.subject {
            Growing::Type(found) => Some(&found.name),
            Growing::Stack(found) => owner(found),
        }
    }
}

/// Mean size of the objects by which a type grew: thousands that were there before say nothing of those. Of all its objects
/// where it did not grow.
fn size_of_new(found: &TypeGrowth) -> u64 {
    let bytes = found.last_bytes.saturating_sub(found.first_bytes);
    match found.grown() {
        0 => found.last_bytes / found.last_count.max(1),
        grown => bytes / grown,
    }
}

/// The type that owns most blocks of a stack, if most have an owner.
pub fn owner(found: &Finding) -> Option<&str> {
    let owners = found.owners.filter(|owners| 2 * owners.owned > owners.looked_for)?;
    let (name, blocks) = found.types.as_ref()?.first()?;
    let first = name.split(' ').next().unwrap_or(name);
    (2 * *blocks >= owners.owned).then_some(first)
}

/// The function of the interpreter that takes a new part of a stack of frames, when a thread begins. It decides for itself,
/// whoever runs.
pub const FRAMES: &str = "push_chunk";

/// What small objects are called whose types nobody knows.
pub const SMALL_OBJECTS: &str = "small objects";

/// Whether it is memory for frames.
pub fn is_of_frames(found: &Finding) -> bool {
    found.site.stack.iter().any(|frame| frame.function.as_deref() == Some(FRAMES))
}

/// Whether a type is no more than a part of others.
pub fn is_part(name: &str) -> bool {
    TypeOrigin::from_name(name).is_part()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::leaks::tests::{grown, judged, owned, stack};
    use crate::model::Amount;

    /// Thousands of small strings of bytes are there since the start, and 200 of two kilobytes come, which are blocks of
    /// malloc: sizes and blocks are the same memory.
    #[test]
    fn what_came_says_whether_it_is_small() {
        let mut found = grown(1, "bytes", [9_000, 9_200, 60], &[]);
        (found.last_bytes, found.slope_bytes_per_hour.est) = (9_000 * 60 + 200 * 2_033, 406_600.0);
        assert!(!Piece::new(Growing::Type(&found), None, 1.0).is_small());
        let path = ["module app", ".KEPT: dict (200 items)", "['a']: bytes"];
        found.retainer = Some(path.map(str::to_owned).to_vec());
        let mut blocks = owned(stack(Verdict::Leak, "keep", 406_600.0), "bytes", &path);
        blocks.site.live = Amount { bytes: 406_600, count: 200 };
        blocks.site.allocated = blocks.site.live;
        blocks.evidence.retained = blocks.site.live;
        let leaks = judged(vec![found.clone()], vec![blocks]).leaks;
        assert_eq!((leaks.len(), leaks[0].rate.bytes_per_hour.est), (1, 406_600.0));
        assert_eq!(leaks[0].now, Amount { bytes: 406_600, count: 200 });
        // Where none came, all of them say it.
        (found.first_count, found.first_bytes) = (found.last_count, found.last_bytes);
        assert!(Piece::new(Growing::Type(&found), None, 1.0).is_small());
    }
}
