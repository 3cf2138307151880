//! Processes that grow by what allocators retain, by leaks, by both.

use super::*;
use crate::judge::leaks::{leaks, settle};
use crate::model::{
    ArenaPoint, ArenaUse, Finding, FreeMemory, MallocPoint, MallocUse, Note, ProcessPoint,
};
use crate::report::leaks::samples;

const MIB: u64 = 1 << 20;

/// What malloc retained at readings ten seconds apart, of a process that grows by 49.5 KiB a minute.
fn readings(retained: impl Fn(u64) -> u64, unread: u64) -> Vec<MallocPoint> {
    let point = |index: u64| MallocPoint {
        t: (samples::growth(Verdict::Leak, Confidence::Suspect).warm_up_seconds)
            + 10.0 * index as f64,
        rss_anon_bytes: 100 * MIB + 8448 * index,
        malloc: MallocUse {
            arenas: 3,
            retaining_arenas: 2,
            system_bytes: 90 * MIB,
            top: FreeMemory {
                bytes: retained(index),
                resident_bytes: retained(index),
                page_bytes: 0,
            },
            unread_bytes: unread,
            ..MallocUse::default()
        },
    };
    (0..12).map(point).collect()
}

fn judged(verdict: Verdict, malloc: Vec<MallocPoint>, findings: Vec<Finding>) -> Document {
    let growth = samples::growth(verdict, Confidence::Suspect);
    let mut document = samples::document(growth, findings);
    document.malloc = malloc;
    document.leaks = leaks(&document);
    settle(&mut document);
    document
}

/// A stack that grows by so many KiB a minute.
fn stack(confidence: Confidence, kib: f64) -> Finding {
    let mut found = samples::finding(Verdict::Leak, confidence, samples::app("keep", 12));
    let pace = kib * 1024.0 * 60.0;
    found.slope_bytes_per_hour = Interval { lo: 0.9 * pace, est: pace, hi: 1.1 * pace };
    found
}

/// 49.5 KiB a minute are 8,448 bytes in ten seconds.
fn all(index: u64) -> u64 {
    10 * MIB + 8448 * index
}

fn word(document: &Document) -> (Verdict, Confidence) {
    let growth = document.growth.as_ref().expect("a verdict");
    (growth.verdict, growth.confidence)
}

fn kinds(document: &Document) -> Vec<(LeakKind, u32)> {
    document.leaks.iter().map(|leak| (leak.kind, leak.rank)).collect()
}

#[test]
fn retention_that_explains_the_growth_is_what_the_process_does() {
    let document = judged(Verdict::Undetermined, readings(all, 0), Vec::new());
    assert_eq!(word(&document).0, Verdict::AllocatorRetention);
    assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
    let leak = &document.leaks[0];
    assert!(!leak.is_leak() && leak.confidence == Confidence::Suspect);
    assert!((leak.explains.expect("a share") - 1.0).abs() < 0.01, "{:?}", leak.explains);
    assert_eq!(document.growth.as_ref().and_then(|growth| growth.explained), leak.explains);
    assert_eq!((leak.now.bytes, leak.now.count), (all(11), 2));
}

#[test]
fn what_does_not_grow_or_was_not_read_explains_nothing() {
    for malloc in [
        Vec::new(),
        readings(all, 0)[..5].to_vec(),
        readings(all, 10 * MIB),
        readings(|_| 50 * MIB, 0),
        readings(|index| 50 * MIB - all(index), 0),
        readings(|index| 10 * MIB + (index % 2) * MIB, 0),
        // A twentieth of the growth.
        readings(|index| 10 * MIB + 422 * index, 0),
    ] {
        let document = judged(Verdict::Undetermined, malloc, Vec::new());
        assert_eq!((word(&document).0, kinds(&document)), (Verdict::Undetermined, Vec::new()));
    }
}

/// At first words the program is hardly warm.
#[test]
fn early_readings_count_where_there_are_few_later_ones() {
    let mut malloc = readings(all, 0);
    malloc.iter_mut().for_each(|point| point.t -= 80.0);
    let document = judged(Verdict::Undetermined, malloc, Vec::new());
    assert_eq!(word(&document).0, Verdict::AllocatorRetention);
}

/// Calls that explain nothing make it the allocator only as long as nobody has asked that.
#[test]
fn a_guess_is_taken_back_where_malloc_was_read() {
    let still = readings(|_| 10 * MIB, 0);
    let guess = Verdict::AllocatorRetention;
    assert_eq!(word(&judged(guess, Vec::new(), Vec::new())).0, guess);
    assert_eq!(word(&judged(guess, still, Vec::new())).0, Verdict::Undetermined);
}

#[test]
fn suspects_have_no_room_beside_what_was_measured() {
    // A tenth is too little, a half has no room.
    for kib in [0.1, 4.0, 25.0] {
        let suspect = vec![stack(Confidence::Suspect, kib)];
        let document = judged(Verdict::Leak, readings(all, 0), suspect);
        assert_eq!(word(&document).0, Verdict::AllocatorRetention, "{kib}");
        assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
    }
    let half = readings(|index| 10 * MIB + 4500 * index, 0);
    let document = judged(Verdict::Leak, half, vec![stack(Confidence::Suspect, 24.0)]);
    assert_eq!(word(&document), (Verdict::Leak, Confidence::Suspect));
    assert_eq!(kinds(&document), [(LeakKind::Blocks, 1), (LeakKind::Allocator, 2)]);
}

/// A leak that is sure is told, however much else the allocator retains.
#[test]
fn holes_between_leaked_blocks_are_no_entry() {
    for (kib, kinds_told) in [(100.0, 2), (250.0, 1)] {
        let sure = vec![stack(Confidence::Likely, kib)];
        let document = judged(Verdict::Leak, readings(all, 0), sure);
        assert_eq!(kinds(&document).len(), kinds_told, "{kib}: {:?}", document.leaks);
    }
}

#[test]
fn a_leak_beside_retention_is_a_leak() {
    for kib in [0.1, 5.0, 25.0] {
        let sure = vec![stack(Confidence::Likely, kib)];
        let document = judged(Verdict::Undetermined, readings(all, 0), sure);
        assert_eq!(word(&document), (Verdict::Leak, Confidence::Likely), "{kib}");
        assert_eq!(kinds(&document), [(LeakKind::Blocks, 1), (LeakKind::Allocator, 2)]);
    }
}

/// The first line and what stands below it never say the opposite.
#[test]
fn no_suspect_stands_under_a_line_that_says_there_is_no_leak() {
    let tiny = |confidence| vec![stack(confidence, 0.1)];
    let guess = Verdict::AllocatorRetention;
    let document = judged(guess, Vec::new(), tiny(Confidence::Suspect));
    assert_eq!((word(&document).0, document.leaks.len()), (guess, 0));
    let document = judged(guess, Vec::new(), tiny(Confidence::Likely));
    assert_eq!((word(&document).0, document.leaks.len()), (Verdict::Undetermined, 1));
}

/// Arenas of which objects use so many of 100 MiB, in a process of 200 MiB, with what they retained every ten seconds.
fn with_arenas(mut document: Document, used: u64, retained: impl Fn(u64) -> u64) -> Document {
    let warm = samples::growth(Verdict::Leak, Confidence::Suspect).warm_up_seconds;
    let reading = |index| {
        let t = warm + 10.0 * f64::from(u32::try_from(index).expect("few"));
        ArenaPoint { t, retained_bytes: retained(index) }
    };
    let arenas = ArenaUse { bytes: 100 * MIB, used_bytes: used * MIB, ..ArenaUse::default() };
    let readings = (0..12).map(reading).collect();
    document.capture.notes.push(Note::ArenasHalfEmpty { arenas, readings });
    let resident = ProcessPoint { rss_anon_bytes: Some(200 * MIB), ..ProcessPoint::default() };
    document.history.process.push(resident);
    document.leaks = leaks(&document);
    settle(&mut document);
    document
}

#[test]
fn arenas_that_few_objects_fill_are_told_where_they_are_much() {
    let quiet = || judged(Verdict::Baseline, Vec::new(), Vec::new());
    let document = with_arenas(quiet(), 20, |_| 80 * MIB);
    assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
    let leak = &document.leaks[0];
    assert_eq!((leak.now.bytes, leak.explains), (80 * MIB, None));
    assert_eq!((leak.rate.bytes_per_hour.est, leak.is_leak()), (0.0, false));
    // What the process does is another matter.
    assert_eq!(word(&document).0, Verdict::Baseline);
    // A fifth of the process.
    assert_eq!(kinds(&with_arenas(quiet(), 60, |_| 40 * MIB)), []);
}

#[test]
fn arenas_that_fill_with_what_is_freed_explain_the_growth() {
    let document = with_arenas(judged(Verdict::Undetermined, Vec::new(), Vec::new()), 70, all);
    assert_eq!(word(&document).0, Verdict::AllocatorRetention);
    let leak = &document.leaks[0];
    assert!((leak.explains.expect("a share") - 1.0).abs() < 0.01, "{:?}", leak.explains);
    assert_eq!(leak.name, "pymalloc (freed memory)");
}

#[test]
fn both_allocators_are_one_entry() {
    let half = |index: u64| 10 * MIB + 4224 * index;
    let document = with_arenas(judged(Verdict::Leak, readings(half, 0), Vec::new()), 20, half);
    assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
    let leak = &document.leaks[0];
    assert_eq!((leak.name.as_str(), leak.grounds.len()), ("malloc and pymalloc (freed memory)", 2));
    assert_eq!(leak.now.bytes, 80 * MIB + half(11));
    assert!((leak.explains.expect("a share") - 1.0).abs() < 0.01, "{:?}", leak.explains);
    let alone = judged(Verdict::Leak, readings(half, 0), Vec::new());
    assert_eq!(alone.leaks[0].id, leak.id);
}

/// Objects that leak leave room between them that is free.
#[test]
fn arenas_beside_a_leak_are_no_entry() {
    let sure = vec![stack(Confidence::Likely, 250.0)];
    for retained in [(|_| 80 * MIB) as fn(u64) -> u64, all] {
        let document = with_arenas(judged(Verdict::Leak, Vec::new(), sure.clone()), 20, retained);
        assert_eq!(kinds(&document), [(LeakKind::Blocks, 1)]);
    }
}

/// A process on jemalloc that has so many MiB resident and so many in live blocks at moments ten seconds apart.
fn on_jemalloc(points: impl Fn(u64) -> (u64, u64), notes: &[Note]) -> Document {
    let mut document = judged(Verdict::Undetermined, Vec::new(), Vec::new());
    let warm = samples::growth(Verdict::Leak, Confidence::Suspect).warm_up_seconds;
    document.losses.clear();
    document.history.process.clear();
    for index in 0..12 {
        let (resident, live) = points(index);
        document.history.process.push(ProcessPoint {
            t: warm + 10.0 * index as f64,
            rss_anon_bytes: Some(resident * MIB),
            live_bytes: live * MIB,
            ..ProcessPoint::default()
        });
    }
    let name = "jemalloc".to_owned();
    document.capture.notes = notes.to_vec();
    document.capture.notes.push(Note::MallocNotRead { name, version: None });
    document.leaks = leaks(&document);
    document
}

#[test]
fn an_allocator_that_is_not_read_retains_what_was_freed_at_least() {
    let grows =
        |index: u64| if index == 0 { (200, 150) } else { (200 + 2 * index, 140 - 10 * index) };
    let document = on_jemalloc(grows, &[]);
    assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
    let leak = &document.leaks[0];
    assert_eq!((leak.name.as_str(), leak.now.bytes), ("jemalloc (freed memory)", 120 * MIB));
}

#[test]
fn of_an_allocator_that_is_not_read_nothing_is_claimed_without_freed_blocks() {
    let freed = |index: u64| (200 + 2 * index, 150 - 10 * index);
    // Memory from before is used for the first time; what was freed was given back; both grow.
    let cases: [fn(u64) -> (u64, u64); 3] = [
        |index| (200 + 2 * index, 50),
        |index| (200 - 10 * index, 150 - 10 * index),
        |index| (200 + 2 * index, 50 + 2 * index),
    ];
    for points in cases {
        assert_eq!(kinds(&on_jemalloc(points, &[])), []);
    }
    assert_eq!(kinds(&on_jemalloc(freed, &[])).len(), 1);
    let hidden = Note::PythonAllocator { allocator: "mimalloc".into() };
    assert_eq!(kinds(&on_jemalloc(freed, &[hidden])), []);
}
