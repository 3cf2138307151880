//! Recordings written, killed, damaged and forged.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use leakspy_ebpf::wire::counter::Counter;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Limits, Overwrite, Reader, StoreError, Writer, schema};
use crate::history::{Bounds, Sink, SiteRetained, SiteRow, SiteTotals, SnapshotRow, Tick};
use crate::model::{
    Amount, CallStack, Capture, Cohort, Document, Domain, Frame, FrameKind, Lifetime, Loss, Note,
    ProcessPoint, PythonTarget, Site, StackNote, Target, Totals, UnreachableBlocks,
};

mod damage;
mod forgery;
mod history;
mod life;
mod mark;
mod memory;
mod objects;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.leakspy");
    (folder, path)
}

fn target() -> Target {
    Target {
        pid: 4711,
        comm: "panel".into(),
        exe: "/usr/bin/python3".into(),
        started: 1_763_600_000,
        python: Some(PythonTarget { version: "3.11.7".into(), layout_source: "table".into() }),
        limit_bytes: Some(512 << 20),
    }
}

fn capture() -> Capture {
    Capture {
        started: 1_763_691_300,
        seconds: 2.5,
        mode: "exact".into(),
        budget: None,
        cost_ratio: Some(0.01),
        notes: vec![Note::OwnersIncomplete { blocks: 7 }],
    }
}

fn native(offset: u64) -> Frame {
    Frame {
        kind: FrameKind::Native,
        function: Some("PyArray_New".into()),
        file: None,
        line: None,
        module: Some("/lib/numpy.so".into()),
        offset: Some(offset),
        inlined: true,
        is_runtime: false,
    }
}

/// A stack of one native frame.
fn alone(offset: u64) -> CallStack {
    std::iter::once(native(offset)).collect()
}

fn stack(line: u32) -> CallStack {
    let frames = [
        Frame::python("<module>", "/srv/app.py", Some(1)),
        Frame::python("ünïcode", "/srv/app.py", Some(line)),
        native(0x1000),
    ];
    frames.into_iter().collect()
}

fn row<'a>(key: u64, stack: &'a CallStack, notes: &'a [StackNote]) -> SiteRow<'a> {
    SiteRow { key, domain: Domain::Malloc, size_class: 16384, allocator: "malloc", stack, notes }
}

fn totals(key: u64, allocated: u64, freed: u64) -> SiteTotals {
    SiteTotals {
        key,
        totals: Totals {
            allocated: Amount { bytes: allocated * 10_000, count: allocated },
            freed: Amount { bytes: freed * 10_000, count: freed },
        },
    }
}

fn counter(count: u64) -> Loss {
    Loss::new(Counter::AllocCalls, count)
}

fn tick<'a>(t: f64, counters: &'a [Loss], sites: &'a [SiteTotals]) -> Tick<'a> {
    let process = ProcessPoint {
        t,
        live_bytes: 42,
        rss_bytes: Some(1 << 20),
        rss_anon_bytes: Some(1 << 19),
        ..ProcessPoint::default()
    };
    Tick { process, counters, sites, keep_history: true, snapshot: None }
}

fn create(path: &Path) -> Writer {
    Writer::create(path, Overwrite::Never, None).expect("a new recording")
}

fn cohort(from: f64, to: f64, allocated: u64, live: u64) -> Cohort {
    Cohort {
        from,
        to,
        allocated: Amount { bytes: allocated * 10_000, count: allocated },
        live: Amount { bytes: live * 10_000, count: live },
    }
}

fn lifetime(up_to: f64, freed_count: u64) -> Lifetime {
    Lifetime { up_to, freed: Amount { bytes: freed_count * 10_000, count: freed_count } }
}

fn retained(key: u64, age: f64, count: u64) -> SiteRetained {
    SiteRetained { key, age, blocks: Amount { bytes: count * 10_000, count } }
}

/// A recording with three sites, two ticks and something of every kind, not finished.
fn written(path: &Path) -> Writer {
    let mut writer = create(path);
    writer.begin(&target(), &capture(), 1_763_691_300.25).expect("begin");
    let notes = [StackNote::NativeLeftOut { frames: 3 }];
    writer.site(&row(u64::MAX, &stack(12), &notes)).expect("site");
    writer.site(&row(7, &stack(13), &[])).expect("site");
    writer.tick(&tick(1.0, &[counter(5)], &[totals(u64::MAX, 3, 0)])).expect("tick");
    let second = [totals(u64::MAX, 5, 1), totals(7, 9, 9), totals(0, 1, 0)];
    writer.life(7, &[cohort(0.0, 1.5, 9, 0)], &[lifetime(8.0, 9)]).expect("life");
    writer.life(u64::MAX, &[cohort(0.0, 1.0, 3, 2), cohort(1.0, 2.0, 2, 2)], &[]).expect("life");
    writer.collection(1.5, 2).expect("a collection");
    writer.unreferenced(u64::MAX, 4, 3).expect("a search");
    let snapshot = Some(SnapshotRow { blocks: 5, retained: &[retained(u64::MAX, 1.0, 2)] });
    writer.tick(&Tick { snapshot, ..tick(2.0, &[counter(15)], &second) }).expect("tick");
    writer
}

fn finished(path: &Path) {
    written(path).finish(&capture()).expect("finish");
}

fn read(path: &Path) -> Document {
    Reader::open(path).and_then(|reader| reader.document_with_history()).expect("a good recording")
}

fn error(path: &Path) -> String {
    let result = Reader::open(path).and_then(|reader| reader.document_with_history());
    let text = result.expect_err("a bad recording").to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn what_is_written_is_read() {
    let (_folder, path) = folder();
    finished(&path);
    let document = read(&path);
    assert_eq!(document.target, target());
    assert_eq!(document.capture, capture());
    assert_eq!(document.losses, [counter(15)]);
    assert_eq!(document.memory.len(), 2);
    assert_eq!(document.memory[1].t.to_bits(), 2.0_f64.to_bits());
    assert_eq!(document.memory[1].rss_anon_bytes, 1 << 19);
    let seen: Vec<(u64, u64, u64, usize)> = document
        .sites
        .iter()
        .map(|s| (s.live.bytes, s.live.count, s.allocated.count, s.stack.len()))
        .collect();
    assert_eq!(seen, [(40_000, 4, 5, 3), (10_000, 1, 1, 0), (0, 0, 9, 3)]);
    assert_eq!(document.sites[0].stack, stack(12));
    assert_eq!(document.sites[0].notes, [StackNote::NativeLeftOut { frames: 3 }]);
    assert_eq!(document.sites[0].allocator, "malloc");
    assert_eq!(document.sites[0].id.len(), 8);
}

#[test]
fn a_finished_recording_is_one_file_for_its_owner() {
    let (folder, path) = folder();
    finished(&path);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn better_known_sites_replace_what_was_known() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.site(&row(u64::MAX, &stack(99), &[])).expect("site");
    writer.finish(&capture()).expect("finish");
    let document = read(&path);
    assert_eq!(document.sites[0].stack, stack(99));
    assert!(document.sites[0].notes.is_empty());
    assert_eq!(document.sites[0].live.count, 4);
    let stacks: u32 = Connection::open(&path)
        .and_then(|db| {
            db.query_row("SELECT count(DISTINCT stack) FROM stack_frame", [], |row| row.get(0))
        })
        .expect("a query");
    assert_eq!(stacks, 2);
}

/// Two keys of the kernel, one stack to a reader: they differ in a return address only.
#[test]
fn sites_that_look_the_same_are_one() {
    use StackNote::{CopyTooShort, PythonTooDeep};
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.begin(&target(), &capture(), 1_763_691_300.25).expect("begin");
    writer.site(&row(1, &alone(0x10), &[CopyTooShort])).expect("site");
    writer.site(&row(2, &alone(0x20), &[CopyTooShort, PythonTooDeep])).expect("site");
    writer.tick(&tick(1.0, &[], &[totals(1, 2, 0), totals(2, 3, 1)])).expect("tick");
    writer.finish(&capture()).expect("finish");
    let sites = read(&path).sites;
    assert_eq!(sites.len(), 1);
    assert_eq!((sites[0].live.count, sites[0].allocated.count), (4, 5));
    assert_eq!(sites[0].notes, [CopyTooShort, PythonTooDeep]);
}

#[test]
fn numbers_that_are_none_are_stored_as_zero() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.tick(&tick(f64::NAN, &[], &[])).expect("tick");
    let capture = Capture { seconds: f64::INFINITY, ..capture() };
    writer.finish(&capture).expect("finish");
    let document = Reader::open(&path).and_then(|reader| reader.document()).expect("a document");
    assert_eq!(document.capture.seconds.to_bits(), 0.0_f64.to_bits());
}

/// However many sites have a stack, its frames are in memory once, and a text that many frames
/// have, too.
#[test]
fn stacks_are_shared() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.begin(&target(), &capture(), 0.0).expect("begin");
    for key in 0..50 {
        let one = stack(1);
        writer.site(&SiteRow { size_class: 16 << key, ..row(key, &one, &[]) }).expect("site");
        writer.site(&row(50 + key, &stack(u32::try_from(key).unwrap_or(0)), &[])).expect("site");
    }
    writer.finish(&capture()).expect("finish");
    let sites = read(&path).sites;
    let distinct = |parts: &dyn Fn(&Site) -> Vec<usize>| {
        sites.iter().flat_map(parts).collect::<BTreeSet<usize>>().len()
    };
    assert_eq!(sites.len(), 99);
    assert_eq!(distinct(&|site| vec![site.stack.shared().as_ptr().addr()]), 50);
    let address = |frame: &Frame| std::ptr::from_ref(frame).addr();
    assert_eq!(distinct(&|site| site.stack.iter().map(address).collect()), 52);
    let text = |frame: &Frame| frame.file.as_ref().map_or(0, |file| file.as_ptr().addr());
    assert_eq!(distinct(&|site| site.stack.iter().map(text).collect()), 2);
}

/// The views for people work and agree with the tables.
#[test]
fn views_answer() {
    let (_folder, path) = folder();
    finished(&path);
    let database = Connection::open(&path).expect("a database");
    let live: i64 = database
        .query_row("SELECT sum(live_bytes) FROM live", [], |row| row.get(0))
        .expect("a query");
    assert_eq!(live, 50_000);
    let lines: String = database
        .query_row(
            "SELECT group_concat(line, ' > ') FROM (SELECT line FROM stack_line WHERE stack = \
             (SELECT stack FROM live ORDER BY live_bytes DESC LIMIT 1) ORDER BY position)",
            [],
            |row| row.get(0),
        )
        .expect("a query");
    assert_eq!(
        lines,
        "<module> (/srv/app.py:1) > ünïcode (/srv/app.py:12) > PyArray_New (/lib/numpy.so)"
    );
}

/// The documentation names every table and every column.
#[test]
fn the_schema_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recording.md");
    let docs = fs::read_to_string(docs).expect("docs/recording.md");
    for (table, statement) in schema::tables() {
        assert!(docs.contains(&format!("`{table}`")), "{table}");
        for line in statement.lines().skip(1).filter(|line| line.starts_with("    ")) {
            let column = line.split_whitespace().next().expect("a column");
            if !matches!(column, "PRIMARY" | "one") {
                assert!(docs.contains(&format!("`{column}`")), "{table}.{column}");
            }
        }
    }
}
