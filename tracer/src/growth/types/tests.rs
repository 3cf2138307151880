//! Verdicts on pretended heaps of many seeds: how many leaks are found, and how often what does not
//! leak is called one.

use super::judge_types;
use super::samples::{Lifespan, NEVER, PretendedHeap, Random};
use crate::model::{
    Confidence, GARBAGE_ROOT, Reason, TypeGrowth, TypeRetainer, TypeSeries, Verdict,
};

const SEEDS: u64 = 60;

fn judge(series: TypeSeries) -> Option<TypeGrowth> {
    judge_types(&[series], Some(&[])).into_iter().next()
}

/// Verdicts on one type for every seed; `Baseline` where it is left out.
fn verdicts(
    heap: &PretendedHeap,
    lives: impl Fn(&mut Random) -> Vec<Lifespan>,
) -> Vec<(Verdict, Confidence)> {
    let one = |seed| {
        let lives = lives(&mut Random::new(seed));
        let row = judge(heap.lives("app.Thing", 200, &lives));
        row.map_or((Verdict::Baseline, Confidence::Suspect), |row| (row.verdict, row.confidence))
    };
    (0..SEEDS).map(one).collect()
}

fn number(verdicts: &[(Verdict, Confidence)], verdict: Verdict) -> usize {
    verdicts.iter().filter(|(found, _)| *found == verdict).count()
}

fn surer(verdicts: &[(Verdict, Confidence)], than: Confidence) -> usize {
    verdicts.iter().filter(|(_, confidence)| *confidence > than).count()
}

/// Half an hour, a snapshot every half minute.
fn half_an_hour() -> PretendedHeap {
    PretendedHeap::new(60, 30.0)
}

/// Temporary objects that are gone after some snapshots.
fn work(heap: &PretendedHeap, random: &mut Random, per_snapshot: f64, life: f64) -> Vec<Lifespan> {
    let mut lives = Vec::new();
    for snapshot in 0..heap.snapshots {
        for _ in 0..random.poisson(per_snapshot) {
            lives.push((snapshot, snapshot + random.life(life), 1));
        }
    }
    lives
}

fn leaking(heap: &PretendedHeap, random: &mut Random, per_snapshot: f64) -> Vec<Lifespan> {
    let mut lives = work(heap, random, 3.0, 2.0);
    for snapshot in 0..heap.snapshots {
        lives.push((snapshot, NEVER, random.poisson(per_snapshot)));
    }
    lives
}

#[test]
fn leaks_are_suspects_after_half_an_hour() {
    let heap = half_an_hour();
    let found = verdicts(&heap, |random| leaking(&heap, random, 1.0));
    assert!(number(&found, Verdict::Leak) >= 54, "{found:?}");
    assert_eq!(surer(&found, Confidence::Suspect), 0);
}

#[test]
fn leaks_are_likely_after_hours_and_confirmed_after_a_week() {
    for (heap, confidence) in [
        (PretendedHeap::new(120, 300.0), Confidence::Likely),
        (PretendedHeap::new(200, 3600.0), Confidence::Confirmed),
    ] {
        let found = verdicts(&heap, |random| leaking(&heap, random, 2.0));
        let as_sure = found.iter().filter(|found| **found == (Verdict::Leak, confidence)).count();
        assert!(as_sure >= 45, "{as_sure}: {found:?}");
        assert_eq!(surer(&found, confidence), 0);
        assert!(number(&found, Verdict::Leak) >= 56, "{found:?}");
    }
}

#[test]
fn three_hours_less_a_little_are_never_likely() {
    let heap = PretendedHeap::new(160, 67.0);
    let found = verdicts(&heap, |random| leaking(&heap, random, 3.0));
    assert_eq!(surer(&found, Confidence::Suspect), 0);
    let heap = PretendedHeap::new(160, 6.9 * 86_400.0 / 160.0);
    let found = verdicts(&heap, |random| leaking(&heap, random, 3.0));
    assert_eq!(surer(&found, Confidence::Likely), 0);
}

#[test]
fn one_object_for_each_session_is_a_step_leak() {
    let heap = half_an_hour();
    let found = verdicts(&heap, |random| {
        let (mut lives, mut snapshot) = (Vec::new(), 0);
        while snapshot < heap.snapshots {
            lives.push((snapshot, NEVER, 1));
            snapshot += 2 + random.below(4);
        }
        lives
    });
    assert!(number(&found, Verdict::Leak) >= 54, "{found:?}");
}

#[test]
fn sessions_in_batches_are_no_leak() {
    let heap = half_an_hour();
    let found = verdicts(&heap, |random| {
        let (mut lives, mut snapshot) = (Vec::new(), random.below(5));
        while snapshot < heap.snapshots {
            let end = snapshot + 4 + random.below(6);
            for born in snapshot..(snapshot + 3) {
                lives.push((born, end + random.below(2), 5 + random.below(10)));
            }
            snapshot = end + random.below(3);
        }
        lives
    });
    assert!(number(&found, Verdict::Leak) <= 1, "{found:?}");
    assert_eq!(surer(&found, Confidence::Suspect), 0);
}

#[test]
fn open_sessions_that_come_and_go_are_no_leak() {
    for life in [3.0, 10.0] {
        for heap in [half_an_hour(), PretendedHeap::new(200, 300.0)] {
            let found = verdicts(&heap, |random| work(&heap, random, 2.0, life));
            assert!(number(&found, Verdict::Leak) <= 1, "{life} {found:?}");
            assert_eq!(surer(&found, Confidence::Suspect), 0);
        }
    }
}

/// A cache that is asked for one of `keys` at random, and keeps the last `room` of them.
fn cache(
    heap: &PretendedHeap,
    random: &mut Random,
    keys: u64,
    room: usize,
    per_snapshot: f64,
) -> Vec<Lifespan> {
    let (mut held, mut lives): (Vec<(u64, u64)>, Vec<Lifespan>) = (Vec::new(), Vec::new());
    for snapshot in 0..heap.snapshots {
        for _ in 0..random.poisson(per_snapshot) {
            let key = random.below(keys);
            match held.iter().position(|(held, _)| *held == key) {
                Some(index) => {
                    let again = held.remove(index);
                    held.push(again);
                }
                None => held.push((key, snapshot)),
            }
            if held.len() > room {
                let (_, born) = held.remove(0);
                lives.push((born, snapshot, 1));
            }
        }
    }
    lives.extend(held.into_iter().map(|(_, born)| (born, NEVER, 1)));
    lives
}

#[test]
fn caches_that_fill_or_evict_are_no_leak() {
    for heap in [half_an_hour(), PretendedHeap::new(200, 600.0)] {
        // Full after a tenth of the time, and the oldest go; then one that knows all keys in the
        // end.
        let n = heap.snapshots as f64;
        let evicts = verdicts(&heap, |random| cache(&heap, random, 1_000_000, 60, 600.0 / n));
        assert!(number(&evicts, Verdict::Leak) <= 1, "{evicts:?}");
        assert_eq!(surer(&evicts, Confidence::Suspect), 0);
        let fills = verdicts(&heap, |random| cache(&heap, random, 200, 1000, 1000.0 / n));
        assert!(number(&fills, Verdict::Leak) <= 2, "{fills:?}");
        assert!(number(&fills, Verdict::CacheWarming) >= 40, "{fills:?}");
        assert_eq!(surer(&fills, Confidence::Suspect), 0);
    }
}

#[test]
fn a_full_cache_that_is_older_than_the_watch_is_no_leak() {
    let heap = half_an_hour();
    let found = verdicts(&heap, |random| {
        // What was there before goes, and all that is born is still there: only the number says
        // that nothing grows.
        let mut lives: Vec<Lifespan> = vec![(0, NEVER, 50)];
        for snapshot in 1..heap.snapshots {
            lives.push((0, snapshot, random.poisson(3.0)));
            lives.push((snapshot, NEVER, random.poisson(3.0)));
        }
        lives
    });
    assert!(number(&found, Verdict::Leak) <= 3, "{found:?}");
}

#[test]
fn garbage_that_waits_for_the_collector_is_no_leak() {
    let mut heap = half_an_hour();
    heap.collections = Some(vec![9, 21, 34, 45]);
    let found = verdicts(&heap, |random| {
        let collections = [9, 21, 34, 45, NEVER];
        let next = |snapshot| collections.into_iter().find(|at| *at > snapshot).unwrap_or(NEVER);
        (0..heap.snapshots)
            .map(|snapshot| (snapshot, next(snapshot), random.poisson(4.0)))
            .collect()
    });
    assert_eq!(number(&found, Verdict::Leak), 0);
    assert!(number(&found, Verdict::GarbagePending) >= 50, "{found:?}");
}

#[test]
fn without_a_full_collection_it_may_be_garbage() {
    let mut heap = half_an_hour();
    heap.collections = Some(Vec::new());
    let row = judge(heap.series("app.Thing", &|_| (2, 2), 100)).expect("it grows");
    assert_eq!(row.verdict, Verdict::Undetermined);
    assert_eq!(row.reasons[0], Reason::NotCollectedYet);
    heap.collections = Some(vec![40]);
    let row = judge(heap.series("app.Thing", &|_| (2, 2), 100)).expect("it grows");
    assert_eq!(row.verdict, Verdict::Leak);
}

/// Where it was found to be garbage it waits, until a collection came and left it.
#[test]
fn garbage_waits_for_the_first_full_collection() {
    let mut heap = half_an_hour();
    let root = format!("{GARBAGE_ROOT}app.Thing at 0x7f00");
    let garbage = TypeRetainer { name: "app.Thing".into(), path: vec![(root.clone(), None)] };
    let mut row = |collections| {
        heap.collections = Some(collections);
        let series = heap.series("app.Thing", &|_| (2, 2), 100);
        judge_types(&[series], Some(std::slice::from_ref(&garbage))).remove(0)
    };
    let waits = row(Vec::new());
    assert_eq!(
        (waits.verdict, &waits.reasons[0]),
        (Verdict::GarbagePending, &Reason::GarbageObjects)
    );
    assert_eq!(waits.retainer, Some(vec![root.clone()]));
    assert!(!waits.reasons.contains(&Reason::ReachedFromRoot));
    assert_eq!(row(vec![40]).verdict, Verdict::Leak);
}

#[test]
fn warming_up_is_no_leak_and_hides_none() {
    let heap = half_an_hour();
    let warm = |random: &mut Random| -> Vec<Lifespan> {
        (0..12)
            .map(|snapshot| (snapshot, NEVER, random.poisson(60.0 / (1.0 + snapshot as f64))))
            .collect()
    };
    let found = verdicts(&heap, warm);
    assert_eq!(number(&found, Verdict::Leak), 0);
    let found = verdicts(&heap, |random| {
        let mut lives = warm(random);
        lives.extend((12..heap.snapshots).map(|snapshot| (snapshot, NEVER, 2 + random.below(2))));
        lives
    });
    assert!(number(&found, Verdict::Leak) >= 50, "{found:?}");
}

#[test]
fn a_queue_that_is_drained_is_no_leak() {
    let heap = half_an_hour();
    let found = verdicts(&heap, |random| {
        let drained = 25 + random.below(30);
        (0..heap.snapshots)
            .map(|snapshot| {
                (snapshot, drained.max(snapshot + 1) + snapshot % 3, 1 + random.poisson(3.0))
            })
            .collect()
    });
    assert!(number(&found, Verdict::Leak) <= 1, "{found:?}");
}

#[test]
fn what_a_few_snapshots_say() {
    let two =
        judge(PretendedHeap::new(2, 60.0).series("app.Thing", &|_| (5, 5), 100)).expect("it grows");
    assert_eq!((two.verdict, two.confidence), (Verdict::Undetermined, Confidence::Suspect));
    assert_eq!(two.reasons[0], Reason::FewSnapshots { snapshots: 2 });
    let slope = two.slope_objects_per_hour;
    assert!(slope.est == 300.0 && slope.lo < 300.0 && slope.hi > 300.0, "{slope:?}");
    let four =
        judge(PretendedHeap::new(4, 60.0).series("app.Thing", &|_| (5, 5), 100)).expect("it grows");
    assert_eq!((four.verdict, four.confidence), (Verdict::Leak, Confidence::Suspect));
    for wanted in [
        Reason::GrowthBySnapshot { grew: 3, snapshots: 3 },
        Reason::Survivors { born: 15, survived: 15 },
    ] {
        assert!(four.reasons.contains(&wanted), "{:?}", four.reasons);
    }
    let heap = PretendedHeap::new(5, 60.0);
    let found = verdicts(&heap, |random| work(&heap, random, 6.0, 2.0));
    assert!(number(&found, Verdict::Leak) <= 2, "{found:?}");
}

/// What a server keeps of each session: Watchers by the thousand, one Document, and what they are
/// made of.
fn server(random: &mut Random, heap: &PretendedHeap) -> Vec<TypeSeries> {
    let sessions: Vec<u64> = (0..heap.snapshots).map(|_| random.poisson(0.4)).collect();
    let kinds: [(&str, u64, u64, f64); 12] = [
        ("pandas.core.frame.DataFrame", 9000, 1, 0.1),
        ("bokeh.plotting._figure.figure", 400, 1, 0.0),
        ("bokeh.document.document.Document", 120, 1, 0.0),
        ("bokeh.models.glyphs.Line", 300, 6, 0.0),
        ("param.parameterized.Watcher", 150, 1500, 0.0),
        ("dict", 230, 4000, 300.0),
        ("list", 90, 1500, 200.0),
        ("tuple", 70, 3000, 400.0),
        ("str", 80, 2500, 300.0),
        ("cell", 40, 800, 50.0),
        ("collections.deque", 600, 2, 3.0),
        ("method", 64, 900, 60.0),
    ];
    let mut series: Vec<TypeSeries> = kinds
        .iter()
        .map(|(name, size, each, work)| {
            let mut lives: Vec<Lifespan> = (0..heap.snapshots)
                .map(|snapshot| (snapshot, snapshot + random.life(2.0), random.poisson(*work)))
                .collect();
            for (snapshot, opened) in (0..heap.snapshots).zip(&sessions) {
                lives.push((snapshot, NEVER, each * opened));
                // Half of what a session has is gone when it closes.
                lives.push((snapshot, snapshot + 4, each * opened));
            }
            heap.lives(name, *size, &lives)
        })
        .collect();
    for (index, life) in [1.0, 3.0, 6.0].into_iter().enumerate() {
        let busy = work(heap, random, 20.0, life);
        series.push(heap.lives(&format!("tornado.Busy{index}"), 5000, &busy));
    }
    series
}

#[test]
fn what_a_server_keeps_of_its_sessions_is_among_the_first_three() {
    for snapshots in [20, 40, 120_u64] {
        let heap = PretendedHeap::new(snapshots, 60.0);
        let mut right = 0;
        for seed in 0..SEEDS {
            let rows = judge_types(&server(&mut Random::new(seed), &heap), Some(&[]));
            let first: Vec<&str> = rows.iter().take(3).map(|row| row.name.as_str()).collect();
            let of_session = |name: &&str| {
                ["DataFrame", "figure", "Document"].iter().any(|end| name.ends_with(end))
            };
            let parts = ["dict", "list", "tuple", "str", "cell", "method"];
            let good = first.iter().any(of_session);
            right += u64::from(good && !first.iter().any(|name| parts.contains(name)));
        }
        // Twenty minutes have only some eight sessions, and by chance two.
        let least = if snapshots < 30 { 50 } else { 57 };
        assert!(right >= least, "{snapshots} snapshots: {right}");
    }
}

fn held(name: &str, through: &[&str]) -> TypeRetainer {
    let step = |class: &&str| ("[0]".to_owned(), Some((*class).to_owned()));
    let root = ("module m".to_owned(), None);
    let path = std::iter::once(root).chain(through.iter().map(step));
    let last = (".x".to_owned(), Some(name.to_owned()));
    TypeRetainer { name: name.to_owned(), path: path.chain([last]).collect() }
}

/// Of types in step the one that holds the others is nearest to the cause, however little it
/// weighs.
#[test]
fn what_holds_the_others_comes_first() {
    let heap = PretendedHeap::new(30, 20.0);
    let types = [("m.Bbox", 18, 480), ("m.Figure", 1, 56), ("m.Manager", 1, 48), ("dict", 40, 230)];
    let series = types.map(|(name, each, size)| heap.series(name, &|_| (each, each), size));
    let first = |retainers: &[TypeRetainer]| judge_types(&series, Some(retainers))[0].name.clone();
    assert_eq!(first(&[]), "m.Bbox");
    let retainers = [
        held("m.Bbox", &["dict", "m.Manager", "m.Figure"]),
        held("m.Figure", &["dict", "m.Manager"]),
        held("m.Manager", &["dict"]),
    ];
    assert_eq!(first(&retainers), "m.Manager");
}

/// What a root holds is no garbage, though nobody collected.
#[test]
fn what_is_held_needs_no_collection() {
    let mut heap = PretendedHeap::new(30, 20.0);
    heap.collections = Some(Vec::new());
    let series = [heap.series("m.Session", &|_| (2, 2), 480)];
    let verdict = |retainers: &[TypeRetainer]| judge_types(&series, Some(retainers))[0].verdict;
    assert_eq!(verdict(&[]), Verdict::Undetermined);
    assert_eq!(verdict(&[held("m.Other", &[])]), Verdict::Undetermined);
    assert_eq!(verdict(&[held("m.Session", &["list"])]), Verdict::Leak);
}

#[test]
fn rows_name_what_grows_in_step() {
    let heap = PretendedHeap::new(60, 60.0);
    let rows = judge_types(&server(&mut Random::new(3), &heap), Some(&[]));
    let document = rows.iter().find(|row| row.name.ends_with("Document")).expect("it leaks");
    let ratio = document.together.iter().find(|(name, _)| name.ends_with("Watcher"));
    assert!(ratio.is_some_and(|(_, ratio)| (1400.0..1600.0).contains(ratio)), "{document:?}");
    assert!(document.together.len() <= 10);
    assert!(document.reasons.iter().any(|reason| matches!(reason, Reason::InStep { .. })));
    let dict = rows.iter().find(|row| row.name == "dict").expect("it grows too");
    assert!(dict.reasons.contains(&Reason::PartsOfOthers), "{dict:?}");
    assert!((1..).zip(&rows).all(|(rank, row)| row.rank == rank));
}

#[test]
fn built_in_types_come_first_where_only_they_grow() {
    let heap = PretendedHeap::new(40, 60.0);
    let mut right = 0;
    for seed in 0..SEEDS {
        let random = &mut Random::new(seed);
        let leak: Vec<Lifespan> =
            (0..heap.snapshots).map(|snapshot| (snapshot, NEVER, random.poisson(30.0))).collect();
        let mut series = vec![heap.lives("weakref.ReferenceType", 72, &leak)];
        for (name, life) in [("app.Session", 5.0), ("tornado.Busy", 2.0), ("dict", 3.0)] {
            series.push(heap.lives(name, 5000, &work(&heap, random, 10.0, life)));
        }
        // A small leak that has nothing to do with it.
        let small = (0..heap.snapshots)
            .map(|snapshot| (snapshot, NEVER, random.poisson(0.5)))
            .collect::<Vec<_>>();
        series.push(heap.lives("app.Small", 56, &small));
        let rows = judge_types(&series, Some(&[]));
        right += u64::from(rows[0].name == "weakref.ReferenceType");
    }
    assert!(right >= SEEDS * 9 / 10, "{right}");
}

#[test]
fn many_types_give_a_bounded_number_of_rows() {
    let heap = PretendedHeap::new(20, 60.0);
    let leak = heap.series("x", &|_| (1, 1), 100);
    let series = (0..1200).map(|n| TypeSeries { name: format!("app.T{n}"), ..leak.clone() });
    let rows = judge_types(&series.collect::<Vec<_>>(), Some(&[]));
    assert_eq!(rows.len(), 200);
    assert!(rows.iter().all(|row| row.together.len() == 10 && row.series.len() == 20));
}

#[test]
fn nonsense_is_judged_without_panic() {
    let heap = PretendedHeap::new(30, 60.0);
    let good = heap.series("app.Thing", &|snapshot| (3 + snapshot % 5, snapshot % 3 / 2), 100);
    let mut series = vec![TypeSeries::default(), good.clone()];
    for spoil in 0..6_u32 {
        let mut bad = good.clone();
        match spoil {
            0 => bad.points[7].t = f64::NAN,
            1 => bad.points.truncate(3),
            2 => bad.survivors = vec![u64::MAX; 30],
            3 => bad.points.iter_mut().for_each(|point| point.born_count = u64::MAX),
            4 => bad.points.iter_mut().for_each(|point| point.bytes = u64::MAX),
            _ => bad.points[29].count = u64::MAX,
        }
        series.push(bad);
    }
    let rows = judge_types(&series, Some(&[]));
    assert!(rows.iter().any(|row| row.name == "app.Thing"));
}
