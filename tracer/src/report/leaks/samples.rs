//! Findings and documents with verdicts, for tests.

use crate::model::{
    Amount, Confidence, Document, Domain, Evidence, Finding, Frame, Interval, Leak, LeftOut, Model,
    Note, Owners, ProcessGrowth, Reason, RootKind, StackNote, UnreachableBlocks, Verdict,
};
use crate::report::samples;

pub mod leaks;

const KIB: f64 = 1024.0;

fn evidence() -> Evidence {
    Evidence {
        reasons: vec![
            Reason::GrowsSteadily { seconds: 480.0 },
            Reason::NoneFreed { allocated: 212 },
            Reason::Retention { oldest: 0.98, newest: 1.0 },
            Reason::BlocksSurvivedCollections { collections: 9 },
        ],
        sites: Vec::new(),
        arenas: false,
        allocator: None,
        stacks_alike: (212, 212),
        since: Some(120.0),
        age_seconds: 30.0,
        retained: Amount { bytes: 42_400, count: 212 },
        slope_blocks_per_hour: Interval { lo: 11_800.0, est: 12_600.0, hi: 13_300.0 },
        model: Model::Linear,
        against: vec![(Model::Constant, 310.4), (Model::Saturating, 14.2), (Model::Steps, 41.0)],
        steps: None,
        plateau_bytes: None,
        retention: Some([0.98, 0.99, 1.0]),
        lifetime_seconds: Some(12.0),
        p_adjusted: 0.0006,
        periods: 14,
        collections_survived: Some(9),
        share_of_growth: Some(0.83),
        unreferenced: None,
        needs_hours: None,
    }
}

/// A finding on a stack.
pub fn finding(verdict: Verdict, confidence: Confidence, stack: Vec<Frame>) -> Finding {
    Finding {
        site: samples::site((42_400, 212), (42_400, 212), stack),
        rank: 1,
        verdict,
        confidence,
        slope_bytes_per_hour: Interval {
            lo: 38.2 * 60.0 * KIB,
            est: 41.0 * 60.0 * KIB,
            hi: 43.3 * 60.0 * KIB,
        },
        evidence: evidence(),
        types: None,
        retainer: None,
        owners: None,
    }
}

/// The stack of a server's function.
pub fn app(function: &str, line: u32) -> Vec<Frame> {
    vec![
        Frame::python("<module>", "/srv/app/main.py", Some(40)),
        samples::native("_PyEval_EvalFrameDefault", "/usr/bin/python3.11", true),
        Frame::python("serve", "/srv/app/main.py", Some(31)),
        Frame::python(function, "/srv/app/main.py", Some(line)),
    ]
}

/// A leak that nothing harmless explains.
pub fn leak() -> Finding {
    finding(Verdict::Leak, Confidence::Confirmed, app("keep", 12))
}

/// Growth of a process that is beyond doubt.
pub fn growth(verdict: Verdict, confidence: Confidence) -> ProcessGrowth {
    ProcessGrowth {
        verdict,
        confidence,
        slope_bytes_per_hour: Interval {
            lo: 44.0 * 60.0 * KIB,
            est: 49.5 * 60.0 * KIB,
            hi: 55.0 * 60.0 * KIB,
        },
        significant: true,
        explained: Some(0.91),
        hours_to_limit: None,
        limit_bytes: None,
        limit_source: None,
        warm_up_seconds: 95.0,
        looked_at: 5_321,
        tested: 40,
        dismissed: vec![
            (Verdict::Baseline, 30),
            (Verdict::CacheBounded, 2),
            (Verdict::SessionsOpen, 0),
            (Verdict::Undetermined, 1),
        ],
        needs_hours: None,
    }
}

/// These findings in the document of a server, ranked as they come; without leaks.
pub fn document(growth: ProcessGrowth, findings: Vec<Finding>) -> Document {
    let mut document = samples::one_site();
    document.capture.seconds = 600.0;
    document.growth = Some(growth);
    document.findings = findings;
    for (rank, finding) in (1..).zip(&mut document.findings) {
        finding.rank = rank;
        finding.evidence.sites = vec![finding.site.id.clone()];
    }
    document
}

/// Leaks of every confidence, towards a limit.
pub fn leaking() -> Document {
    let mut likely = finding(Verdict::Leak, Confidence::Likely, app("remember", 77));
    likely.site.allocated.count += 5_000;
    likely.evidence.retained.bytes += 77;
    likely.evidence.model = Model::Steps;
    likely.evidence.steps = Some(11);
    likely.evidence.share_of_growth = Some(0.07);
    likely.evidence.stacks_alike = (150, 212);
    likely.types = Some(vec![("ColumnDataSource".into(), 33), ("Document".into(), 11)]);
    likely.retainer = Some(vec![
        "holoviews.streams".into(),
        "Stream.registry".into(),
        "WeakKeyDictionary".into(),
    ]);
    likely.owners = Some(Owners { looked_for: 46, owned: 44, root: Some(RootKind::Module) });
    let mut suspect = finding(Verdict::Leak, Confidence::Suspect, Vec::new());
    suspect.evidence.against.clear();
    suspect.evidence.since = None;
    suspect.evidence.retention = None;
    suspect.evidence.lifetime_seconds = None;
    suspect.evidence.unreferenced = Some(UnreachableBlocks { looked_for: 200, unreachable: 198 });
    suspect.evidence.share_of_growth = Some(0.01);
    suspect.evidence.needs_hours = Some(0.7);
    let mut growth = growth(Verdict::Leak, Confidence::Confirmed);
    // Three leaks grow as much as the process.
    let slope = &mut growth.slope_bytes_per_hour;
    *slope = Interval { lo: 3.0 * slope.lo, est: 3.0 * slope.est, hi: 3.0 * slope.hi };
    growth.hours_to_limit = Some(Interval { lo: 3.1, est: 5.0, hi: 9.2 });
    growth.limit_bytes = Some(16 << 30);
    growth.limit_source = Some("cgroup".into());
    let mut types = crate::report::census::samples::leaking().growth;
    let first = types.iter_mut().flatten().next();
    if let Some(first) = first {
        first.retainer = Some((0..30).map(|step| format!(".step{step}: app.Step")).collect());
    }
    let leaks = vec![leaks::objects(&likely), leaks::lost(&leak()), leaks::arenas(&suspect)];
    let document = document(growth, vec![leak(), likely, suspect]);
    Document { types, leaks: ranked(leaks), ..document }
}

fn ranked(mut leaks: Vec<Leak>) -> Vec<Leak> {
    for (rank, leak) in (1..).zip(&mut leaks) {
        leak.rank = rank;
    }
    leaks
}

/// One finding of every verdict that is not a leak; too early to say.
pub fn undecided() -> Document {
    let quiet = |verdict, function, line| finding(verdict, Confidence::Likely, app(function, line));
    let mut warming = quiet(Verdict::CacheWarming, "lookup", 21);
    warming.evidence.model = Model::Saturating;
    warming.evidence.plateau_bytes =
        Some(Interval { lo: 100.0 * KIB, est: 120.0 * KIB, hi: 150.0 * KIB });
    let mut young = quiet(Verdict::Undetermined, "collect", 20);
    young.confidence = Confidence::Suspect;
    young.evidence.needs_hours = Some(2.6);
    let findings = vec![
        young,
        warming,
        quiet(Verdict::CacheBounded, "latest", 22),
        quiet(Verdict::SessionsOpen, "Session.open", 23),
        quiet(Verdict::GarbagePending, "cycle", 24),
        quiet(Verdict::AllocatorRetention, "burst", 25),
        quiet(Verdict::Baseline, "start", 26),
    ];
    let mut growth = growth(Verdict::Undetermined, Confidence::Suspect);
    growth.needs_hours = Some(2.6);
    let leaks = vec![leaks::undecided(&findings[0])];
    Document { leaks, ..document(growth, findings) }
}

/// Arenas of Python's small-object allocator.
pub fn arenas() -> Document {
    let mut arenas = finding(Verdict::Leak, Confidence::Likely, app("build_tree", 88));
    (arenas.site.domain, arenas.site.allocator) = (Domain::Mmap, "mmap".into());
    (arenas.site.live.bytes, arenas.site.live.count) = (12 << 20, 12);
    (arenas.site.allocated.bytes, arenas.site.allocated.count) = (12 << 20, 12);
    arenas.evidence.arenas = true;
    arenas.evidence.stacks_alike = (9, 12);
    (arenas.evidence.retained.bytes, arenas.evidence.retained.count) = (12 << 20, 12);
    let leaks = vec![leaks::arenas(&arenas)];
    let growth = growth(Verdict::Leak, Confidence::Suspect);
    Document { leaks, ..document(growth, vec![arenas]) }
}

/// Nothing grows.
pub fn quiet() -> Document {
    let mut growth = growth(Verdict::Baseline, Confidence::Likely);
    growth.slope_bytes_per_hour = Interval { lo: -5.0 * KIB, est: 0.2 * KIB, hi: 4.0 * KIB };
    growth.significant = false;
    growth.explained = None;
    document(growth, Vec::new())
}

/// The target went away; some findings were suppressed.
pub fn vanished() -> Document {
    let mut document = undecided();
    document.findings.truncate(1);
    document.capture.seconds = 47.3;
    document.capture.notes = vec![
        Note::TargetExited,
        Note::FindingsSuppressed {
            file: "app.supp".into(),
            left_out: LeftOut {
                findings: 2,
                retained_bytes: 1_258_291,
                share_of_growth: Some(0.12),
            },
        },
    ];
    document
}

/// Names as an enemy would choose them, numbers that are none, in every sentence.
pub fn hostile() -> Document {
    let odd = Frame::python("`\u{1b}[2J; none was freed.\n", "/tmp/\u{202e}x.py", Some(0));
    let known = samples::hostile().sites.remove(0).stack;
    let stack: Vec<Frame> = known.iter().cloned().chain([odd]).collect();
    let mut findings: Vec<Finding> = Verdict::ALL
        .into_iter()
        .map(|verdict| finding(verdict, Confidence::Confirmed, stack.clone()))
        .collect();
    let odd = Interval { lo: f64::NAN, est: f64::INFINITY, hi: f64::NEG_INFINITY };
    for finding in &mut findings {
        finding.site.id = "\u{7}deadbee".into();
        finding.site.notes = vec![StackNote::Text { text: "A note with \u{1b}[2J.".into() }];
        finding.slope_bytes_per_hour = odd;
        finding.types = Some(vec![("\u{1b}]0;x\u{7}".into(), u64::MAX)]);
        finding.retainer = Some(vec!["a\u{2028}b".into(), "c".repeat(300)]);
        finding.evidence = Evidence {
            reasons: vec![Reason::InStep { types: vec![("\u{9b}31m".into(), f64::NAN)] }; 20],
            since: Some(f64::MAX),
            plateau_bytes: Some(odd),
            slope_blocks_per_hour: odd,
            retention: Some([f64::NAN, -3.0, 9.0]),
            lifetime_seconds: Some(f64::NAN),
            p_adjusted: f64::NAN,
            share_of_growth: Some(f64::INFINITY),
            needs_hours: Some(f64::MAX),
            ..evidence()
        };
    }
    let mut growth = growth(Verdict::Leak, Confidence::Suspect);
    growth.slope_bytes_per_hour = odd;
    growth.hours_to_limit = Some(odd);
    growth.limit_bytes = Some(u64::MAX);
    growth.limit_source = Some("\u{1b}".into());
    growth.explained = Some(f64::NAN);
    growth.warm_up_seconds = f64::INFINITY;
    let hostile = samples::hostile();
    let leaks = vec![leaks::hostile(&findings[0])];
    let document = document(growth, findings);
    Document { leaks, target: hostile.target, capture: hostile.capture, ..document }
}
