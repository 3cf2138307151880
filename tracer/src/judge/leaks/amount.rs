//! How much a leak retains, and how fast that grows.
//!
//! Types and stacks count the same memory in two ways: sizes of objects with the tables that they own, and
//! blocks of malloc. So they are not added up: the larger of the two stands, where small objects, which have no
//! blocks, are added to the blocks.
//!
//! Where snapshots measured the container that retains it, that says how much: types are counted everywhere in the
//! process, and blocks that came for others look as if they had come on top ([`Measures`]).

use super::cluster::{Cluster, is_payload};
use super::measures::{Measures, whole};
use super::piece::Piece;
use crate::model::{Amount, Document, Domain, Finding, Interval, LeakRate, TypeGrowth};

/// Bytes per hour, and how many per hour of what the leak is named by.
pub fn rate(
    document: &Document,
    (cluster, leader): (&Cluster<'_>, &Piece<'_>),
    now: Amount,
    measures: &Measures,
) -> LeakRate {
    let of = |wanted: fn(&Piece<'_>) -> bool| {
        let pieces = cluster.pieces.iter().filter(move |piece| wanted(piece));
        sum(pieces.map(|piece| piece.slope()).filter(|slope| slope.est > 0.0))
    };
    let types = of(|piece| piece.of_type().is_some());
    let blocks = of(|piece| piece.is_small() || is_blocks(piece));
    let arenas = of(|piece| piece.is_arenas());
    let bytes_per_hour = match (types.est.max(blocks.est), blocks.est > types.est) {
        (most, _) if most <= 0.0 => arenas,
        (_, true) => blocks,
        (_, false) => types,
    };
    let bytes_per_hour = match is_mapped(cluster) {
        true => resident(document, bytes_per_hour),
        false => bytes_per_hour,
    };
    let ownerless = sum(ownerless(cluster).map(|found| found.slope_bytes_per_hour)).est.max(0.0);
    let bytes_per_hour = measures.rate(
        leader.place().as_ref(),
        &cluster.pieces.iter().filter_map(|piece| piece.place()).collect(),
        leader.of_type().map(|found| found.slope_objects_per_hour),
        (bytes_per_hour, ownerless),
        now,
    );
    let count_per_hour = match (leader.of_type(), leader.of_stack()) {
        (Some(found), _) => found.slope_objects_per_hour.est,
        (_, Some(_)) => counts(cluster),
        (None, None) => 0.0,
    };
    LeakRate { bytes_per_hour, count_per_hour }
}

/// Growth of mappings, of which only what is touched is in memory: not more than that of the process.
fn resident(document: &Document, mapped: Interval) -> Interval {
    let growth = document.growth.as_ref().filter(|growth| growth.significant);
    let process = growth.map(|growth| growth.slope_bytes_per_hour);
    process.filter(|process| mapped.est > process.hi).unwrap_or(mapped)
}

fn is_mapping(piece: &Piece<'_>) -> bool {
    piece.of_stack().is_some_and(|found| found.site.domain == Domain::Mmap)
}

fn is_mapped(cluster: &Cluster<'_>) -> bool {
    cluster.pieces.iter().all(|piece| is_mapping(piece))
}

/// What of mappings is in memory, by how fast they and the process grow.
fn resident_part(document: &Document, cluster: &Cluster<'_>, mapped: Amount) -> Amount {
    let slope = sum(cluster.pieces.iter().map(|piece| piece.slope()));
    let part = resident(document, slope).est / slope.est;
    match part.is_finite() && (0.0..1.0).contains(&part) {
        true => Amount { bytes: whole(part * mapped.bytes as f64), ..mapped },
        false => mapped,
    }
}

/// Blocks of a stack that it leaks: those that count as old, and at their rate those that are younger or came before
/// growth was measured, as far as there are so many. All of them where none was freed.
fn leaked(document: &Document, found: &Finding) -> Amount {
    let (evidence, site) = (&found.evidence, &found.site);
    if site.live.count == site.allocated.count && site.live.bytes >= evidence.retained.bytes {
        return site.live;
    }
    let warm_up = document.growth.as_ref().map_or(0.0, |growth| growth.warm_up_seconds);
    let before = evidence.since.map_or(0.0, |since| since.min(warm_up));
    let seconds = evidence.age_seconds.max(0.0) + before.max(0.0);
    let young = |per_hour: f64| seconds / 3600.0 * per_hour.max(0.0);
    let with =
        |old: u64, young: f64, live: u64| old.saturating_add(whole(young)).min(live.max(old));
    Amount {
        bytes: with(
            evidence.retained.bytes,
            young(found.slope_bytes_per_hour.est),
            site.live.bytes,
        ),
        count: with(
            evidence.retained.count,
            young(evidence.slope_blocks_per_hour.est),
            site.live.count,
        ),
    }
}

/// Blocks per hour of all stacks.
fn counts(cluster: &Cluster<'_>) -> f64 {
    let stacks = cluster.pieces.iter().filter_map(|piece| piece.of_stack());
    stacks.map(|found| found.evidence.slope_blocks_per_hour.est.max(0.0)).sum()
}

/// Stacks with blocks that no object is known to own: what a container retains does not have them.
fn ownerless<'a>(cluster: &Cluster<'a>) -> impl Iterator<Item = &'a Finding> {
    let stacks = cluster.pieces.iter().filter_map(|piece| piece.of_stack());
    stacks.filter(|found| !found.evidence.arenas && is_payload(found))
}

/// What it retains now. `length` is that of the container.
pub fn now(
    document: &Document,
    (cluster, leader): (&Cluster<'_>, &Piece<'_>),
    length: Option<u64>,
    measures: &Measures,
) -> Amount {
    let counted = counted(document, cluster, leader, length);
    let own = match (leader.of_type(), leader.of_stack()) {
        (Some(found), _) => bytes_of_objects(found, counted.count),
        (None, Some(found)) => leaked(document, found).bytes,
        (None, None) => 0,
    };
    let ownerless = ownerless(cluster).map(|found| leaked(document, found).bytes);
    measures.now(leader.place().as_ref(), counted, own, ownerless.fold(0, u64::saturating_add))
}

/// Bytes of so many objects of a type.
fn bytes_of_objects(found: &TypeGrowth, count: u64) -> u64 {
    whole(found.last_bytes as f64 / found.last_count.max(1) as f64 * count as f64)
}

/// The same as types and blocks say.
fn counted(
    document: &Document,
    cluster: &Cluster<'_>,
    leader: &Piece<'_>,
    length: Option<u64>,
) -> Amount {
    let stacks = |wanted: fn(&Piece<'_>) -> bool| {
        let pieces = cluster.pieces.iter().filter(move |piece| wanted(piece));
        let leaked =
            pieces.filter_map(|piece| piece.of_stack()).map(|found| leaked(document, found));
        leaked.fold(Amount::default(), Amount::plus)
    };
    let blocks = stacks(is_blocks);
    let Some(leading) = leader.of_type() else {
        return match (blocks.is_nothing(), is_mapped(cluster)) {
            (true, _) => stacks(|piece| piece.is_arenas()),
            (false, true) => resident_part(document, cluster, blocks),
            (false, false) => blocks,
        };
    };
    let count = objects(leading, length);
    let types: u64 = bytes_of(cluster, leading, count, |_| true);
    let small: u64 = bytes_of(cluster, leading, count, |piece| piece.is_small());
    Amount { bytes: types.max(small.saturating_add(blocks.bytes)), count }
}

/// Objects of the leading type: as many as the container has items, where it has one for each; else those
/// there are, of a type that is only a part of others those that came.
fn objects(leading: &TypeGrowth, length: Option<u64>) -> u64 {
    let own = match super::piece::is_part(&leading.name) {
        true => leading.grown(),
        false => leading.last_count,
    };
    let fits = |length: &u64| (leading.grown()..=leading.last_count).contains(length);
    length.filter(fits).unwrap_or(own)
}

/// Bytes of the types: those in step by their number for each of the leading one, others by what they grew by.
fn bytes_of(
    cluster: &Cluster<'_>,
    leading: &TypeGrowth,
    count: u64,
    wanted: fn(&Piece<'_>) -> bool,
) -> u64 {
    let pieces = cluster.pieces.iter().filter(|piece| wanted(piece));
    let bytes = pieces.filter_map(|piece| piece.of_type()).map(|found| {
        let each = leading.together.iter().find(|(name, _)| *name == found.name);
        let grown = found.last_bytes.saturating_sub(found.first_bytes) as f64;
        let objects = match each {
            _ if found.name == leading.name => count as f64,
            Some((_, each)) => each * count as f64,
            None => found.grown() as f64,
        };
        // Of what came, not of what was there: sizes of common types differ.
        let size = if found.grown() > 0 { grown / found.grown() as f64 } else { 0.0 };
        (objects.min(found.last_count as f64) * size).min(found.last_bytes as f64)
    });
    whole(bytes.sum())
}

fn is_blocks(piece: &Piece<'_>) -> bool {
    piece.of_stack().is_some() && !piece.is_arenas()
}

fn sum(slopes: impl Iterator<Item = Interval>) -> Interval {
    slopes.fold(Interval::default(), Interval::plus)
}
