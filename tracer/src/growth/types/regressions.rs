//! Types of real programs on which verdicts were wrong, as snapshots saw them.

use super::judge_types;
use super::samples::{NEVER, PretendedHeap};
use crate::model::{Note, Reason, TypeGrowth, TypePoint, TypeRetainer, TypeSeries, Verdict};

/// A type by its numbers and births at each snapshot, and those of them that are still there.
fn seen(name: &str, counts: &[u64], born: &[u64], survivors: &[u64]) -> TypeSeries {
    let points = counts.iter().zip(born).enumerate().map(|(snapshot, (count, born))| TypePoint {
        t: 30.0 * snapshot as f64,
        count: *count,
        bytes: 80 * count,
        retained_count: count - born,
        born_count: *born,
        collections: None,
    });
    TypeSeries { name: name.into(), points: points.collect(), survivors: survivors.into() }
}

fn judged(series: &[TypeSeries]) -> Vec<TypeGrowth> {
    judge_types(series, Some(&[]))
}

/// A third of the oldest are there, and two thirds of the latest: they go when they are old enough.
#[test]
fn a_cache_that_turns_over_is_no_leak() {
    let rows = judged(&[seen(
        "app.ClientState",
        &[49, 48, 49, 51, 54, 58, 59, 60, 60, 60, 58, 57, 60, 64, 70, 69, 70, 72],
        &[0, 3, 3, 4, 7, 7, 2, 6, 3, 4, 2, 3, 6, 5, 9, 5, 3, 6],
        &[24, 0, 0, 1, 4, 3, 0, 4, 2, 3, 1, 2, 5, 2, 9, 3, 3, 6],
    )]);
    assert_eq!(
        (rows[0].verdict, &rows[0].reasons[0]),
        (Verdict::Undetermined, &Reason::OldObjectsFreed)
    );
}

/// It grew at seven of seventeen snapshots, and new strings took the addresses of old ones.
#[test]
fn a_sawtooth_is_no_leak() {
    let rows = judged(&[seen(
        "str",
        &[
            2032, 2023, 2021, 2012, 2018, 2017, 2027, 2021, 2030, 2021, 2024, 2022, 2017, 2021,
            2026, 2022, 2021, 2028,
        ],
        &[0, 5, 5, 1, 6, 0, 10, 4, 9, 3, 3, 2, 1, 4, 5, 2, 5, 7],
        &[2001, 1, 0, 0, 1, 0, 0, 0, 2, 0, 1, 1, 0, 4, 3, 2, 5, 7],
    )]);
    assert!(rows.iter().all(|row| row.verdict != Verdict::Leak), "{rows:?}");
}

/// 233 of 233 are there, and three listeners for each.
#[test]
fn what_grows_together_has_one_verdict() {
    let births = [0, 71, 22, 64, 27, 49];
    let of = |name: &str, each: u64| {
        let born = births.map(|births| births * each);
        let counts: Vec<u64> = (1..=6).map(|end| 10 + born[..end].iter().sum::<u64>()).collect();
        let survivors: Vec<u64> = [10].into_iter().chain(born[1..].iter().copied()).collect();
        seen(name, &counts, &born, &survivors)
    };
    let rows = judged(&[of("__main__.Basket", 1), of("framework.EventListener", 3)]);
    let verdicts: Vec<Verdict> = rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Leak; 2]);
    assert_eq!(rows[0].name, "__main__.Basket");
}

/// One of two types in step is known to be held by a root; nobody knows of the other.
#[test]
fn what_is_in_step_with_a_leak_is_no_garbage() {
    let heap = PretendedHeap { collections: Some(Vec::new()), ..PretendedHeap::new(30, 20.0) };
    let births = |snapshot: u64| 3 + snapshot * 7 % 5;
    let series = [
        heap.series("app.Session", &|snapshot| (births(snapshot), births(snapshot)), 100),
        heap.series("app.Part", &|snapshot| (4 * births(snapshot), 4 * births(snapshot)), 100),
    ];
    let path =
        vec![("module app".to_owned(), None), (".all".to_owned(), Some("app.Session".into()))];
    let held = TypeRetainer { name: "app.Session".into(), path };
    let rows = judge_types(&series, Some(&[held]));
    assert!(rows.iter().all(|row| row.verdict == Verdict::Leak), "{rows:?}");
}

/// A cache is swept when the collector has just come; what is younger stays.
#[test]
fn a_live_cache_is_no_garbage() {
    let sweeps = [8, 15, 23, 32];
    let heap = PretendedHeap { collections: Some(sweeps.into()), ..PretendedHeap::new(36, 30.0) };
    let swept = |born: u64| sweeps.into_iter().find(|at| *at > born + 2).unwrap_or(NEVER);
    let lives: Vec<(u64, u64, u64)> = (0..36).map(|born| (born, swept(born), 5)).collect();
    let rows = judged(&[heap.lives("app.Entry", 100, &lives)]);
    assert!(rows.iter().all(|row| row.verdict != Verdict::GarbagePending), "{rows:?}");
}

/// Without the last snapshot nobody knows what is unreachable.
#[test]
fn an_unfinished_census_finds_no_garbage() {
    let collections = [9, 21, 34, 45];
    let heap =
        PretendedHeap { collections: Some(collections.into()), ..PretendedHeap::new(60, 30.0) };
    let next = |born: u64| collections.into_iter().find(|at| *at > born).unwrap_or(NEVER);
    let lives: Vec<(u64, u64, u64)> = (0..60).map(|born| (born, next(born), 4)).collect();
    let series = heap.lives("app.Cycle", 100, &lives);
    let verdict = |notes: Vec<Note>| {
        let mut document = crate::growth::samples::document(1800.0);
        (document.history.counts, document.history.types) = (60, vec![series.clone()]);
        document.capture.notes = notes;
        let rows = crate::growth::owners::types(&document).expect("counted");
        rows[0].verdict
    };
    assert_eq!(verdict(Vec::new()), Verdict::GarbagePending);
    let unfinished = Note::ObjectsUnfinished { reason: crate::model::NoObjects::TooSlow };
    assert_eq!(verdict(vec![unfinished]), Verdict::SessionsOpen);
}
