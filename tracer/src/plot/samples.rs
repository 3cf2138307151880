//! Recordings to draw: made up, but of the shapes that real ones have. For tests, and for the
//! example `pictures`, which includes this file; so it names the model through its parent.

use super::model::{
    Amount, CallStack, Capture, Cohort, Collection, Confidence, Document, Domain, Evidence,
    Finding, Frame, History, Interval, Mark, Model, ProcessGrowth, ProcessPoint, PythonTarget,
    Reason, RetainedPoint, SCHEMA, Site, SiteHistory, SitePoint, Target, Tool, Totals, Verdict,
};

const MIB: f64 = 1048576.0;
const HOUR: f64 = 3600.0;

/// A fraction between 0 and 1 that looks like chance and is the same in every run.
fn noise(seed: u64) -> f64 {
    let mixed = (seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from(mixed >> 33).unwrap_or(0)) / f64::from(1_u32 << 31)
}

fn bytes(value: f64) -> u64 {
    format!("{:.0}", value.max(0.0)).parse().unwrap_or(0)
}

/// A process of which nothing is known.
pub fn nothing() -> Document {
    Document {
        schema: SCHEMA,
        tool: Tool { name: "leakspy".into(), version: "0.1.0".into() },
        target: Target {
            pid: 4711,
            comm: "panel".into(),
            exe: "/usr/bin/python3.11".into(),
            started: 1_763_600_000,
            python: Some(PythonTarget { version: "3.11.7".into(), layout_source: "table".into() }),
            limit_bytes: None,
        },
        capture: Capture {
            started: 1_763_691_300,
            seconds: 6.5 * HOUR,
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
        sites: Vec::new(),
        history: History::default(),
    }
}

/// A server that leaks, warms a cache, and has a limit.
pub fn server() -> Document {
    let mut document = nothing();
    document.target.limit_bytes = Some(1 << 30);
    document.history.process = (0..780).map(process_point).collect();
    document.history.collections = (1..40_u32)
        .map(|number| Collection { t: f64::from(number) * 590.0, count: 1 + u64::from(number % 2) })
        .collect();
    let mark = |t: f64, name: &str| Mark { t, name: name.into() };
    document.history.marks = vec![
        mark(3600.0, "deploy 2.4.1"),
        mark(9000.0, "load test"),
        mark(9900.0, "load test over"),
    ];
    let leak = |hours: f64| 61.0 * (hours - 0.4).max(0.0);
    let cache = |hours: f64| 180.0 * (1.0 - (-hours / 1.4).exp());
    let steps = |hours: f64| 22.0 * (hours / 1.1).floor();
    add(
        &mut document,
        "Session.keep",
        "/srv/app/session.py",
        212,
        (Verdict::Leak, Model::Linear),
        &leak,
    );
    add(
        &mut document,
        "render",
        "/srv/app/cache.py",
        48,
        (Verdict::CacheWarming, Model::Saturating),
        &cache,
    );
    add(
        &mut document,
        "reload_data",
        "/srv/app/jobs.py",
        7,
        (Verdict::Undetermined, Model::Steps),
        &steps,
    );
    document.growth = Some(process_growth());
    document
}

fn process_point(step: u32) -> ProcessPoint {
    let hours = f64::from(step) / 120.0;
    let seed = u64::from(step);
    let saw = (hours * 5.0).fract() * 24.0;
    let kept = 61.0 * (hours - 0.4).max(0.0) + 180.0 * (1.0 - (-hours / 1.4).exp());
    let anonymous = 120.0 + kept + 22.0 * (hours / 1.1).floor() + saw + noise(seed) * 8.0;
    let file = 46.0 + 6.0 * noise(seed / 40 + 7);
    let shared = 12.0;
    ProcessPoint {
        t: hours * HOUR,
        live_bytes: bytes((kept + saw * 0.6 + noise(seed + 9) * 5.0) * MIB),
        rss_bytes: Some(bytes((anonymous + file + shared) * MIB)),
        rss_anon_bytes: Some(bytes(anonymous * MIB)),
        rss_file_bytes: Some(bytes(file * MIB)),
        rss_shmem_bytes: Some(bytes(shared * MIB)),
        swap_bytes: Some(0),
        cgroup_bytes: Some(bytes((anonymous + shared + 20.0) * MIB)),
        cgroup_limit_bytes: Some(1 << 30),
        ..ProcessPoint::default()
    }
}

fn process_growth() -> ProcessGrowth {
    ProcessGrowth {
        verdict: Verdict::Leak,
        confidence: Confidence::Likely,
        slope_bytes_per_hour: Interval { lo: 72.0 * MIB, est: 84.0 * MIB, hi: 97.0 * MIB },
        significant: true,
        explained: Some(0.91),
        hours_to_limit: Some(Interval { lo: 2.1, est: 2.6, hi: 3.2 }),
        limit_bytes: Some(1 << 30),
        limit_source: Some("cgroup".into()),
        warm_up_seconds: 5400.0,
        looked_at: 412,
        tested: 17,
        dismissed: vec![(Verdict::Baseline, 395), (Verdict::CacheBounded, 14)],
        needs_hours: Some(4.0),
    }
}

/// Adds a finding that keeps `kept(hours)` MiB.
pub fn add(
    document: &mut Document,
    function: &str,
    file: &str,
    line: u32,
    (verdict, model): (Verdict, Model),
    kept: &dyn Fn(f64) -> f64,
) {
    let end = document.capture.seconds / HOUR;
    let live = bytes(kept(end) * MIB);
    let stack = CallStack::from(vec![
        Frame::python("<module>", "/srv/app/main.py", Some(12)),
        Frame::python("handle", "/srv/app/handlers.py", Some(88)),
        Frame::python(function, file, Some(line)),
    ]);
    let site = Site {
        id: Site::identify(Domain::Malloc, 4096, "malloc", &stack),
        live: Amount { bytes: live, count: live / 4000 },
        allocated: Amount { bytes: live.saturating_mul(3), count: live / 4000 * 3 },
        size_class: 4096,
        domain: Domain::Malloc,
        allocator: "malloc".into(),
        stack,
        notes: Vec::new(),
    };
    document.history.sites.push(site_history(end, kept));
    document.sites.push(site.clone());
    let rank = u32::try_from(document.findings.len() + 1).unwrap_or(u32::MAX);
    document.findings.push(finding(site, rank, (verdict, model), kept));
}

fn site_history(end: f64, kept: &dyn Fn(f64) -> f64) -> SiteHistory {
    let step = end / 200.0;
    let at = |number: u32| (f64::from(number) * step, bytes(kept(f64::from(number) * step) * MIB));
    let sums = (0..=200).map(at).map(|(hours, live)| {
        let freed = bytes(hours * 120.0 * MIB);
        SitePoint {
            t: hours * HOUR,
            totals: Totals {
                allocated: Amount {
                    bytes: freed.saturating_add(live),
                    count: freed.saturating_add(live) / 4000,
                },
                freed: Amount { bytes: freed, count: freed / 4000 },
            },
        }
    });
    let retained = (8..=200).map(|number| {
        let (_, old) = at(number - 8);
        RetainedPoint {
            t: at(number).0 * HOUR,
            age: 780.0,
            blocks: Amount { bytes: old, count: old / 4000 },
        }
    });
    SiteHistory {
        sums: sums.collect(),
        cohorts: cohorts(end, kept),
        retained: retained.collect(),
        ..SiteHistory::default()
    }
}

/// Wider the older they are; of the youngest, more still lives.
fn cohorts(end: f64, kept: &dyn Fn(f64) -> f64) -> Vec<Cohort> {
    let mut edges = vec![end];
    let mut age = 0.02;
    while age < end && edges.len() < 64 {
        edges.push(end - age);
        age *= 1.25;
    }
    edges.push(0.0);
    edges.reverse();
    let mut cohorts = Vec::new();
    for pair in edges.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let remains = (kept(to) - kept(from)).max(0.0) * MIB;
        let churn = (to - from) * 120.0 * MIB * (0.7 + 0.5 * noise(bytes(from * 1000.0)));
        let young = churn * (-(end - to) * 12.0).exp();
        let allocated = bytes(remains + churn);
        let live = bytes(remains + young).min(allocated);
        cohorts.push(Cohort {
            from: from * HOUR,
            to: to * HOUR,
            allocated: Amount { bytes: allocated, count: allocated / 4000 },
            live: Amount { bytes: live, count: live / 4000 },
        });
    }
    cohorts
}

fn finding(
    site: Site,
    rank: u32,
    (verdict, model): (Verdict, Model),
    kept: &dyn Fn(f64) -> f64,
) -> Finding {
    let slope = (kept(6.3) - kept(2.0)) / 4.3 * MIB;
    let plateau = matches!(model, Model::Saturating);
    Finding {
        rank,
        verdict,
        confidence: Confidence::Likely,
        slope_bytes_per_hour: Interval { lo: slope * 0.85, est: slope, hi: slope * 1.2 },
        evidence: Evidence {
            reasons: vec![
                Reason::GrowsSteadily { seconds: 14_400.0 },
                Reason::NoneFreed { allocated: 5_000 },
            ],
            sites: vec![site.id.clone()],
            arenas: false,
            allocator: None,
            stacks_alike: (site.live.count, site.live.count),
            since: Some(1500.0),
            age_seconds: 780.0,
            retained: site.live,
            slope_blocks_per_hour: Interval {
                lo: slope * 0.85 / 4000.0,
                est: slope / 4000.0,
                hi: slope * 1.2 / 4000.0,
            },
            model,
            against: vec![(Model::Constant, 310.0), (Model::Saturating, 12.0)],
            steps: None,
            plateau_bytes: plateau.then_some(Interval {
                lo: 170.0 * MIB,
                est: 182.0 * MIB,
                hi: 199.0 * MIB,
            }),
            retention: Some([0.34, 0.33, 0.36]),
            lifetime_seconds: Some(390.0),
            p_adjusted: 0.000_02,
            periods: 24,
            collections_survived: Some(31),
            share_of_growth: Some(0.72),
            unreferenced: None,
            needs_hours: None,
        },
        types: Some(vec![("dict".into(), 120), ("session.Session".into(), 40)]),
        retainer: None,
        owners: None,
        site,
    }
}

/// Long hostile names, many marks, more findings than there are colours.
pub fn crowded() -> Document {
    let mut document = server();
    for number in 0..9_u32 {
        let function =
            format!("{}<b>\u{1b}[31m\u{202e}&\"{number}", "name_of_a_function_".repeat(12));
        let kept = |hours: f64| hours * f64::from(number) * 0.5;
        let kind = (Verdict::Leak, Model::Linear);
        add(&mut document, &function, "/srv/<i>&.py", number, kind, &kept);
    }
    document.history.marks = (0..5_000)
        .map(|number| Mark { t: f64::from(number) * 4.6, name: format!("mark <{number}>\u{7}") })
        .collect();
    document
}
