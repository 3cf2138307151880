//! Documents for tests: each shows one thing that reports must cope with.

use leakspy_ebpf::wire::counter::Counter;

use crate::model::{
    Amount, CallStack, Capture, Document, Domain, Frame, FrameKind, History, Loss, MemoryPoint,
    Note, PythonTarget, SCHEMA, Site, StackNote, Target, Tool,
};

const UMATH: &str = "/srv/venv/lib/python3.11/site-packages/numpy/core/\
                     _multiarray_umath.cpython-311-x86_64-linux-gnu.so";

/// Nothing was allocated.
pub fn empty() -> Document {
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
            seconds: 60.0,
            mode: "exact".into(),
            budget: None,
            cost_ratio: None,
            notes: Vec::new(),
        },
        losses: balanced(&[]),
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

/// These counters and their counts, and two that are zero. Not all of the contract: a new counter
/// there shall not change every expected output here.
pub fn losses(counts: &[(Counter, u64)]) -> Vec<Loss> {
    let zero = [(Counter::RingFull, 0), (Counter::LiveFull, 0)];
    let zero = zero.iter().filter(|(counter, _)| counts.iter().all(|(given, _)| given != counter));
    let mut counts: Vec<(Counter, u64)> = counts.iter().chain(zero).copied().collect();
    counts.sort_unstable();
    counts.into_iter().map(|(counter, count)| Loss::new(counter, count)).collect()
}

/// The counters that these sites would leave behind.
fn balanced(sites: &[Site]) -> Vec<Loss> {
    let sum = |of: fn(&Site) -> u64| sites.iter().map(of).fold(0, u64::saturating_add);
    let allocated = sum(|site| site.allocated.count);
    let freed = sum(|site| site.allocated.count - site.live.count);
    losses(&[
        (Counter::AllocCalls, allocated),
        (Counter::AllocRecorded, allocated),
        (Counter::AllocBytes, sum(|site| site.allocated.bytes)),
        (Counter::FreeCalls, freed + if sites.is_empty() { 0 } else { 37 }),
        (Counter::FreeRecorded, freed),
        (Counter::FreeUnknown, if sites.is_empty() { 0 } else { 30 }),
        (Counter::FreeNull, if sites.is_empty() { 0 } else { 7 }),
        (Counter::FreeBytes, sum(|site| site.allocated.bytes - site.live.bytes)),
    ])
}

/// A document with these sites and counters that fit them.
fn with_sites(mut sites: Vec<Site>) -> Document {
    sites.sort_by_key(|site| std::cmp::Reverse(site.live.bytes));
    Document { losses: balanced(&sites), sites, memory: memory(), ..empty() }
}

pub fn native(function: &str, module: &str, is_runtime: bool) -> Frame {
    Frame {
        kind: FrameKind::Native,
        function: Some(function.into()),
        file: None,
        line: None,
        module: Some(module.into()),
        offset: Some(0x1f2e0),
        inlined: false,
        is_runtime,
    }
}

pub fn site(live: (u64, u64), allocated: (u64, u64), stack: impl Into<CallStack>) -> Site {
    let stack = stack.into();
    let mean = allocated.0.checked_div(allocated.1).unwrap_or(0);
    let size_class = mean.max(1).next_power_of_two();
    Site {
        id: Site::identify(Domain::Malloc, size_class, "malloc", &stack),
        live: Amount { bytes: live.0, count: live.1 },
        allocated: Amount { bytes: allocated.0, count: allocated.1 },
        size_class,
        domain: Domain::Malloc,
        allocator: "malloc".into(),
        stack,
        notes: Vec::new(),
    }
}

fn app_stack() -> Vec<Frame> {
    vec![
        Frame::python("<module>", "/srv/app/main.py", Some(40)),
        native("_PyEval_EvalFrameDefault", "/usr/bin/python3.11", true),
        Frame::python("serve", "/srv/app/main.py", Some(31)),
        native("_PyEval_EvalFrameDefault", "/usr/bin/python3.11", true),
        Frame::python("keep", "/srv/app/main.py", Some(12)),
        native("PyArray_NewFromDescr_int", UMATH, false),
    ]
}

fn memory() -> Vec<MemoryPoint> {
    let point = |t, rss_mib: u64, live_bytes| MemoryPoint {
        t,
        rss_bytes: rss_mib << 20,
        rss_anon_bytes: (rss_mib - 30) << 20,
        swap_bytes: Some(0),
        live_bytes,
    };
    vec![point(0.0, 180, 0), point(60.0, 190, 10_000_000)]
}

/// A thousand blocks of ten thousand bytes, all kept.
pub fn one_site() -> Document {
    with_sites(vec![site((10_000_000, 1_000), (10_000_000, 1_000), app_stack())])
}

/// One stack with three size classes.
pub fn size_classes() -> Document {
    let mut sites = Vec::new();
    for (size, class) in [(50, 64), (100, 128), (150, 256)] {
        let mut site = site((size, 1), (size * 2, 2), app_stack());
        site.size_class = class;
        sites.push(site);
    }
    with_sites(sites)
}

/// A server: several stacks, libraries, mappings, a limit, no symbol here and there.
pub fn server() -> Document {
    let pandas = "/srv/venv/lib/python3.11/site-packages/pandas/io/parsers/readers.py";
    let json = "/usr/lib/python3.11/json/decoder.py";
    let mut arena = site(
        (64 << 20, 64),
        (80 << 20, 80),
        vec![
            Frame::python("<module>", "/srv/app/main.py", Some(40)),
            Frame::python("load", "/srv/app/data.py", Some(88)),
            Frame::python("loads", "/usr/lib/python3.11/json/__init__.py", Some(346)),
            Frame::python("JSONDecoder.raw_decode", json, Some(353)),
        ],
    );
    (arena.domain, arena.allocator) = (Domain::Mmap, "mmap".into());
    let mut frames = app_stack();
    frames.truncate(3);
    frames.push(Frame::python("read_csv", pandas, Some(912)));
    frames.push(Frame {
        file: Some("/build/pandas/_libs/parsers.c".into()),
        line: Some(2210),
        ..native(
            "parser_init",
            "/srv/venv/lib/python3.11/site-packages/pandas/_libs/parsers.so",
            false,
        )
    });
    let mut unnamed = native("", "/opt/vendor/libmagic.so.2", false);
    unnamed.function = None;
    let no_python = vec![native("worker_main", "/opt/vendor/libmagic.so.2", false), unnamed];
    let mut without = site((4_096, 1), (4_096, 1), Vec::new());
    without.notes.push(StackNote::Text {
        text: "The site table was full, so this has no stack of its own.".into(),
    });
    let mut document = with_sites(vec![
        site((10_000_000, 1_000), (10_000_000, 1_000), app_stack()),
        arena,
        site((3_333_333, 41), (99_333_333, 5_321), frames),
        site((7_777, 3), (7_777, 3), no_python),
        without,
    ]);
    document.target.limit_bytes = Some(512 << 20);
    document.capture.cost_ratio = Some(0.0123);
    document
}

/// Names as an enemy would choose them.
pub fn hostile() -> Document {
    let mut document = one_site();
    document.target.comm = "evil\u{1b}]0;x\u{7}".into();
    document.target.exe = "/tmp/\u{202e}exe.py".into();
    document.capture.notes =
        vec![Note::Text { text: "A note with \u{1b}[2J and\na second line.".into() }];
    let stack = vec![
        Frame::python("<script>alert('1')</script>", "/tmp/a&b\"c.py", Some(1)),
        Frame::python("a;b 999\nroot;evil 5", "/tmp/x;y\r.py", Some(2)),
        Frame::python("# comment", "\u{0}\u{fffe}\u{9b}31m.py", None),
        Frame::python("user\u{202e}nimda", "]]>--><!--.py", Some(u32::MAX)),
        Frame::python("", "", None),
        native("operator<< <int; 3>(std::string&&)", "/tmp/lib\u{2028}x.so", false),
    ];
    document.sites = vec![site((u64::MAX / 4, 12_345_678_901), (u64::MAX / 2, u64::MAX), stack)];
    document
}

/// Deeper than a page, with recursion.
pub fn deep() -> Document {
    let mut stack = vec![Frame::python("<module>", "/srv/app/main.py", Some(1))];
    for depth in 0..130 {
        stack.push(Frame::python(format!("level_{depth}"), "/srv/app/deep.py", Some(depth + 10)));
    }
    for _ in 0..60 {
        stack.push(Frame::python("walk", "/srv/app/tree.py", Some(7)));
    }
    let mut site = site((640, 10), (1_280, 20), stack);
    site.notes.push(StackNote::Text {
        text: "The Python stack was deeper than 128 frames; the outermost are missing.".into(),
    });
    with_sites(vec![site])
}

/// Letters beyond ASCII, wide ones, and lines that do not fit.
pub fn foreign() -> Document {
    let long =
        "/srv/ein/sehr/langer/pfad/mit/vielen/ebenen/und/ümlauten/データ/処理/モジュール/main.py";
    let stack = vec![
        Frame::python("größe_bestimmen", long, Some(12)),
        Frame::python(
            "データを保持する関数の名前はとても長いので切り詰められるはずです",
            long,
            Some(13),
        ),
        Frame::python("🐍.collect", "/srv/🦀.py", Some(14)),
        native(
            "std::__1::vector<std::__1::basic_string<char>, std::__1::allocator<std::__1::basic_string<char>>>::push_back",
            "/opt/библиотека/libвектор.so.1.2.3",
            false,
        ),
    ];
    let mut document = with_sites(vec![site((1 << 30, 3), (3 << 30, 9), stack)]);
    document.target.comm = "सर्वर".into();
    document
}

/// A recording with every kind of loss, and a ledger that is open.
pub fn lossy() -> Document {
    let mut document = one_site();
    document.losses = losses(&[
        (Counter::AllocCalls, 1_204_511),
        (Counter::AllocRecorded, 1_204_400),
        (Counter::AllocFailed, 9),
        (Counter::AllocBytes, 12_054_000_000),
        (Counter::FreeBytes, 12_044_000_000),
        (Counter::LiveFull, 88),
        (Counter::PendingLost, 12),
        (Counter::FreeCalls, 1_203_399),
        (Counter::FreeRecorded, 1_203_400),
        (Counter::RingFull, 3),
        (Counter::PythonTruncated, 1_234),
        (Counter::SiteFull, 1),
    ]);
    document.capture.seconds = 48.0;
    let text = "The process ended after 48 s; this is what was recorded until then.".into();
    document.capture.notes = vec![Note::Text { text }];
    document
}
