//! Situations of programs that leak, as documents: which leak is told, and what belongs to it.

use super::*;
use crate::model::{
    Advice, Amount, Confidence, Domain, Finding, Frame, FrameKind, Interval, LeakKind, Owners,
    Reason, RetainedPlace, RetainedSize, RootKind, TypeGrowth, Verdict,
};
use crate::report::leaks::samples;

const MINUTES: f64 = 60.0;

pub(super) fn pace(bytes: f64) -> Interval {
    Interval { lo: 0.8 * bytes, est: bytes, hi: 1.2 * bytes }
}

pub(super) fn words(path: &[&str]) -> Option<Vec<String>> {
    (!path.is_empty()).then(|| path.iter().map(|step| (*step).to_owned()).collect())
}

/// A type that grew to `last` objects of `size` bytes in an hour and leaks, perhaps.
pub(super) fn grown(
    rank: u32,
    name: &str,
    [first, last, size]: [u64; 3],
    path: &[&str],
) -> TypeGrowth {
    let more = (last - first) as f64;
    TypeGrowth {
        rank,
        name: name.into(),
        verdict: Verdict::Leak,
        confidence: Confidence::Suspect,
        first_count: first,
        last_count: last,
        first_bytes: first * size,
        last_bytes: last * size,
        retained_count: first,
        slope_objects_per_hour: pace(more),
        slope_bytes_per_hour: pace(more * size as f64),
        together: Vec::new(),
        reasons: vec![Reason::GrowsSoFar { seconds: 120.0 }],
        retainer: words(path),
        series: Vec::new(),
    }
}

fn in_step(found: TypeGrowth, together: &[(&str, f64)]) -> TypeGrowth {
    let together = together.iter().map(|(name, each)| ((*name).to_owned(), *each)).collect();
    TypeGrowth { together, ..found }
}

pub(super) fn stack(verdict: Verdict, function: &str, bytes_per_hour: f64) -> Finding {
    let mut found = samples::finding(verdict, Confidence::Suspect, samples::app(function, 9));
    found.site.id = format!("{:08x}", function.len());
    found.slope_bytes_per_hour = pace(bytes_per_hour);
    found.evidence.reasons = vec![Reason::GrowsSoFar { seconds: 120.0 }];
    found
}

fn arenas(verdict: Verdict) -> Finding {
    let mut found = stack(verdict, "temporary", 60e6);
    found.site.domain = Domain::Mmap;
    found.evidence.arenas = true;
    found
}

pub(super) fn owned(mut found: Finding, name: &str, path: &[&str]) -> Finding {
    found.types = Some(vec![(name.into(), 90)]);
    found.retainer = words(path);
    found.owners = Some(Owners { looked_for: 100, owned: 100, root: Some(RootKind::Module) });
    found
}

pub(super) fn judged(types: Vec<TypeGrowth>, findings: Vec<Finding>) -> Document {
    let mut document =
        samples::document(samples::growth(Verdict::Undetermined, Confidence::Suspect), findings);
    document.types = Some(types);
    document.leaks = leaks(&document);
    settle(&mut document);
    document
}

const KEPT: [&str; 3] = ["module __main__", ".KEPT: list (11770 items)", "[33]: __main__.Event"];

/// A handler appends ten small objects a second to a list of its module. An arena was needed by a line that
/// only makes temporary lists.
#[test]
fn small_objects_in_a_list_are_the_leak_and_the_arena_is_none() {
    let event = grown(1, "__main__.Event", [10, 11_770, 56], &KEPT);
    let dict =
        grown(4, "dict", [900, 12_660, 100], &[&KEPT[..], &[".__dict__: dict (2 items)"]].concat());
    for verdict in [Verdict::Undetermined, Verdict::Leak] {
        let document = judged(vec![event.clone(), dict.clone()], vec![arenas(verdict)]);
        let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
        assert_eq!((&*leak.name, leak.kind), ("__main__.Event", LeakKind::Objects));
        assert_eq!((leak.verdict, leak.confidence), (Verdict::Leak, Confidence::Suspect));
        let by = leak.retained_by.as_ref().expect("a path");
        assert_eq!(by.path, KEPT[..2]);
        assert_eq!(by.container.as_ref().and_then(|list| list.length), Some(11_770));
        assert_eq!(leak.now, Amount { bytes: 11_770 * 56 + 11_760 * 100, count: 11_770 });
        assert_eq!(leak.evidence.types, ["__main__.Event", "dict"]);
        assert_eq!(leak.evidence.findings.len(), 1, "the arena");
        assert_eq!(leak.advice, Advice::RemoveFromContainer);
        let growth = document.growth.as_ref().expect("judged");
        assert_eq!((growth.verdict, growth.confidence), (Verdict::Leak, Confidence::Suspect));
    }
}

/// A type that waits for the collector.
fn garbage(mut found: TypeGrowth) -> TypeGrowth {
    found.verdict = Verdict::GarbagePending;
    found.reasons = vec![Reason::GarbageObjects];
    found
}

/// Visits refer to themselves, and wait for the collector with the buffers that they own.
#[test]
fn what_waits_for_the_collector_is_no_leak_and_named_by_the_program() {
    let path = ["garbage that waits for the collector: __main__.Visit at 0x7f00"];
    let visit = in_step(grown(1, "__main__.Visit", [75, 3_017, 48], &path), &[("bytearray", 1.0)]);
    let visit = garbage(visit);
    let buffer = garbage(grown(2, "bytearray", [75, 3_016, 4056], &[]));
    let mut blocks = stack(Verdict::GarbagePending, "__init__", 11e6);
    let root = Some(RootKind::Garbage);
    blocks.types = Some(vec![("bytearray".into(), 2985)]);
    blocks.owners = Some(Owners { looked_for: 2985, owned: 2985, root });
    blocks.evidence.reasons = vec![Reason::Garbage];
    let mut document = judged(vec![visit.clone(), buffer.clone()], vec![blocks.clone()]);
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.verdict), ("__main__.Visit", Verdict::GarbagePending));
    assert_eq!((leak.advice, leak.retained_by.as_ref()), (Advice::CollectSooner, None));
    assert_eq!(leak.evidence.types, ["__main__.Visit", "bytearray"]);
    assert_eq!(leak.evidence.findings.len(), 1);
    let verdict = |document: &Document| document.growth.as_ref().map(|growth| growth.verdict);
    assert_eq!(verdict(&document), Some(Verdict::GarbagePending));
    // Whatever its stacks alone said.
    document.growth = Some(samples::growth(Verdict::Leak, Confidence::Suspect));
    settle(&mut document);
    assert_eq!(verdict(&document), Some(Verdict::GarbagePending));

    // What leaks beside it comes first, though as many come of it and it is less.
    let event = grown(1, "__main__.Event", [10, 2_952, 56], &KEPT);
    let event = in_step(event, &[("__main__.Visit", 1.0)]);
    let document = judged(vec![event, visit, buffer], vec![blocks, arenas(Verdict::Undetermined)]);
    let told = document.leaks.iter().map(|leak| (&*leak.name, leak.verdict));
    let expected = [("__main__.Event", Verdict::Leak), ("__main__.Visit", Verdict::GarbagePending)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(document.leaks[0].evidence.findings.len(), 1, "the arena");
    assert_eq!(verdict(&document), Some(Verdict::Leak));
}

/// Small garbage fills arenas as small objects that leak do.
#[test]
fn arenas_that_garbage_fills_are_no_leak() {
    let visit = garbage(grown(1, "__main__.Visit", [75, 400_000, 96], &[]));
    let document = judged(vec![visit], vec![arenas(Verdict::Leak)]);
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.verdict), ("__main__.Visit", Verdict::GarbagePending));
    assert_eq!(leak.evidence.findings.len(), 1);
}

/// A registry keeps sessions that are closed, and each has an entry in a cache. Both grow in step; emptying the cache frees
/// little.
#[test]
fn of_containers_that_grow_in_step_the_one_that_retains_names_the_leak() {
    let entries = ["module lib", ".CACHE: dict (240 items)", "['a']: lib.Entry"];
    let sessions = ["module lib", ".HANDLERS: list (250 items)", "[3]: lib.Handler"];
    let session = [&sessions[..], &[".session: lib.Session"]].concat();
    let entry = grown(1, "lib.Entry", [10, 250, 48], &entries);
    let mut held = grown(2, "lib.Session", [10, 250, 48], &session);
    held.together = vec![("lib.Entry".into(), 1.0)];
    for (retained, name) in [
        ([300_000, 39_000_000], "lib.Session"),
        ([9_000_000, 0], "lib.Entry"),
        // Neither retains what grew: others hold it, too.
        ([1_000, 5_000], "lib.Entry"),
    ] {
        let mut document = judged(vec![entry.clone(), held.clone()], Vec::new());
        let places = [&entries[..2], &sessions[..2]].into_iter().zip(retained);
        document.history.retained_sizes = places
            .map(|(path, most_bytes)| RetainedPlace {
                path: words(path).expect("a path"),
                size: RetainedSize { objects: 240, least_bytes: 1, most_bytes },
            })
            .collect();
        let leaks = leaks(&document);
        assert_eq!(leaks[0].name, name, "{retained:?}");
    }
}

/// The sessions of a Panel app register a watcher on an object of a module: stacks whose blocks belong to
/// arrays, sets, classes and dicts of one board.
#[test]
fn ten_stacks_of_one_board_are_one_leak() {
    let board =
        ["module app", ".SOURCE: app.Source", "._watchers: list (120 items)", "[3]: app.Board"];
    let inside = |step: &'static str| [&board[..], &[step]].concat();
    let found = |index: usize, name: &str, step: &'static str| {
        owned(stack(Verdict::Leak, &"f".repeat(index + 1), 1e6), name, &inside(step))
    };
    let kinds = ["numpy.ndarray float64 (1000, 50)", "set", "type", "dict"];
    let findings = (0..10).map(|index| {
        let step =
            [".data: numpy.ndarray", ".seen: set (4 items)", ".made: type", ".by: dict (9 items)"];
        found(index, kinds[index % 4], step[index % 4])
    });
    // No type leaks by its own numbers yet.
    let document = judged(Vec::new(), findings.collect());
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!(leak.evidence.findings.len(), 10);
    assert_eq!(leak.rate.bytes_per_hour, pace(10e6));
    assert_eq!(leak.retained_by.as_ref().map(|by| &by.path[..]), words(&board[..3]).as_deref());
    // With a type that does, it has its name.
    let findings = document.findings.clone();
    let document = judged(vec![grown(1, "app.Board", [2, 120, 48], &board)], findings);
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.now.count), ("app.Board", 120));
}

pub(super) fn native(function: Option<&str>, module: &str) -> Frame {
    Frame {
        kind: FrameKind::Native,
        function: function.map(Into::into),
        file: None,
        line: None,
        module: Some(module.into()),
        offset: Some(0x12ab),
        ..Frame::python("", "", None)
    }
}

/// One line of the application calls a library, which loses blocks at 31 places.
#[test]
fn what_one_call_loses_is_one_leak() {
    let lost = |index: usize| {
        let mut found = stack(Verdict::Leak, "render", 1e6 / (index + 1) as f64);
        let inner = native(Some(&format!("fz_new_{index}")), "/v/site-packages/fitz/_mupdf.so");
        let frames = found.site.stack.iter().cloned().chain([inner]);
        found.site.stack = frames.collect();
        if index < 20 {
            found.confidence = Confidence::Confirmed;
            let lost = Reason::Unreachable { searched: 100, unreachable: 99 };
            found.evidence.reasons = vec![lost];
        }
        found
    };
    let document = judged(Vec::new(), (0..31).map(lost).collect());
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.kind), ("fz_new_0", LeakKind::Blocks));
    assert_eq!((leak.confidence, leak.advice), (Confidence::Confirmed, Advice::BlameExtension));
    assert_eq!(leak.evidence.findings.len(), 31);
    assert!(matches!(leak.grounds[0], Reason::Unreachable { .. }));
}

/// What C++ keeps for a message of Python is no object's block for all that can be seen.
#[test]
fn blocks_without_an_owner_belong_to_the_type_that_is_kept() {
    let entry = ["module app", "._entries: dict (1672 items)", "['x']: cache.Entry"];
    let entry = grown(1, "cache.Entry", [100, 1_672, 48], &entry);
    let payload = |owned, blocks: f64| {
        let mut found = stack(Verdict::Leak, "message", 1e9);
        found.owners = Some(Owners { looked_for: 180, owned, root: None });
        found.evidence.slope_blocks_per_hour = pace(blocks);
        found
    };
    let leaks = |found| judged(vec![entry.clone()], vec![found]).leaks;
    let told = leaks(payload(0, 4_000.0));
    assert_eq!((told.len(), &*told[0].name), (1, "cache.Entry"));
    assert_eq!(told[0].rate.bytes_per_hour.est, 1e9 + 1_572.0 * 48.0);
    assert_ne!(leaks(payload(0, 10.0))[0].name, "cache.Entry", "too few");
    assert_ne!(leaks(payload(90, 4_000.0))[0].name, "cache.Entry", "they have others");
}

/// A library without symbols is named, not an offset in it.
#[test]
fn a_library_without_names_is_named() {
    let mut found = stack(Verdict::Leak, "answer", 1e6);
    let frames = found.site.stack.iter().cloned().chain([native(None, "/v/site-packages/core.so")]);
    found.site.stack = frames.collect();
    let document = judged(Vec::new(), vec![found]);
    assert_eq!(document.leaks[0].name, "core.so");
}

#[test]
fn types_in_step_are_one_leak_and_others_not() {
    let one = grown(
        1,
        "app.Job",
        [0, 500, 64],
        &["module app", ".JOBS: dict (500 items)", "[1]: app.Job"],
    );
    let weak = ["module logging", "._handlerList: list (500 items)", "[4]: weakref.ReferenceType"];
    let weak = grown(2, "weakref.ReferenceType", [0, 500, 72], &weak);
    let page = ["module app", ".PAGES: list (400 items)", "[7]: app.Page"];
    let page = grown(3, "app.Page", [0, 400, 90], &page);
    let types = vec![in_step(one, &[("weakref.ReferenceType", 1.0)]), weak, page];
    let document = judged(types, Vec::new());
    let evidence: Vec<_> = document.leaks.iter().map(|leak| leak.evidence.types.len()).collect();
    assert_eq!(evidence, [2, 1], "{:?}", document.leaks);
    assert_eq!(document.leaks[0].now.bytes, 500 * 64 + 500 * 72);
}

/// Strings and arrays that no container has room for are parts of what the program accumulates.
#[test]
fn what_anything_is_made_of_is_a_part_of_what_has_a_name() {
    let viewer = grown(1, "app.Viewer", [0, 90, 48], &[]);
    let array = grown(2, "numpy.ndarray", [0, 1_200, 40_000], &[]);
    let small = ["module http", "._cache: dict (27 items)", "['x']: str"];
    let text = grown(3, "str", [9_000, 160_000, 60], &small);
    let document = judged(vec![viewer, array.clone(), text], Vec::new());
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.evidence.types.len()), ("app.Viewer", 3));
    // One that has a container of its own, or nothing to be a part of, is a leak.
    let rows = ["module app", ".ROWS: list (1200 items)", "[7]: numpy.ndarray"];
    let rows = TypeGrowth { retainer: words(&rows), ..array.clone() };
    let leaks = judged(vec![rows], Vec::new()).leaks;
    assert_eq!((&*leaks[0].name, leaks[0].now.count), ("numpy.ndarray", 1_200));
    assert_eq!(judged(vec![array], Vec::new()).leaks.len(), 1);
}

/// What is inside of what should have been taken out of the container goes with it.
#[test]
fn of_types_in_one_container_the_nearest_names_the_leak() {
    let session = ["module conf", ".receivers: dict (340 items)", "[7]: report.Session"];
    let widget = [&session[..], &[".state: report.State", "['a']: report.Widget"]].concat();
    let own = [&session[..], &[".owner: __main__.Upload"]].concat();
    let of = |rank, name, path: &[&str]| grown(rank, name, [0, 340, 64], path);
    let types = vec![of(1, "report.Widget", &widget), of(2, "report.Session", &session)];
    let leaks = judged(types.clone(), Vec::new()).leaks;
    assert_eq!(leaks.iter().map(|leak| &*leak.name).collect::<Vec<_>>(), ["report.Session"]);
    // The program's own class says more than a package's.
    let program = of(1, "__main__.Upload", &own);
    let types = std::iter::once(program)
        .chain(types.into_iter().map(|found| TypeGrowth { rank: found.rank + 1, ..found }));
    assert_eq!(judged(types.collect(), Vec::new()).leaks[0].name, "__main__.Upload");
}

/// Blocks whose stacks are not known name nothing where something else does.
#[test]
fn a_place_without_a_stack_is_told_only_alone() {
    let mut found = stack(Verdict::Leak, "f", 1e9);
    found.site.stack = Vec::new().into();
    let event = grown(1, "__main__.Event", [10, 11_770, 56], &KEPT);
    let other = found.clone();
    let names = |types| -> Vec<String> {
        let leaks = judged(types, vec![other.clone()]).leaks;
        leaks.into_iter().map(|leak| leak.name).collect()
    };
    assert_eq!(names(vec![event.clone()]), ["__main__.Event"]);
    assert_eq!(names(Vec::new()), ["a place without a stack"]);
    // So it is where nobody can tell yet.
    let early = TypeGrowth {
        verdict: Verdict::Undetermined,
        slope_bytes_per_hour: pace(50e6),
        reasons: vec![Reason::NotCollectedYet],
        ..event
    };
    found.verdict = Verdict::Undetermined;
    let leaks = judged(vec![early], vec![found]).leaks;
    assert_eq!(leaks.iter().map(|leak| &*leak.name).collect::<Vec<_>>(), ["__main__.Event"]);
}

/// Where no type is known that could fill them, arenas are what is known.
#[test]
fn arenas_that_nothing_fills_are_a_leak_of_their_own() {
    let document = judged(Vec::new(), vec![arenas(Verdict::Leak)]);
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.advice), ("small objects", Advice::CountTypes));
    // A trickle of objects does not fill sixty megabytes an hour.
    let event = grown(1, "__main__.Event", [10, 110, 56], &KEPT);
    let document = judged(vec![event], vec![arenas(Verdict::Leak)]);
    assert!(document.leaks.iter().any(|leak| leak.name == "small objects"));
}

/// Proof for a small part is no proof for all, and what is only suspected stays so however often.
#[test]
fn a_verdict_is_never_surer_than_its_evidence() {
    let of = |shares: &[(f64, Confidence)]| {
        let findings = shares.iter().zip(1..).map(|((share, confidence), index)| {
            let mut found = stack(Verdict::Leak, &"f".repeat(index), share * 1e6);
            found.confidence = *confidence;
            owned(found, "app.Board", &KEPT)
        });
        judged(Vec::new(), findings.collect()).leaks[0].confidence
    };
    use Confidence::{Confirmed, Likely, Suspect};
    assert_eq!(of(&[(1.0, Suspect), (1.0, Suspect), (0.9, Suspect)]), Suspect);
    assert_eq!(of(&[(1.0, Suspect), (0.5, Likely)]), Likely);
    assert_eq!(of(&[(1.0, Suspect), (0.05, Confirmed)]), Suspect);
    assert_eq!(of(&[(1.0, Suspect), (0.5, Confirmed)]), Likely);
    assert_eq!(of(&[(0.5, Suspect), (1.0, Confirmed)]), Confirmed);
}

/// The headline is never that of something that no leak is told of.
#[test]
fn the_process_leaks_only_what_its_leaks_say() {
    let mut document = judged(Vec::new(), vec![stack(Verdict::CacheBounded, "get", 1e6)]);
    assert!(document.leaks.is_empty());
    document.growth = Some(samples::growth(Verdict::Leak, Confidence::Likely));
    settle(&mut document);
    assert_eq!(document.growth.as_ref().map(|growth| growth.verdict), Some(Verdict::Undetermined));
}

/// What is mapped and never touched is not in memory.
#[test]
fn mappings_grow_no_faster_than_the_process() {
    let mut found = stack(Verdict::Leak, "serve", 1e12);
    found.site.domain = Domain::Mmap;
    let document = judged(Vec::new(), vec![found]);
    let leak = &document.leaks[0];
    assert_eq!(leak.kind, LeakKind::Mapping);
    let process = document.growth.as_ref().map(|growth| growth.slope_bytes_per_hour);
    assert_eq!(Some(leak.rate.bytes_per_hour), process);
    assert_eq!(leak.explains, Some(1.0));
    assert!(leak.rate.count_per_hour > MINUTES);
}

/// An id is that of another run, in which addresses, threads, indices and lengths differ.
#[test]
fn ids_are_those_of_every_run() {
    let id = |thread: &str, items: &str, at: &str| {
        let path = [thread, "local self: app.Server", items, at];
        judged(vec![grown(1, "app.Job", [0, 500, 64], &path)], Vec::new()).leaks[0].id.clone()
    };
    let one = id("thread 12 (main), frame run (a.py:7)", ".jobs: dict (500 items)", "[3]: app.Job");
    let other =
        id("thread 99 (main), frame go (b.py:1)", ".jobs: dict (900 items)", "['x']: app.Job");
    assert_eq!(one, other);
    assert_ne!(
        one,
        id("thread 12 (main), frame run (a.py:7)", ".done: dict (500 items)", "[3]: app.Job")
    );
}

/// What was leaked too lately to count as old, or while the program warmed up, is held as well: rate by time is what there is
/// now, as far as so much is live. Mappings hold what of them is in memory.
#[test]
fn what_was_leaked_lately_is_held_too() {
    let now = |live: u64, allocated: u64, domain: Domain, per_second: f64| {
        let mut found = stack(Verdict::Leak, "keep", 3600.0 * per_second);
        found.evidence.slope_blocks_per_hour = pace(3600.0 * per_second / 200.0);
        found.site.domain = domain;
        found.site.live = Amount { bytes: live, count: live / 200 };
        found.site.allocated = Amount { bytes: allocated, count: allocated / 200 };
        judged(Vec::new(), vec![found]).leaks[0].now
    };
    // 42,400 bytes are old; 30 s to get old and 95 s to warm up.
    let lately = Amount { bytes: 42_400 + 125 * 8, count: 212 + 5 };
    assert_eq!(now(90_000, 900_000, Domain::Malloc, 8.0), lately);
    let no_more = Amount { bytes: 42_600, count: 213 };
    assert_eq!(now(42_600, 900_000, Domain::Malloc, 8.0), no_more, "than is live");
    let all = Amount { bytes: 60_000, count: 300 };
    assert_eq!(now(60_000, 60_000, Domain::Malloc, 8.0), all, "none was freed");
    // The process grows by 49.5 KiB a minute.
    let half = now(60_000, 60_000, Domain::Mmap, 2.0 * 49.5 * 1024.0 / 60.0);
    assert!((29_000..31_000).contains(&half.bytes), "{half:?}");
}
