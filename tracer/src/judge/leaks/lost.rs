//! Leaks of small objects that nothing leads to: what the search for them found, and the arenas that they fill.

mod blocks;
#[cfg(test)]
mod tests;

use super::cluster::Cluster;
use super::extension;
use super::piece::Piece;
use crate::model::{
    Advice, Amount, Basis, Confidence, CreatedAt, Document, Finding, Interval, Leak, LeakEvidence,
    LeakKind, LeakRate, LostMemory, LostObjects, Reason, Verdict,
};

/// Objects that are old, and that came since, of a leak that is sure. Whatever hides its pointers from the search
/// is a few, or was there from the beginning.
const SURE: (u64, u64) = (100, 20);
/// The same of one that is likely.
const LIKELY: (u64, u64) = (20, 8);
/// What carries less of the growth of the process is no answer to why it grows.
const WORTH: f64 = 0.01;
/// Arenas are filled by lost objects that grow at least this much as fast.
const FILLED: f64 = 0.3;
/// Objects of a type that is counted are those that are lost where so large a share of them is.
const MOST: f64 = 0.5;
/// Types of which as many are lost, as far as this, are lost together.
const SAME: f64 = 0.05;

/// A line that needed fewer of the arenas says nothing of what lies in them: most are the background's.
const NEARLY_ALL: f64 = 0.8;

/// What is lost together.
struct Lost<'a> {
    first: &'a LostObjects,
    others: Vec<&'a LostObjects>,
}

/// Leaks of lost objects, and the clusters without those of arenas that they fill.
pub fn lost<'a>(
    document: &Document,
    mut clusters: Vec<Cluster<'a>>,
) -> (Vec<Leak>, Vec<Cluster<'a>>) {
    let Some(memory) = &document.history.lost else { return (Vec::new(), clusters) };
    let arenas: Vec<&Finding> = document
        .findings
        .iter()
        .filter(|found| found.evidence.arenas && found.verdict.is_open())
        .collect();
    let mut leaks: Vec<Leak> =
        together(memory).iter().filter_map(|lost| leak(document, memory, lost, &arenas)).collect();
    let rate: f64 = leaks.iter().map(|leak| leak.rate.bytes_per_hour.est).sum();
    clusters.retain(|cluster| !blocks::join(document, cluster, &mut leaks));
    clusters.retain(|cluster| !is_filled(cluster, rate) && !are_counted(cluster, memory, &leaks));
    (leaks, clusters)
}

/// Whether a cluster is of types that are lost: the collector's lists have such objects, so that they are
/// counted, though nothing leads to them.
fn are_counted(cluster: &Cluster<'_>, memory: &LostMemory, leaks: &[Leak]) -> bool {
    let told =
        |name: &str| leaks.iter().any(|leak| leak.evidence.types.iter().any(|of| of == name));
    let is_lost = |piece: &Piece<'_>| {
        let Some(found) = piece.of_type().filter(|found| told(&found.name)) else { return false };
        let lost = memory.types.iter().find(|lost| lost.name.as_deref() == Some(&found.name));
        let rate = lost.map_or(0.0, |lost| per_hour(memory, lost.young.count as f64));
        rate >= MOST * found.slope_objects_per_hour.est
    };
    let is_held = cluster.pieces.iter().any(|piece| piece.is_roomy);
    !is_held && cluster.pieces.iter().any(|piece| is_lost(piece))
}

/// Whether a cluster is of arenas alone, and these objects fill them.
fn is_filled(cluster: &Cluster<'_>, rate: f64) -> bool {
    let slopes = cluster.pieces.iter().map(|piece| piece.slope());
    // They come a mebibyte at a time, so that their own slope is coarse.
    let slope: f64 = slopes.map(|slope| slope.lo.max(slope.est / 2.0)).sum();
    cluster.pieces.iter().all(|piece| Piece::is_arenas(piece))
        && rate > 0.0
        && rate >= FILLED * slope
}

/// Types of which the same number is lost are one leak, named by the one with most bytes.
fn together(memory: &LostMemory) -> Vec<Lost<'_>> {
    let mut all: Vec<Lost<'_>> = Vec::new();
    for found in memory.types.iter().filter(|found| confidence(found).is_some()) {
        let same = all.iter_mut().find(|lost| {
            near(lost.first.old.count, found.old.count)
                && near(lost.first.young.count, found.young.count)
        });
        match same {
            // What has a type names it.
            Some(lost) if lost.first.name.is_none() && found.name.is_some() => {
                lost.others.push(std::mem::replace(&mut lost.first, found));
            }
            Some(lost) => lost.others.push(found),
            None => all.push(Lost { first: found, others: Vec::new() }),
        }
    }
    all
}

fn near(one: u64, other: u64) -> bool {
    one.abs_diff(other) as f64 <= SAME * one.max(other) as f64
}

/// How sure it is; nothing when too few are lost or no more come.
fn confidence(found: &LostObjects) -> Option<Confidence> {
    let at_least = |(old, young): (u64, u64)| found.old.count >= old && found.young.count >= young;
    match () {
        () if at_least(SURE) => Some(Confidence::Confirmed),
        () if at_least(LIKELY) => Some(Confidence::Likely),
        () => None,
    }
}

fn leak(
    document: &Document,
    memory: &LostMemory,
    lost: &Lost<'_>,
    arenas: &[&Finding],
) -> Option<Leak> {
    let all = || std::iter::once(lost.first).chain(lost.others.iter().copied());
    let bytes_per_hour = all().map(|found| rate(memory, found)).fold(0.0, |sum, rate| sum + rate);
    let growth = document.growth.as_ref().filter(|growth| growth.significant);
    let explains = growth
        .map(|growth| bytes_per_hour / growth.slope_bytes_per_hour.est)
        .filter(|share| share.is_finite());
    if explains.is_some_and(|share| share < WORTH) {
        return None;
    }
    let name = name(lost.first);
    let objects = lost.first.name.is_some();
    let (old, count) = (lost.first.old.count, lost.first.count());
    Some(Leak {
        id: Leak::identify(LeakKind::LostObjects, &name, []),
        rank: 0,
        verdict: Verdict::Leak,
        confidence: confidence(lost.first)?,
        kind: LeakKind::LostObjects,
        name,
        now: Amount { count, bytes: all().map(LostObjects::bytes).fold(0, u64::saturating_add) },
        rate: LeakRate {
            bytes_per_hour: interval(bytes_per_hour, lost.first.young.count),
            count_per_hour: per_hour(memory, lost.first.young.count as f64),
        },
        explains,
        known_kind: None,
        retained_by: None,
        grown_by: Vec::new(),
        created_at: created_at(document, arenas, bytes_per_hour),
        distinguishing: Vec::new(),
        bound: None,
        grounds: vec![Reason::Lost {
            count,
            old,
            seconds: memory.age,
            bytes: each(lost.first),
            objects,
        }],
        advice: Advice::BlameExtension,
        evidence: LeakEvidence {
            findings: arenas.iter().map(|found| found.site.id.clone()).collect(),
            types: all().filter_map(|found| found.name.clone()).collect(),
        },
    })
}

/// What memory is called that is no object.
fn name(found: &LostObjects) -> String {
    found.name.clone().unwrap_or_else(|| format!("blocks of {} B that are no objects", found.block))
}

/// Bytes of each.
fn each(found: &LostObjects) -> u64 {
    (found.old.bytes + found.young.bytes) / found.count().max(1)
}

/// Bytes per hour, with those of what is lost within.
fn rate(memory: &LostMemory, found: &LostObjects) -> f64 {
    let own = found.old.bytes.saturating_add(found.young.bytes).max(1) as f64;
    let with = 1.0 + found.within.bytes as f64 / own;
    per_hour(memory, found.young.bytes as f64 * with)
}

fn per_hour(memory: &LostMemory, since: f64) -> f64 {
    since / memory.age.max(1.0) * 3600.0
}

/// As far as chance goes: those that came are counted.
fn interval(est: f64, count: u64) -> Interval {
    let error = 2.0 / (count.max(1) as f64).sqrt();
    Interval { lo: est * (1.0 - error).max(0.0), est, hi: est * (1.0 + error) }
}

/// Stacks of the only extension that needed arenas, or the line that needed them, where these objects are most of what
/// fills them.
fn created_at(document: &Document, arenas: &[&Finding], rate: f64) -> Vec<CreatedAt> {
    let of_extension = extension::stacks(document, arenas);
    let slopes = arenas.iter().map(|found| found.slope_bytes_per_hour.est);
    if !of_extension.is_empty() || rate < FILLED * slopes.sum::<f64>() {
        return of_extension;
    }
    let known = arenas.iter().filter(|found| !found.site.stack.is_empty());
    let mut stacks: Vec<CreatedAt> = known
        .map(|found| {
            let (alike, all) = found.evidence.stacks_alike;
            let share = alike as f64 / all.max(1) as f64;
            CreatedAt { stack: found.site.stack.clone(), share, basis: Basis::Arena }
        })
        .collect();
    stacks.retain(|made| made.share >= NEARLY_ALL);
    stacks.sort_by(|a, b| b.share.total_cmp(&a.share));
    stacks
}
