//! Which pieces of evidence are of one leak.
//!
//! Stacks that made the table of a container belong to what is in it. Types belong together when the same container retains them, or when they grow in step. Those that anything
//! is made of, without a container that has room for them, are parts of the fastest of the others. A stack belongs to
//! the types that own its blocks, or to the container on the path to their owners; one whose blocks have no owner and are
//! not lost, to the fastest type in a container of its own, if there is a block for each of its objects. Stacks whose blocks nothing
//! points to belong together when the same line of Python called the same library. Arenas belong to the small
//! objects that fill them; only where none do are they a leak of their own. What lies in containers that each retain
//! their own, or of which one stands still, is never one leak ([`Sets::join`]).

use std::collections::{HashMap, HashSet};

use super::measures::Measures;
use super::path::{Path, PlaceKey, place_of};
use super::piece::{Piece, is_of_frames, is_part, owner};
use super::sets::Sets;
use super::step;
use crate::model::{Document, Domain, Finding, TypeGrowth, Verdict};
use crate::report::blame;

/// Arenas are filled by small objects that grow at least this much as fast.
const FILLED: f64 = 0.3;

/// Pieces of one leak.
#[derive(Clone, Debug, Default)]
pub struct Cluster<'a> {
    /// Types and stacks; types by rank first, then stacks by rank.
    pub pieces: Vec<&'a Piece<'a>>,
}

/// All leaks, in the order of their first pieces.
pub fn clusters<'a>(
    document: &Document,
    pieces: &'a [Piece<'a>],
    measures: &Measures,
) -> Vec<Cluster<'a>> {
    let mut sets = Sets::of(pieces, measures);
    by_place(pieces, &mut sets);
    tables(document, pieces, &mut sets);
    in_step(pieces, &mut sets);
    parts(pieces, &mut sets, leaks);
    parts(pieces, &mut sets, |piece| piece.is_garbage());
    by_owner(pieces, &mut sets);
    by_caller(pieces, &mut sets);
    lost(pieces, &mut sets);
    payloads(pieces, &mut sets);
    arenas(document, pieces, &mut sets);
    let mut clusters: Vec<Cluster<'a>> = Vec::new();
    let mut known: HashMap<usize, usize> = HashMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        let set = sets.find(index);
        let at = *known.entry(set).or_insert_with(|| {
            clusters.push(Cluster::default());
            clusters.len() - 1
        });
        clusters[at].pieces.push(piece);
    }
    clusters
}

/// The first piece of each place.
fn places(pieces: &[Piece<'_>]) -> HashMap<PlaceKey, usize> {
    let mut known = HashMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        if let Some(place) = piece.place() {
            known.entry(place).or_insert(index);
        }
    }
    known
}

/// What lies behind the same container.
fn by_place(pieces: &[Piece<'_>], sets: &mut Sets) {
    let known = places(pieces);
    for (index, piece) in pieces.iter().enumerate() {
        if let Some(first) = piece.place().and_then(|place| known.get(&place)) {
            sets.join(*first, index);
        }
    }
    for (index, piece) in pieces.iter().enumerate() {
        let Some(path) = &piece.path else { continue };
        let mut place = path.place();
        while place.len() > 2 {
            place.pop();
            if let Some(container) = known.get(&place) {
                sets.join(*container, index);
            }
        }
    }
}

/// Stacks that made the table of a container that grows: what is in it is the leak, not what it is made of.
fn tables(document: &Document, pieces: &[Piece<'_>], sets: &mut Sets) {
    let known = places(pieces);
    let mut joined = HashSet::new();
    for container in &document.history.containers {
        let place = place_of(&container.words());
        let Some(of_items) = place.and_then(|place| known.get(&place)) else { continue };
        let made = |found: &Finding| {
            container.grown_by.iter().any(|(site, _)| {
                site.id == found.site.id || found.evidence.sites.contains(&site.id)
            })
        };
        for (index, piece) in pieces.iter().enumerate() {
            let is_table =
                piece.of_stack().is_some_and(|found| !found.evidence.arenas && made(found));
            // One stack may make several: it belongs to that which grew most.
            if is_table && joined.insert(index) {
                sets.join(*of_items, index);
            }
        }
    }
}

/// Types that grow in step with one another.
fn in_step(pieces: &[Piece<'_>], sets: &mut Sets) {
    let growing = pieces.iter().enumerate();
    let growing = growing.filter(|(_, piece)| leaks(piece) || piece.is_garbage());
    let types: Vec<(usize, &TypeGrowth)> =
        growing.filter_map(|(index, piece)| Some((index, piece.of_type()?))).collect();
    for (place, (index, one)) in types.iter().enumerate() {
        for (other_index, other) in &types[place + 1..] {
            if step::in_step(one, other) {
                sets.join(*index, *other_index);
            }
        }
    }
}

fn leaks(piece: &Piece<'_>) -> bool {
    piece.verdict().0 == Verdict::Leak
}

/// What anything is made of, and no container has room for: parts of the fastest of its kind that has a name, first of
/// those in a container that grows.
fn parts(pieces: &[Piece<'_>], sets: &mut Sets, is_kind: impl Fn(&Piece<'_>) -> bool) {
    let mut named: HashMap<usize, (bool, f64)> = HashMap::new();
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| is_kind(piece)) {
        if piece.of_type().is_some_and(|found| !is_part(&found.name)) || piece.is_roomy {
            let grows = !sets.stands(index);
            let (_, rate) = named.entry(sets.find(index)).or_insert((grows, 0.0));
            *rate += piece.slope().est.max(0.0);
        }
    }
    let fastest = named.iter().max_by(|(one, (grows, rate)), (other, (also, faster))| {
        grows.cmp(also).then(rate.total_cmp(faster)).then(other.cmp(one))
    });
    let Some(fastest) = fastest.map(|(set, _)| *set) else { return };
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| is_kind(piece)) {
        let set = sets.find(index);
        if piece.of_type().is_some() && !named.contains_key(&set) {
            sets.join(fastest, index);
        }
    }
}

/// Stacks whose blocks belong to objects of a type that names its leak.
fn by_owner(pieces: &[Piece<'_>], sets: &mut Sets) {
    let types = pieces.iter().enumerate().filter(|(_, piece)| piece.of_type().is_some());
    let types: HashMap<&str, usize> =
        types.filter_map(|(index, piece)| Some((piece.owner()?, index))).collect();
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| is_held(piece)) {
        let owner = piece.owner().or_else(|| partly(piece));
        let owner = owner.filter(|name| !is_part(name) || piece.path.is_none());
        if let Some(of_type) = owner.and_then(|name| types.get(name)) {
            sets.join(*of_type, index);
        }
    }
}

/// The type that owns a good part of its blocks, where the others have no owner: their references are in blocks of C.
fn partly<'a>(piece: &Piece<'a>) -> Option<&'a str> {
    const PART: u64 = 4;
    let found = piece.of_stack()?;
    let owners = found.owners.filter(|owners| PART * owners.owned >= owners.looked_for)?;
    let [(name, blocks)] = &found.types.as_ref()?[..] else { return None };
    (*blocks == owners.owned && *blocks > 0).then_some(name)
}

/// Whether it is a stack whose blocks have owners.
fn is_held(piece: &Piece<'_>) -> bool {
    piece.of_stack().is_some() && !piece.is_arenas() && !piece.is_unreachable()
}

/// Stacks without owners: of one library, called by one line. What something points to is not what the library lost.
fn by_caller(pieces: &[Piece<'_>], sets: &mut Sets) {
    let mut known: HashMap<(Caller<'_>, bool), usize> = HashMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        let Some(found) = piece.of_stack().filter(|_| piece.owner().is_none()) else { continue };
        if let Some(caller) = caller(found).filter(|_| !piece.is_arenas()) {
            let first = *known.entry((caller, is_pointed_to(found))).or_insert(index);
            sets.join(first, index);
        }
    }
}

/// Whether its blocks were searched for, and something points to most of them.
fn is_pointed_to(found: &Finding) -> bool {
    let searched = found.evidence.unreferenced;
    searched.is_some_and(|of| of.looked_for > 0 && of.unreachable.saturating_mul(2) < of.looked_for)
}

/// What one library lost, whichever lines called it.
fn lost(pieces: &[Piece<'_>], sets: &mut Sets) {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.is_unreachable()) {
        if let Some((.., Some(library))) = piece.of_stack().and_then(caller) {
            let first = *known.entry(library).or_insert(index);
            sets.join(first, index);
        }
    }
}

/// Blocks that something points to, and no object is known to own: what C++ or Rust keeps for its objects. They
/// belong to the fastest leak of a type that has a container of its own, if there are as many of them.
fn payloads(pieces: &[Piece<'_>], sets: &mut Sets) {
    let named = pieces.iter().enumerate().filter(|(_, piece)| leaks(piece));
    let named = named.filter(|(_, piece)| piece.is_roomy || piece.container.is_none());
    let named = named.filter(|(index, _)| !sets.stands(*index));
    let named = named.filter_map(|(index, piece)| Some((index, piece.of_type()?)));
    let named = named.filter(|(_, found)| !is_part(&found.name));
    let rate = |found: &TypeGrowth| found.slope_bytes_per_hour.est;
    let Some((fastest, found)) = named.max_by(|(_, a), (_, b)| rate(a).total_cmp(&rate(b))) else {
        return;
    };
    let objects = found.slope_objects_per_hour.est;
    let of_thread = |piece: &Piece<'_>| {
        leaks(piece) && piece.of_type().is_some_and(|found| found.name.ends_with("Thread"))
    };
    let thread = pieces.iter().position(of_thread);
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| is_held(piece)) {
        let Some(stack) = piece.of_stack().filter(|stack| is_payload(stack)) else { continue };
        if let Some(thread) = thread.filter(|_| is_of_frames(stack)) {
            sets.join(thread, index);
        } else if leaks(piece) && 2.0 * stack.evidence.slope_blocks_per_hour.est >= objects {
            sets.join(fastest, index);
        }
    }
}

/// Whether the owners of its blocks were looked for, and none was found, or only what anything is made of; or it is
/// the memory for the frames of a thread.
pub fn is_payload(stack: &Finding) -> bool {
    let looked_for = stack.owners.is_some_and(|owners| owners.looked_for > 0);
    let ownerless = looked_for && stack.owners.is_some_and(|owners| owners.owned == 0);
    let part = || owner(stack).is_some_and(is_part) && !is_rooted(stack);
    let is_block = stack.site.domain == Domain::Malloc && (ownerless || looked_for && part());
    !stack.site.stack.is_empty() && (is_block || is_of_frames(stack))
}

/// Whether a path from a root to its owners is known.
fn is_rooted(stack: &Finding) -> bool {
    stack.retainer.as_deref().is_some_and(|path| Path::parse(path).is_some())
}

/// The function and file that called, and the library that was called last.
type Caller<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn caller(found: &Finding) -> Option<Caller<'_>> {
    let frames: Vec<_> = found.site.stack.iter().filter(|frame| !frame.is_runtime).collect();
    let blame = blame::of(&frames)?;
    let library = blame.through.last().copied();
    Some((blame.frame.function.as_deref(), blame.frame.file.as_deref(), library))
}

/// Arenas, with the cluster of small objects that grows fastest, if such fill them: of what may leak rather than of what
/// waits for the collector.
fn arenas(document: &Document, pieces: &[Piece<'_>], sets: &mut Sets) {
    let leaking = Small::of(pieces, sets, leaks);
    let waiting = Small::of(pieces, sets, |piece| piece.is_garbage());
    let most =
        document.growth.as_ref().map_or(f64::INFINITY, |growth| growth.slope_bytes_per_hour.hi);
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.is_arenas()) {
        // Arenas come a mebibyte at a time, so their own slope is coarse, and more than the process grows
        // by is not in memory.
        let slope = piece.slope().lo.max(piece.slope().est / 2.0).min(most.max(0.0));
        let fills = |all: f64| piece.verdict().0 != Verdict::Leak || all >= FILLED * slope;
        let both = leaking.all + waiting.all;
        let fastest = match waiting.all > leaking.all {
            true => waiting.fastest.or(leaking.fastest),
            false => leaking.fastest.or(waiting.fastest),
        };
        let first =
            leaking.fastest.filter(|_| fills(leaking.all)).or(fastest.filter(|_| fills(both)));
        if let Some(first) = first {
            sets.fill(first, index);
        }
    }
}

/// Small objects of one kind, which lie in arenas.
struct Small {
    /// How fast all of them grow, bytes per hour.
    all: f64,
    /// The cluster that grows fastest.
    fastest: Option<usize>,
}

impl Small {
    fn of(pieces: &[Piece<'_>], sets: &mut Sets, is_kind: impl Fn(&Piece<'_>) -> bool) -> Self {
        let mut small: HashMap<usize, f64> = HashMap::new();
        let grows = |piece: &Piece<'_>| piece.is_small() && is_kind(piece);
        for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| grows(piece)) {
            if sets.stands(index) {
                continue;
            }
            *small.entry(sets.find(index)).or_default() += piece.slope().hi.max(0.0);
        }
        let fastest = small.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
        Self { all: small.values().sum(), fastest: fastest.map(|(set, _)| *set) }
    }
}
