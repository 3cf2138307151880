//! How much a leak retains, and how fast that grows.
//!
//! Types and stacks count the same memory in two ways: sizes of objects with the tables that they own, and
//! blocks of malloc. So they are not added up: the larger of the two stands, where small objects, which have no
//! blocks, are added to the blocks.

use super::cluster::Cluster;
use super::piece::Piece;
use crate::model::{Amount, Document, Domain, Interval, LeakRate, TypeGrowth};

/// Bytes per hour, and how many per hour of what the leak is named by.
pub fn rate(document: &Document, cluster: &Cluster<'_>, leader: &Piece<'_>) -> LeakRate {
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
    let mapped = cluster.pieces.iter().all(|piece| is_mapping(piece));
    let bytes_per_hour = if mapped { resident(document, bytes_per_hour) } else { bytes_per_hour };
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

/// Blocks per hour of all stacks.
fn counts(cluster: &Cluster<'_>) -> f64 {
    let stacks = cluster.pieces.iter().filter_map(|piece| piece.of_stack());
    stacks.map(|found| found.evidence.slope_blocks_per_hour.est.max(0.0)).sum()
}

/// What it retains now. `length` is that of the container.
pub fn now(cluster: &Cluster<'_>, leader: &Piece<'_>, length: Option<u64>) -> Amount {
    let stacks = |wanted: fn(&Piece<'_>) -> bool| {
        let pieces = cluster.pieces.iter().filter(move |piece| wanted(piece));
        let retained =
            pieces.filter_map(|piece| piece.of_stack()).map(|found| found.evidence.retained);
        retained.fold(Amount::default(), Amount::plus)
    };
    let blocks = stacks(is_blocks);
    let Some(leading) = leader.of_type() else {
        return if blocks.is_nothing() { stacks(|piece| piece.is_arenas()) } else { blocks };
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

/// The sum of estimates: their errors go together, since they are of one growth.
fn sum(slopes: impl Iterator<Item = Interval>) -> Interval {
    slopes.fold(Interval::default(), |sum, slope| Interval {
        lo: sum.lo + slope.lo,
        est: sum.est + slope.est,
        hi: sum.hi + slope.hi,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}
