//! Small recordings for tests.

use crate::model::{
    Amount, Capture, Cohort, Document, Domain, Frame, FrameKind, History, ProcessPoint,
    PythonTarget, SCHEMA, Site, SiteHistory, SitePoint, Target, Tool, Totals,
};

/// An empty recording of this many seconds.
pub fn document(seconds: f64) -> Document {
    let python = PythonTarget { version: "3.11.7".into(), layout_source: "table".into() };
    Document {
        schema: SCHEMA,
        tool: Tool { name: "leakspy".into(), version: "0".into() },
        target: Target {
            pid: 1,
            comm: "python".into(),
            exe: "/usr/bin/python".into(),
            started: 0,
            python: Some(python),
            limit_bytes: None,
        },
        capture: Capture {
            started: 0,
            seconds,
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

/// Adds a site whose stack is one function, with `count` live blocks of `size` bytes and no
/// history.
pub fn add(document: &mut Document, function: &str, size: u64, count: u64) {
    let stack = vec![Frame::python(function, "app.py", Some(1))].into();
    document.sites.push(Site {
        id: format!("{:08x}", document.sites.len()),
        live: Amount { bytes: size * count, count },
        allocated: Amount { bytes: size * count, count },
        size_class: size.next_power_of_two(),
        domain: if size == 1 << 20 { Domain::Mmap } else { Domain::Malloc },
        allocator: "malloc".into(),
        stack,
        notes: Vec::new(),
    });
    document.history.sites.push(SiteHistory::default());
}

/// Puts native frames of `module` inside the last site's stack.
pub fn map_through(document: &mut Document, functions: &[&str], module: &str) {
    let site = document.sites.last_mut().expect("a site");
    site.domain = Domain::Mmap;
    let native = functions.iter().map(|function| Frame {
        kind: FrameKind::Native,
        module: Some(module.into()),
        ..Frame::python(*function, "p.c", None)
    });
    site.stack = site.stack.iter().cloned().chain(native).collect::<Vec<Frame>>().into();
}

/// Adds a site that allocates `count` blocks of `size` bytes every ten seconds, of which
/// `live(age)` still live at the end.
pub fn grow(
    document: &mut Document,
    function: &str,
    size: u64,
    count: u64,
    live: impl Fn(f64) -> u64,
) {
    add(document, function, size, 0);
    let end = document.capture.seconds;
    let mut history = SiteHistory::default();
    let (mut from, mut sums) = (0.0, SitePoint::default());
    while from < end {
        let to: f64 = from + 10.0;
        let live_count = live(end - from).min(count);
        history.cohorts.push(Cohort {
            from,
            to,
            allocated: Amount { bytes: size * count, count },
            live: Amount { bytes: size * live_count, count: live_count },
        });
        sums.t = to;
        let freed = count - live_count;
        sums.totals = sums.totals.plus(Totals {
            allocated: Amount { bytes: size * count, count },
            freed: Amount { bytes: size * freed, count: freed },
        });
        history.sums.push(sums);
        from = to;
    }
    let site = document.sites.last_mut().expect("a site was added");
    (site.allocated, site.live) = (sums.totals.allocated, sums.live());
    *document.history.sites.last_mut().expect("a history was added") = history;
}

/// Adds points of the process every ten seconds, with this much anonymous memory.
pub fn process(document: &mut Document, anonymous: impl Fn(f64) -> u64) {
    let mut t = 0.0;
    while t <= document.capture.seconds {
        document.history.process.push(ProcessPoint {
            t,
            rss_anon_bytes: Some(anonymous(t)),
            rss_bytes: Some(anonymous(t) + 1000),
            sites: Some(100),
            ..ProcessPoint::default()
        });
        t += 10.0;
    }
}
