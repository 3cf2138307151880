//! Lost objects that are made up, with the arenas that they fill.

use super::*;
use crate::judge::leaks::tests::{grown, judged, native, stack};
use crate::judge::leaks::{leaks, settle};
use crate::model::{Domain, Frame, NATIVE_ROOT, Owners, RootKind, Site, TypeGrowth};

fn objects(name: Option<&str>, old: u64, young: u64) -> LostObjects {
    let amount = |count| Amount { count, bytes: 64 * count };
    let block = if name.is_some() { 0 } else { 64 };
    let within = Amount::default();
    let name = name.map(str::to_owned);
    LostObjects { name, block, old: amount(old), young: amount(young), within }
}

fn arenas(bytes_per_hour: f64) -> Finding {
    let mut found = stack(Verdict::Leak, "temporary", bytes_per_hour);
    found.site.domain = Domain::Mmap;
    found.evidence.arenas = true;
    found
}

/// What was lost in a minute, of a process that grows by three mebibytes an hour.
fn told(types: Vec<TypeGrowth>, lost: Vec<LostObjects>) -> Document {
    let mut document = judged(types, vec![arenas(4e6)]);
    document.history.lost = Some(LostMemory { t: 120.0, age: 60.0, types: lost });
    document.leaks = leaks(&document);
    settle(&mut document);
    document
}

#[test]
fn lost_objects_are_one_leak_with_their_arenas() {
    let document = told(Vec::new(), vec![objects(Some("bytes"), 900, 500)]);
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.kind), ("bytes", LeakKind::LostObjects));
    assert_eq!((leak.confidence, leak.advice), (Confidence::Confirmed, Advice::BlameExtension));
    assert_eq!(leak.now, Amount { count: 1400, bytes: 1400 * 64 });
    assert!((leak.rate.bytes_per_hour.est - 500.0 * 64.0 * 60.0).abs() < 1.0);
    assert_eq!(leak.evidence.findings, [document.findings[0].site.id.clone()]);
    assert_eq!(
        document.growth.map(|growth| (growth.verdict, growth.confidence)),
        Some((Verdict::Leak, Confidence::Confirmed))
    );
}

#[test]
fn a_few_or_old_ones_alone_are_no_leak() {
    for (old, young) in [(900, 0), (900, 7), (19, 500), (100, 20)] {
        let document = told(Vec::new(), vec![objects(Some("bytes"), old, young)]);
        let lost = document.leaks.iter().filter(|leak| leak.kind == LeakKind::LostObjects);
        let expected = usize::from((old, young) == (100, 20));
        assert_eq!(lost.count(), expected, "{old} {young}");
    }
    let document = told(Vec::new(), vec![objects(Some("bytes"), 50, 10)]);
    assert!(document.leaks.iter().all(|leak| leak.confidence < Confidence::Confirmed));
}

#[test]
fn what_is_lost_together_is_one_leak() {
    let lost = [(None, 910, 505), (Some("tuple"), 900, 500), (Some("str"), 90, 400)];
    let document =
        told(Vec::new(), lost.map(|(name, old, young)| objects(name, old, young)).to_vec());
    let names = document.leaks.iter().map(|leak| (&*leak.name, leak.confidence));
    let expected = [("tuple", Confidence::Confirmed), ("str", Confidence::Likely)];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert_eq!(document.leaks[0].now, Amount { count: 1400, bytes: 2815 * 64 });
}

/// The collector's lists have lost objects, so they are counted as well.
#[test]
fn counted_objects_that_are_lost_are_told_once() {
    let kept = ["module app", ".KEPT: list (30000 items)", "[3]: app.Row"];
    for (path, leaks) in [(&[][..], 1), (&kept[..], 2)] {
        let types = vec![grown(1, "app.Row", [10, 30_010, 64], path)];
        let document = told(types, vec![objects(Some("app.Row"), 900, 500)]);
        assert_eq!(document.leaks.len(), leaks, "{:?}", document.leaks);
    }
}

/// Arenas whose stacks are those of lines, some of which call an extension.
fn arenas_of(lines: &[(&str, Option<&str>, u64)]) -> (Finding, Vec<Site>) {
    let mut found = arenas(4e6);
    let sites: Vec<Site> = (0..)
        .zip(lines)
        .map(|(index, (line, extension, count))| {
            let mut site = found.site.clone();
            site.id = format!("{index:016x}");
            site.live.count = *count;
            let called = extension.map(|name| {
                let file = format!("/v/lib/python3.11/site-packages/{name}.so");
                native(Some("call"), &file)
            });
            let own = Frame::python(*line, "app.py", Some(7));
            site.stack = [own].into_iter().chain(called).collect();
            site
        })
        .collect();
    found.evidence.stacks_alike = (60, 75);
    (found, sites)
}

fn lost_with(lines: &[(&str, Option<&str>, u64)], more: Vec<Finding>) -> Document {
    let (found, sites) = arenas_of(lines);
    let mut document = judged(Vec::new(), std::iter::once(found).chain(more).collect());
    document.findings[0].evidence.sites = sites.iter().map(|site| site.id.clone()).collect();
    document.sites = sites;
    let types = vec![objects(Some("bytes"), 900, 500)];
    document.history.lost = Some(LostMemory { t: 120.0, age: 60.0, types });
    document.leaks = leaks(&document);
    settle(&mut document);
    document
}

/// Lines of the background need most arenas; the only extension says more.
#[test]
fn the_only_extension_that_needed_arenas_is_named() {
    let background = [("render", None, 60), ("parse", None, 10)];
    let row = ("probe", Some("row"), 5);
    let document = lost_with(&[&background[..], &[row]].concat(), Vec::new());
    let [made] = &document.leaks[0].created_at[..] else { panic!("{:?}", document.leaks) };
    assert!((made.share - 5.0 / 75.0).abs() < 1e-9 && made.basis == Basis::Arena);
    assert_eq!(extension::of_stack(&made.stack), Some("/v/lib/python3.11/site-packages/row.so"));
    for more in [("other", Some("other"), 3), ("probe", Some("row"), 0)] {
        let few = ("probe", Some("row"), if more.2 == 0 { 1 } else { 5 });
        let document = lost_with(&[&background[..], &[few, more]].concat(), Vec::new());
        let basis = document.leaks[0].created_at.iter().map(|made| &made.stack);
        // Only the line that needed four in five of them.
        assert!(basis.clone().all(|stack| extension::of_stack(stack).is_none()), "{more:?}");
        assert_eq!(basis.count(), 1, "{more:?}");
    }
}

/// Most of the arenas hold something else, so that their lines are those of something else.
#[test]
fn lines_of_arenas_that_others_fill_are_not_named() {
    for (young, named) in [(500, 1), (200, 0)] {
        let mut document = judged(Vec::new(), vec![arenas(4e6)]);
        let types = vec![objects(Some("traceback"), 900, young)];
        document.history.lost = Some(LostMemory { t: 120.0, age: 60.0, types });
        let leaks = leaks(&document);
        let leak = leaks.iter().find(|leak| leak.name == "traceback").expect("a leak");
        assert_eq!(leak.created_at.len(), named, "{young}");
    }
}

/// Those above 512 bytes are blocks of malloc.
#[test]
fn large_and_small_ones_of_an_extension_are_one_leak() {
    let large = |file: &str| {
        let mut found = stack(Verdict::Leak, "probe", 1e6);
        found.evidence.reasons = vec![Reason::Unreachable { searched: 100, unreachable: 99 }];
        let file = format!("/v/lib/python3.11/site-packages/{file}.so");
        let frames = found.site.stack.iter().cloned();
        let stack = frames.chain([native(Some("call"), &file)]).collect();
        found.site.stack = stack;
        found
    };
    let lines = [("render", None, 60), ("probe", Some("row"), 5)];
    let document = lost_with(&lines, vec![large("row")]);
    let [leak] = &document.leaks[..] else { panic!("{:?}", document.leaks) };
    assert_eq!((&*leak.name, leak.kind), ("bytes", LeakKind::LostObjects));
    assert!((leak.rate.bytes_per_hour.est - 1e6 - 500.0 * 64.0 * 60.0).abs() < 1.0);
    assert_eq!((leak.created_at.len(), leak.created_at[0].basis), (1, Basis::Exact));
    assert_eq!(leak.evidence.findings.len(), 2);
    assert_eq!(lost_with(&lines, vec![large("other")]).leaks.len(), 2);
}

#[test]
fn memory_that_is_no_object_has_a_size_for_a_name() {
    let document = told(Vec::new(), vec![objects(None, 900, 500)]);
    assert_eq!(document.leaks[0].name, "blocks of 64 B that are no objects");
    assert!(document.leaks[0].evidence.types.is_empty());
}

/// What arrays hold is allocated by the package that defines them.
#[test]
fn objects_and_the_blocks_that_their_package_makes_are_one_leak() {
    for (name, leaks) in [("row.Array", 1), ("other.Array", 2)] {
        let mut blocks = stack(Verdict::Leak, "render", 1e6);
        blocks.evidence.reasons = vec![Reason::Unreachable { searched: 100, unreachable: 99 }];
        let called = native(Some("allocate"), "/v/lib/python3.11/site-packages/row/core.so");
        blocks.site.stack = blocks.site.stack.iter().cloned().chain([called]).collect();
        let mut document = judged(Vec::new(), vec![blocks]);
        let types = vec![objects(Some(name), 900, 500)];
        document.history.lost = Some(LostMemory { t: 120.0, age: 60.0, types });
        assert_eq!(super::super::leaks(&document).len(), leaks, "{name}");
    }
}

/// Blocks of malloc to which only lost objects lead: what they hold, with the stack that made it.
#[test]
fn what_lost_objects_hold_is_a_part_of_their_leak() {
    let root = format!("{NATIVE_ROOT}traceback at 0x7f00");
    let path = [root.as_str(), ".tb_frame: frame (describe (app.py:18))", "local value: app.File"];
    let elsewhere = ["C code, or what was not found: frame at 0x7f00", "local value: app.File"];
    let step = TypeGrowth {
        together: vec![("app.File".to_owned(), 1.0)],
        ..grown(1, "traceback", [10, 1_410, 64], &[])
    };
    for (path, types, joined) in [
        (&path[..], vec![], true),
        (&elsewhere[..], vec![], false),
        (&[][..], vec![], false),
        (&[][..], vec![step], true),
    ] {
        let mut blocks = stack(Verdict::Leak, "File.read", 1e6);
        blocks.evidence.reasons = vec![Reason::Unreachable { searched: 100, unreachable: 99 }];
        blocks.retainer = Some(path.iter().map(|hop| (*hop).to_owned()).collect());
        let owned = Owners { looked_for: 100, owned: 100, root: Some(RootKind::Native) };
        (blocks.owners, blocks.types) = (Some(owned), Some(vec![("app.File".to_owned(), 100)]));
        let retained = blocks.evidence.retained.bytes;
        let mut document = judged(types, vec![blocks]);
        let lost = vec![objects(Some("traceback"), 900, 500)];
        document.history.lost = Some(LostMemory { t: 120.0, age: 60.0, types: lost });
        let leaks = leaks(&document);
        let leak = leaks.iter().find(|leak| leak.name == "traceback").expect("a leak");
        assert_eq!(leaks.len(), if joined { 1 } else { 2 }, "{path:?}");
        assert_eq!(leak.evidence.findings.len(), usize::from(joined), "{path:?}");
        let own = Amount { count: 1400, bytes: 1400 * 64 };
        let more = if joined { retained } else { 0 };
        assert_eq!(leak.now, Amount { bytes: own.bytes + more, ..own }, "{path:?}");
        let through = leak.retained_by.as_ref().map_or(0, |by| by.through.len());
        assert_eq!(through, path.len().saturating_sub(1) * usize::from(joined), "{path:?}");
    }
}
