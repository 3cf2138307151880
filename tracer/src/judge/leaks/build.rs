//! One leak from its evidence: name, retainer, stacks, grounds, advice.

use super::cluster::Cluster;
use super::measures::Measures;
use super::path::Path;
use super::piece::{FRAMES, Piece, SMALL_OBJECTS, is_of_frames, is_part};
use super::{amount, created, verdict};
use crate::growth::TypeOrigin;
use crate::model::{
    Advice, Confidence, Document, Domain, Finding, Frame, FrameKind, Hop, Leak, LeakContainer,
    LeakEvidence, LeakKind, LeakRetainer, Reason, RootKind, TypeGrowth, Verdict,
};
use crate::report::origin::{self, Origin};
use crate::report::{blame, label};

/// Reasons that are given.
const GROUNDS: usize = 8;
/// A container that retains so many times less than another, of objects that come with those of that, is not
/// what has to be emptied.
const LITTLE: u64 = 4;

/// The leak of a cluster; its rank is not known yet.
pub fn leak(document: &Document, cluster: &Cluster<'_>, measures: &Measures) -> Leak {
    let leader = leader(cluster, measures);
    let early = verdict::early(document, cluster, leader);
    let (verdict, confidence) = match (verdict::of(cluster), early) {
        ((Verdict::Leak, Confidence::Suspect), Some(early)) => (early, Confidence::Suspect),
        (of_evidence, _) => of_evidence,
    };
    let (kind, name) = (kind(leader), name(leader));
    let mut retained_by = retained_by(cluster, leader);
    if let Some(by) = &mut retained_by {
        by.retained = measures.sizes.at(&by.path);
    }
    let length = retained_by.as_ref().and_then(|by| by.container.as_ref()?.length);
    let now = amount::now(document, (cluster, leader), length, measures);
    let rate = amount::rate(document, (cluster, leader), now, measures);
    Leak {
        id: id(leader, kind, &name),
        rank: 0,
        verdict,
        confidence,
        kind,
        now,
        explains: None,
        advice: advice(leader, verdict, retained_by.as_ref()),
        name,
        rate,
        retained_by,
        grown_by: Vec::new(),
        created_at: created::created_at(cluster, leader),
        distinguishing: Vec::new(),
        bound: None,
        known_kind: None,
        grounds: grounds(cluster, leader),
        evidence: evidence(cluster),
    }
}

/// The piece that a leak is named by. Types before stacks, not those whose container retains little beside that of others,
/// those of the program first, and the one that is nearest to the container; what is a part of anything only where there is nothing else, the fastest of such; of stacks the one that
/// grows fastest.
fn leader<'a>(cluster: &Cluster<'a>, measures: &Measures) -> &'a Piece<'a> {
    let depth = |piece: &Piece<'_>| match (&piece.path, piece.container) {
        (Some(path), Some(container)) => path.hops().len() - container,
        _ => usize::MAX,
    };
    let types = cluster.pieces.iter().filter_map(|piece| Some((*piece, piece.of_type()?)));
    let most = cluster.pieces.iter().filter_map(|piece| retained(piece, measures)).max();
    // Where none retains what grew, several do together.
    let least = most
        .filter(|most| most.saturating_mul(2) >= grown(cluster))
        .map_or(0, |most| most / LITTLE);
    let order = |piece: &Piece<'_>, found: &TypeGrowth| {
        let frees_little = retained(piece, measures).is_some_and(|bytes| bytes < least);
        let part = is_part(&found.name);
        let slope = if part { -found.slope_bytes_per_hour.est } else { 0.0 };
        let is_open = found.verdict != Verdict::Leak;
        let of_package = !part && TypeOrigin::from_name(&found.name) != TypeOrigin::Program;
        // Of common types those that lie about elsewhere come along with what a container has room for.
        let lies_about = part && !piece.is_roomy || piece.waits_for_socket();
        ((part, is_open, frees_little, of_package, lies_about, depth(piece)), slope, found.rank)
    };
    let first = types.min_by(|(one, of_one), (other, of_other)| {
        let (a, b) = (order(one, of_one), order(other, of_other));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
    });
    let stacks = cluster.pieces.iter().copied().filter(|piece| piece.of_stack().is_some());
    let fastest = || {
        stacks.max_by(|a, b| {
            let arenas = b.is_arenas().cmp(&a.is_arenas());
            let unreachable = a.is_unreachable().cmp(&b.is_unreachable());
            arenas.then(unreachable).then(a.slope().est.total_cmp(&b.slope().est))
        })
    };
    let leader = first.map(|(piece, found)| nearest(cluster, piece, found)).or_else(fastest);
    leader.expect("invariant: clusters are made of pieces")
}

/// Bytes that a cluster grew by: types may have those of blocks, too.
fn grown(cluster: &Cluster<'_>) -> u64 {
    let sum = |sum: u64, bytes: u64| sum.saturating_add(bytes);
    let types = cluster.pieces.iter().filter_map(|piece| piece.of_type());
    let types = types.map(|found| found.last_bytes.saturating_sub(found.first_bytes)).fold(0, sum);
    let stacks = cluster.pieces.iter().filter_map(|piece| piece.of_stack());
    types.max(stacks.map(|found| found.site.live.bytes).fold(0, sum))
}

/// Bytes that the container of a type retains, where that was measured and its items are those objects: others
/// hold much besides.
fn retained(piece: &Piece<'_>, measures: &Measures) -> Option<u64> {
    let (path, at) = (piece.path.as_ref()?, piece.container?);
    let found = piece.of_type()?;
    let items = path.hops().get(at)?.items()?;
    let is_theirs = piece.is_roomy && items <= found.last_count.saturating_mul(LITTLE);
    is_theirs.then(|| measures.sizes.at(path.words_to(at))).flatten().map(|size| size.most_bytes)
}

/// Of types as good as the one that leads, in the same container, the one that is nearest to it: that should have been
/// taken out, and the others go with it.
fn nearest<'a>(cluster: &Cluster<'a>, leader: &'a Piece<'a>, found: &TypeGrowth) -> &'a Piece<'a> {
    let origin = TypeOrigin::from_name(&found.name);
    let place = leader.place().filter(|_| !origin.is_part());
    let types = cluster.pieces.iter().filter_map(|piece| Some((*piece, piece.of_type()?)));
    let alike = types.filter(|(piece, other)| {
        let is_as_good = (other.verdict, other.confidence) == (found.verdict, found.confidence);
        is_as_good && TypeOrigin::from_name(&other.name) == origin && piece.place() == place
    });
    let length = |piece: &Piece<'_>| piece.path.as_ref().map_or(0, |path| path.hops().len());
    // A value is what a key is for.
    let is_key = |piece: &Piece<'_>| {
        let hops = piece.path.as_ref().map_or(&[][..], Path::hops);
        hops.last().is_some_and(|hop| hop.via.starts_with("a key"))
    };
    let nearest = alike.filter(|_| place.is_some());
    nearest
        .min_by_key(|(piece, other)| (length(piece), is_key(piece), other.rank))
        .map_or(leader, |(piece, _)| piece)
}

fn kind(leader: &Piece<'_>) -> LeakKind {
    let Some(found) = leader.of_stack() else { return LeakKind::Objects };
    match (leader.owner(), found.site.domain) {
        _ if found.evidence.allocator.is_some() => LeakKind::Mapping,
        _ if found.evidence.arenas => LeakKind::Objects,
        (Some(_), _) if !leader.is_unreachable() => LeakKind::Objects,
        (_, Domain::Malloc) => LeakKind::Blocks,
        (_, Domain::Mmap) => LeakKind::Mapping,
    }
}

/// What is said of a place that has no stack.
pub const UNKNOWN: &str = "a place without a stack";

fn name(leader: &Piece<'_>) -> String {
    let Some(found) = leader.of_stack() else {
        return leader.owner().unwrap_or_default().to_owned();
    };
    let owner = leader.owner().filter(|_| !leader.is_unreachable());
    match (&found.evidence.allocator, owner) {
        _ if found.evidence.arenas => SMALL_OBJECTS.to_owned(),
        (Some((name, module)), _) => format!("{name} in {}", origin::base_name(module)),
        (None, Some(owner)) => owner.to_owned(),
        (None, None) => function(found),
    }
}

/// The function that decided to allocate: the innermost of a library that is not Python's own, or the library
/// where no function of it has a name; without one the application's.
fn function(found: &Finding) -> String {
    let frames: Vec<&Frame> = found.site.stack.iter().filter(|frame| !frame.is_runtime).collect();
    let Some(blame) = blame::of(&frames) else { return UNKNOWN.to_owned() };
    let is_library = |frame: &&&Frame| {
        frame.kind == FrameKind::Native && matches!(origin::of_frame(frame), Origin::Package(_))
    };
    // What Cython makes for every call decides nothing.
    let decides = |frame: &&&Frame| {
        is_library(frame)
            && frame.function.as_deref().is_some_and(|name| !name.starts_with("__Pyx_"))
    };
    if is_of_frames(found) {
        return FRAMES.to_owned();
    }
    let library = frames.iter().rev().find(is_library).and_then(|frame| frame.module.as_deref());
    let of_library = |frame: &&&Frame| decides(frame) && frame.module.as_deref() == library;
    match (frames.iter().rev().find(of_library), library) {
        (Some(frame), _) => label::name(frame).into_owned(),
        (None, Some(library)) => origin::base_name(library).to_owned(),
        (None, None) => label::name(blame.frame).into_owned(),
    }
}

fn id(leader: &Piece<'_>, kind: LeakKind, name: &str) -> String {
    let place = leader.place().unwrap_or_default();
    let caller = leader.of_stack().filter(|found| place.is_empty() && !found.evidence.arenas);
    let caller = caller.and_then(|found| {
        let frames: Vec<&Frame> =
            found.site.stack.iter().filter(|frame| !frame.is_runtime).collect();
        Some(label::name(blame::of(&frames)?.frame).into_owned())
    });
    Leak::identify(kind, name, place.iter().chain(&caller).map(String::as_str))
}

fn retained_by(cluster: &Cluster<'_>, leader: &Piece<'_>) -> Option<LeakRetainer> {
    let Some(path) = &leader.path else { return from_outside(cluster) };
    let end = leader.container.or(path.hops().len().checked_sub(2));
    let words = end.map_or(path.words_to(0), |end| path.words_to(end));
    let container = container(path, leader.container);
    let through = path.words_after(end.unwrap_or(0)).to_vec();
    Some(LeakRetainer { path: words.to_vec(), through, container, retained: None })
}

/// The path from what something outside the Python heap refers to, without its address.
fn from_outside(cluster: &Cluster<'_>) -> Option<LeakRetainer> {
    let stacks = cluster.pieces.iter().filter_map(|piece| piece.of_stack());
    let mut paths =
        stacks.filter_map(|found| found.retainer.as_deref().filter(|_| is_native(found)));
    let mut path = paths.next()?.to_vec();
    let root = path.first_mut()?;
    root.truncate(root.find(" at 0x").unwrap_or(root.len()));
    Some(LeakRetainer { path, ..LeakRetainer::default() })
}

/// Whether what owns most of its blocks is retained from outside the Python heap.
fn is_native(found: &Finding) -> bool {
    found.owners.is_some_and(|owners| owners.root == Some(RootKind::Native))
}

fn container(path: &Path<'_>, at: Option<usize>) -> Option<LeakContainer> {
    let at = at?;
    let hop = path.hops().get(at)?;
    let class = || hop.class.to_owned();
    let found =
        || LeakContainer { class: class(), length: hop.items(), ..LeakContainer::default() };
    path.is_container(at).then(found)
}

/// Reasons of the surest piece first, then what others add.
fn grounds(cluster: &Cluster<'_>, leader: &Piece<'_>) -> Vec<Reason> {
    let leaks = cluster.pieces.iter().copied().filter(|piece| piece.verdict().0 == Verdict::Leak);
    let surest = leaks.max_by_key(|piece| (piece.verdict().1, std::ptr::eq(*piece, leader)));
    let pieces = surest.into_iter().chain([leader]).chain(cluster.pieces.iter().copied());
    let mut grounds: Vec<Reason> = Vec::new();
    for reason in pieces.filter(|piece| !piece.is_arenas() || std::ptr::eq(*piece, leader)) {
        for reason in reason.reasons() {
            let is_known = grounds.iter().any(|known| known.code() == reason.code());
            if !is_known && *reason != Reason::PartsOfOthers {
                grounds.push(reason.clone());
            }
        }
    }
    grounds.truncate(GROUNDS);
    grounds
}

fn advice(leader: &Piece<'_>, verdict: Verdict, retained_by: Option<&LeakRetainer>) -> Advice {
    let found = leader.of_stack();
    match retained_by.map(|by| by.container.is_some()) {
        _ if leader.is_unreachable() => Advice::BlameExtension,
        _ if verdict == Verdict::GarbagePending => Advice::CollectSooner,
        _ if verdict != Verdict::Leak => Advice::WatchLonger,
        _ if found.is_some_and(|found| found.evidence.arenas) => Advice::CountTypes,
        _ if found.is_some_and(|found| found.evidence.allocator.is_some()) => Advice::LookInLibrary,
        Some(true) => Advice::RemoveFromContainer,
        // What changed while it was read is no proof of a reference that nobody has.
        Some(false) if leader.path.is_none() => match retained_by.is_some_and(changed) {
            true => Advice::AskWho,
            false => Advice::HeldByExtension,
        },
        Some(false) => Advice::ReleaseReference,
        None if found.is_none() => Advice::AskWho,
        None => Advice::FindHolder,
    }
}

/// Whether one of the references was gone when it was to be named.
fn changed(by: &LeakRetainer) -> bool {
    let mut hops = by.path.iter().chain(&by.through).filter_map(|words| Hop::parse(words));
    hops.any(|hop| hop.is_gone())
}

fn evidence(cluster: &Cluster<'_>) -> LeakEvidence {
    let stacks = cluster.pieces.iter().filter_map(|piece| piece.of_stack());
    let types = cluster.pieces.iter().filter_map(|piece| piece.of_type());
    LeakEvidence {
        findings: stacks.map(|found| found.site.id.clone()).collect(),
        types: types.map(|found| found.name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_that_is_gone_is_no_proof() {
        let by = |hop: &str| LeakRetainer {
            path: vec!["C code, or what was not found: hamt_array_node".into(), hop.into()],
            through: Vec::new(),
            container: None,
            retained: None,
        };
        assert!(changed(&by("perhaps a reference that is gone since: hamt_bitmap_node")));
        assert!(!changed(&by("perhaps C field at 0x28: __main__.Req")));
    }
}
