//! Leaks of small objects that nothing leads to: what the search for them found, and the arenas that they fill.

use super::cluster::Cluster;
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
    let leaks: Vec<Leak> =
        together(memory).iter().filter_map(|lost| leak(document, memory, lost, &arenas)).collect();
    let rate: f64 = leaks.iter().map(|leak| leak.rate.bytes_per_hour.est).sum();
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
        created_at: created_at(arenas),
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

/// Lines that needed the arenas.
fn created_at(arenas: &[&Finding]) -> Vec<CreatedAt> {
    let known = arenas.iter().filter(|found| !found.site.stack.is_empty());
    let mut stacks: Vec<CreatedAt> = known
        .map(|found| {
            let (alike, all) = found.evidence.stacks_alike;
            let share = alike as f64 / all.max(1) as f64;
            CreatedAt { stack: found.site.stack.clone(), share, basis: Basis::Arena }
        })
        .collect();
    stacks.sort_by(|a, b| b.share.total_cmp(&a.share));
    stacks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::leaks::tests::{grown, judged, stack};
    use crate::judge::leaks::{leaks, settle};
    use crate::model::{Domain, TypeGrowth};

    fn objects(name: Option<&str>, old: u64, young: u64) -> LostObjects {
        let amount = |count| Amount { count, bytes: 64 * count };
        let block = if name.is_some() { 0 } else { 64 };
        let within = Amount::default();
        let name = name.map(str::to_owned);
        LostObjects { name, block, old: amount(old), young: amount(young), within }
    }

    fn arenas(bytes_per_hour: f64) -> Finding {
        let mut found = stack(Verdict::Leak, "temporary", bytes_per_hour);
        found.site.domain = Domain::Mmap;
        found.evidence.arenas = true;
        found
    }

    /// What was lost in a minute, of a process that grows by three mebibytes an hour.
    fn told(types: Vec<TypeGrowth>, lost: Vec<LostObjects>) -> Document {
        let mut document = judged(types, vec![arenas(4e6)]);
        document.history.lost = Some(LostMemory { t: 120.0, age: 60.0, types: lost });
        document.leaks = leaks(&document);
        settle(&mut document);
        document
    }

    #[test]
    fn lost_objects_are_one_leak_with_their_arenas() {
        let document = told(Vec::new(), vec![objects(Some("bytes"), 900, 500)]);
        let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
        assert_eq!((&*leak.name, leak.kind), ("bytes", LeakKind::LostObjects));
        assert_eq!((leak.confidence, leak.advice), (Confidence::Confirmed, Advice::BlameExtension));
        assert_eq!(leak.now, Amount { count: 1400, bytes: 1400 * 64 });
        assert!((leak.rate.bytes_per_hour.est - 500.0 * 64.0 * 60.0).abs() < 1.0);
        assert_eq!(leak.created_at.len(), 1);
        assert_eq!(leak.evidence.findings, [document.findings[0].site.id.clone()]);
        assert_eq!(
            document.growth.map(|growth| (growth.verdict, growth.confidence)),
            Some((Verdict::Leak, Confidence::Confirmed))
        );
    }

    #[test]
    fn a_few_or_old_ones_alone_are_no_leak() {
        for (old, young) in [(900, 0), (900, 7), (19, 500), (100, 20)] {
            let document = told(Vec::new(), vec![objects(Some("bytes"), old, young)]);
            let lost = document.leaks.iter().filter(|leak| leak.kind == LeakKind::LostObjects);
            let expected = usize::from((old, young) == (100, 20));
            assert_eq!(lost.count(), expected, "{old} {young}");
        }
        let document = told(Vec::new(), vec![objects(Some("bytes"), 50, 10)]);
        assert!(document.leaks.iter().all(|leak| leak.confidence < Confidence::Confirmed));
    }

    #[test]
    fn what_is_lost_together_is_one_leak() {
        let lost = [(None, 910, 505), (Some("tuple"), 900, 500), (Some("str"), 90, 400)];
        let document =
            told(Vec::new(), lost.map(|(name, old, young)| objects(name, old, young)).to_vec());
        let names = document.leaks.iter().map(|leak| (&*leak.name, leak.confidence));
        let expected = [("tuple", Confidence::Confirmed), ("str", Confidence::Likely)];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        assert_eq!(document.leaks[0].now, Amount { count: 1400, bytes: 2815 * 64 });
    }

    /// The collector's lists have lost objects, so they are counted as well.
    #[test]
    fn counted_objects_that_are_lost_are_told_once() {
        let kept = ["module app", ".KEPT: list (30000 items)", "[3]: app.Row"];
        for (path, leaks) in [(&[][..], 1), (&kept[..], 2)] {
            let types = vec![grown(1, "app.Row", [10, 30_010, 64], path)];
            let document = told(types, vec![objects(Some("app.Row"), 900, 500)]);
            assert_eq!(document.leaks.len(), leaks, "{:?}", document.leaks);
        }
    }

    #[test]
    fn memory_that_is_no_object_has_a_size_for_a_name() {
        let document = told(Vec::new(), vec![objects(None, 900, 500)]);
        assert_eq!(document.leaks[0].name, "blocks of 64 B that are no objects");
        assert!(document.leaks[0].evidence.types.is_empty());
    }
}
