//! Leaks beside each other and beside what is full, made of the same common types: each has its own bytes and lines.

use super::tests::{grown, owned, pace, stack, words};
use super::*;
use crate::model::{
    Basis, Confidence, DeclaredBound, Finding, GrownContainer, LeakRate, RetainedPlace,
    RetainedSize, TypeGrowth, Verdict,
};
use crate::report::leaks::samples;

const CONNS: [&str; 3] = ["module app", ".CONNS: list (3000 items)", "[83]: app.Conn"];
const PAGES: [&str; 3] = ["module app", ".pages: dict (6000 items)", "[9]: app.Page"];

/// A container that had so many items in the course of an hour.
fn container(path: &[&str], lengths: &[u64]) -> GrownContainer {
    let times = (0_u32..).map(|at| 3600.0 * f64::from(at) / (lengths.len() - 1) as f64);
    GrownContainer {
        name: "list".into(),
        path: path[..2].iter().map(|step| ((*step).to_owned(), None)).collect(),
        lengths: times.zip(lengths.iter().copied()).collect(),
        ..GrownContainer::default()
    }
}

fn grows(path: &[&str], items: u64) -> GrownContainer {
    container(path, &[0, items / 4, items / 2, 3 * items / 4, items])
}

/// What the container on a path retains.
fn retained(path: &[&str], objects: u64, most_bytes: u64) -> RetainedPlace {
    let path = words(&path[..2]).expect("a path");
    RetainedPlace { path, size: RetainedSize { objects, least_bytes: 1, most_bytes } }
}

fn document(
    types: Vec<TypeGrowth>,
    findings: Vec<Finding>,
    containers: Vec<GrownContainer>,
    sizes: Vec<RetainedPlace>,
) -> Document {
    let growth = samples::growth(Verdict::Leak, Confidence::Suspect);
    let mut document = samples::document(growth, findings);
    document.types = Some(types);
    (document.history.containers, document.history.retained_sizes) = (containers, sizes);
    document
}

fn told(
    types: Vec<TypeGrowth>,
    findings: Vec<Finding>,
    containers: Vec<GrownContainer>,
    sizes: Vec<RetainedPlace>,
) -> Vec<Leak> {
    leaks(&document(types, findings, containers, sizes))
}

/// A list of connections grows beside a cache of pages that is full; dicts of new pages are the newest dicts.
fn cache_beside_leak(limit: Option<u64>) -> Vec<Leak> {
    let conn = TypeGrowth {
        together: vec![("dict".into(), 1.0)],
        ..grown(1, "app.Conn", [0, 3000, 48], &CONNS)
    };
    let dict =
        grown(2, "dict", [6000, 9000, 952], &[&PAGES[..], &[".head: dict (2 items)"]].concat());
    let mut findings = [("page", &PAGES), ("connect", &CONNS)].map(|(function, path)| {
        owned(
            stack(Verdict::Leak, function, 4e6),
            "bytes",
            &[&path[..], &[".body: bytes"]].concat(),
        )
    });
    findings[0].slope_bytes_per_hour = pace(8e6);
    let bound =
        limit.map(|_| DeclaredBound { kind: "lru_cache of page()".into(), limit, used: 6000 });
    let full = GrownContainer { bound, ..container(&PAGES, &[5500, 6000, 6000, 6000, 6000]) };
    told(
        vec![conn, dict],
        findings.into(),
        vec![grows(&CONNS, 3000), full],
        vec![retained(&CONNS, 21_000, 3_000_000), retained(&PAGES, 48_000, 8_400_000)],
    )
}

#[test]
fn a_full_cache_beside_a_leak_takes_nothing_of_it() {
    for limit in [None, Some(6000)] {
        let leaks = cache_beside_leak(limit);
        let first = &leaks[0];
        assert_eq!((&*first.name, first.verdict), ("app.Conn", Verdict::Leak), "{leaks:?}");
        assert_eq!((first.now.count, first.now.bytes), (3000, 3_000_000));
        assert_eq!(first.rate.bytes_per_hour.est, 3e6);
        let lines: Vec<_> = first.created_at.iter().map(|made| &made.stack).collect();
        assert_eq!(lines, [&stack(Verdict::Leak, "connect", 1.0).site.stack]);
        // Without a word on its limit it is nothing to be told.
        assert_eq!(leaks.len(), 1 + usize::from(limit.is_some()), "{leaks:?}");
        let full = leaks.iter().filter(|leak| leak.verdict == Verdict::CacheBounded);
        assert!(full.clone().all(|full| full.rate == LeakRate::default() && full.rank == 2));
        assert_eq!(full.count(), leaks.len() - 1);
    }
}

/// As many come of both, so they grow in step; each container retains its own.
#[test]
fn two_leaks_in_step_have_each_its_own_bytes() {
    let visits = ["module app", ".VISITS: dict (3000 items)", "['a']: app.Visit"];
    let conn = TypeGrowth {
        together: vec![("app.Visit".into(), 1.0), ("dict".into(), 2.0)],
        ..grown(1, "app.Conn", [0, 3000, 48], &CONNS)
    };
    let visit = grown(2, "app.Visit", [0, 3000, 48], &visits);
    let dict = grown(3, "dict", [0, 6000, 900], &[&visits[..], &[".by: dict (1 item)"]].concat());
    let of = |conns: u64| {
        told(
            vec![conn.clone(), visit.clone(), dict.clone()],
            Vec::new(),
            vec![grows(&CONNS, 3000), grows(&visits, 3000)],
            vec![retained(&CONNS, 9000, conns), retained(&visits, 9000, 2_000_000)],
        )
    };
    let leaks = of(5_000_000);
    let figures: Vec<_> = leaks
        .iter()
        .map(|leak| (&*leak.name, leak.now.bytes, leak.rate.bytes_per_hour.est))
        .collect();
    assert_eq!(figures, [("app.Conn", 5_000_000, 5e6), ("app.Visit", 2_000_000, 2e6)]);
    let shares: f64 = leaks.iter().filter_map(|leak| leak.explains).sum();
    assert!((0.9..=1.0001).contains(&shares), "{shares}");
    // What retains little beside the other comes along with it.
    assert_eq!(of(12_000_000).len(), 1);
}

/// Items that grow make a leak faster than its container, by no more than what no container explains.
#[test]
fn beyond_its_container_a_leak_grows_by_what_is_unexplained() {
    let rate = |grown_elsewhere: u64| {
        let conn = TypeGrowth {
            together: vec![("dict".into(), 1.0)],
            ..grown(1, "app.Conn", [0, 3000, 48], &CONNS)
        };
        let dict = [&CONNS[..], &[".head: dict (2 items)"]].concat();
        let dict = grown(2, "dict", [0, 3000, 1952], &dict);
        let other = ["module app", ".OTHER: list (4000 items)", "[1]: app.Other"];
        let leaks = told(
            vec![conn, dict],
            Vec::new(),
            vec![container(&CONNS, &[2000, 2250, 2500, 2750, 3000]), grows(&other, 4000)],
            vec![retained(&CONNS, 9000, 6_000_000), retained(&other, 9000, grown_elsewhere)],
        );
        let conn = leaks.iter().find(|leak| leak.name == "app.Conn").expect("a leak");
        (conn.rate.bytes_per_hour.est, conn.now.bytes)
    };
    // A thousand items of 2,000 bytes came; types say 6 MB.
    assert_eq!(rate(0), (6e6, 6_000_000));
    assert_eq!(rate(3_000_000), (3e6, 6_000_000));
    assert_eq!(rate(4_000_000), (2e6, 6_000_000));
}

/// Types are counted everywhere; what the container retains is less.
#[test]
fn what_a_leak_retains_is_not_all_there_is_of_its_types() {
    let conn = TypeGrowth {
        together: vec![("dict".into(), 4.0)],
        ..grown(1, "app.Conn", [0, 3000, 48], &CONNS)
    };
    let dict = grown(2, "dict", [0, 12_000, 400], &[]);
    let leaks = told(
        vec![conn, dict],
        Vec::new(),
        vec![grows(&CONNS, 3000), grows(&PAGES, 6000)],
        vec![retained(&CONNS, 9000, 1_000_000), retained(&PAGES, 9000, 4_000_000)],
    );
    let conn = leaks.iter().find(|leak| leak.name == "app.Conn").expect("a leak");
    assert_eq!((conn.now.bytes, conn.rate.bytes_per_hour.est), (1_000_000, 1e6));
}

/// Sessions are as many as before, and the log of one of them grows.
#[test]
fn in_a_container_that_stands_still_another_may_grow() {
    let path = [
        "module app",
        ".SESSIONS: dict (5000 items)",
        "['a']: app.Session",
        ".log: list (3000 items)",
        "[7]: app.Event",
    ];
    let event = grown(1, "app.Event", [0, 3000, 56], &path);
    let log = GrownContainer {
        path: path[..4].iter().map(|step| ((*step).to_owned(), None)).collect(),
        ..grows(&path, 3000)
    };
    let sessions = container(&path, &[5000, 5000, 5000, 5000]);
    let leaks = told(vec![event], Vec::new(), vec![log, sessions], Vec::new());
    let by = leaks[0].retained_by.as_ref().expect("a path");
    assert_eq!(
        (leaks[0].verdict, &by.path[..]),
        (Verdict::Leak, words(&path[..4]).as_deref().expect("words"))
    );
}

/// A line that needed an arena may have made anything. A method of the class did make what leaks.
#[test]
fn lines_that_only_needed_an_arena_are_those_of_the_class() {
    let lines = |function: &str| {
        let mut found = stack(Verdict::Leak, function, 2e5);
        found.evidence.arenas = true;
        let conn = grown(1, "app.Conn", [0, 3000, 48], &CONNS);
        let leaks = told(vec![conn], vec![found], Vec::new(), Vec::new());
        assert_eq!((&*leaks[0].name, leaks[0].evidence.findings.len()), ("app.Conn", 1));
        leaks[0].created_at.iter().map(|made| made.basis).collect::<Vec<_>>()
    };
    assert_eq!(lines("Conn.__init__"), [Basis::Arena]);
    assert_eq!(lines("Page.__init__"), []);
    assert_eq!(lines("put"), []);
}
