//! What a verdict costs: a week of a server with 20,000 sites.
//!
//! `cargo bench --package leakspy --bench growth`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use leakspy::growth::{Settings, analyse};
use leakspy::model::{
    Amount, Capture, Cohort, Document, Domain, Frame, History, Lifetime, ProcessPoint,
    PythonTarget, SCHEMA, Site, SiteHistory, SitePoint, Target, Tool, Totals,
};

const SITES: u32 = 20_000;
const POINTS: u32 = 512;
const COHORTS: u32 = 60;
const WEEK: f64 = 604_800.0;

fn site(number: u32) -> Site {
    // Three size classes to a stack of 40 frames.
    let stack = number / 3;
    let frame = |depth: u32| {
        let function = format!("function_{}_{depth}", if depth < 30 { 0 } else { stack });
        Frame::python(function, "/srv/app/package/module.py", Some(depth + 1))
    };
    let live = u64::from(number % 7) * 40_000;
    Site {
        id: format!("{number:08x}"),
        live: Amount { bytes: live, count: live / 1000 },
        allocated: Amount { bytes: 10_000_000, count: 10_000 },
        size_class: 64 << (number % 3),
        domain: Domain::Malloc,
        allocator: "malloc".into(),
        stack: (0..40).map(frame).collect(),
        notes: Vec::new(),
    }
}

/// One site in ten keeps something of every period; the others free what is old.
fn history(number: u32) -> SiteHistory {
    let at = |step: u32, of: u32| WEEK * f64::from(step) / f64::from(of);
    let sum = |step: u32| SitePoint {
        t: at(step, POINTS),
        totals: Totals {
            allocated: Amount { bytes: u64::from(step) * 20_000, count: u64::from(step) * 20 },
            freed: Amount { bytes: u64::from(step) * 19_000, count: u64::from(step) * 19 },
        },
    };
    let cohort = |step: u32| {
        let kept = number.is_multiple_of(10) || step > 50;
        let live_count = if kept { 3 + u64::from(step * number % 5) } else { 0 };
        Cohort {
            from: WEEK * (1.0 - 0.85_f64.powi(i32::try_from(step).unwrap_or(0))),
            to: WEEK * (1.0 - 0.85_f64.powi(i32::try_from(step + 1).unwrap_or(0))),
            allocated: Amount { bytes: 200_000, count: 200 },
            live: Amount { bytes: 1000 * live_count, count: live_count },
        }
    };
    let lifetime = |power: u32| Lifetime {
        up_to: f64::from(1_u32 << power),
        freed: Amount { bytes: 100_000, count: 100 >> (power / 2) },
    };
    SiteHistory {
        sums: (1..=POINTS).map(sum).collect(),
        cohorts: (0..COHORTS).map(cohort).collect(),
        lifetimes: (0..12).map(lifetime).collect(),
        ..SiteHistory::default()
    }
}

fn process(step: u32) -> ProcessPoint {
    ProcessPoint {
        t: f64::from(step) * WEEK / 8192.0,
        live_bytes: 50_000_000 + u64::from(step * 7919 % 1_000_003),
        rss_anon_bytes: Some(150_000_000 + u64::from(step) * 1000),
        sites: Some(u64::from(SITES)),
        ..ProcessPoint::default()
    }
}

fn document() -> Document {
    Document {
        schema: SCHEMA,
        tool: Tool { name: "leakspy".into(), version: "0".into() },
        target: Target {
            pid: 1,
            comm: "python".into(),
            exe: "/usr/bin/python".into(),
            started: 0,
            python: Some(PythonTarget { version: "3.11.7".into(), layout_source: "table".into() }),
            limit_bytes: Some(1 << 30),
        },
        capture: Capture {
            started: 0,
            seconds: WEEK,
            mode: "exact".into(),
            budget: None,
            cost_ratio: None,
            notes: Vec::new(),
        },
        losses: Vec::new(),
        memory: Vec::new(),
        malloc: Vec::new(),
        growth: None,
        leaks: Vec::new(),
        findings: Vec::new(),
        types: None,
        sites: (0..SITES).map(site).collect(),
        history: History {
            process: (0..8192).map(process).collect(),
            sites: (0..SITES).map(history).collect(),
            ..History::default()
        },
    }
}

fn benches(criterion: &mut Criterion) {
    let document = document();
    let analysis = analyse(&document, &Settings::default());
    assert!(analysis.growth.tested > 100, "{:?}", analysis.growth);
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    group.bench_function("a week of 20,000 sites", |bencher| {
        bencher.iter(|| analyse(black_box(&document), &Settings::default()));
    });
    group.finish();
}

criterion_group!(group, benches);
criterion_main!(group);
