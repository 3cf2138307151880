//! `census` and `who` against the interpreter's own word.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use leakspy_tests::chance::{Chance, repetitions};
use leakspy_tests::flipped::Original;
use leakspy_tests::interpreter::{Interpreter, WITH_PACKAGES};
use leakspy_tests::objects::{Census, Retainers, output};
use leakspy_tests::tracer;
use leakspy_tests::workload::Workload;
use serde_json::Value;

leakspy_tests::on_every_interpreter!(
    counted_exactly,
    counted_while_it_runs,
    growth_is_what_was_made,
    nearly_empty_pools_are_found,
    no_pools_without_pymalloc,
    every_retainer_has_a_name,
    what_structs_of_c_hold_has_a_name,
    an_exception_keeps_all_its_tracebacks,
    what_only_looks_like_an_object_is_none,
    strings_are_nobodys_business,
    sub_interpreters_are_counted,
    flipped_bits_do_no_harm,
);

/// Types written in C whose own `__sizeof__` counts buffers that are known to them alone, as those
/// of ctypes do.
const OWN_BUFFERS: [&str; 4] =
    ["_io.BufferedReader", "_io.BufferedWriter", "_struct.Struct", "StgDict"];

fn started(interpreter: &Interpreter) -> Result<Workload> {
    let mut target = Workload::python(interpreter, "heap")?;
    target.go()?;
    Ok(target)
}

fn counted_exactly(interpreter: &Interpreter) -> Result<()> {
    let mut target = started(interpreter)?;
    // The second time, so that whatever the first one made for good is counted.
    target.command("count")?;
    target.facts()?;
    target.command("count")?;
    let census = Census::of(target.pid(), &["--pause"])?;
    let facts = target.facts()?;
    let truth = numbers(&facts["counts"])?;
    let mut tracked = census.tracked();
    // It waits for the next command, and reads into these meanwhile.
    tracked.retain(|name, _| !["memoryview", "managedbuffer"].contains(&name.as_str()));
    let differ = |name: &&String| tracked.get(*name) != truth.get(*name);
    let wrong: Vec<String> = truth
        .keys()
        .chain(tracked.keys().filter(|name| !truth.contains_key(*name)))
        .filter(differ)
        .map(|name| format!("{name}: {:?}, really {:?}", tracked.get(name), truth.get(name)))
        .collect();
    ensure!(wrong.is_empty(), "counts of {} types: {wrong:#?}", wrong.len());
    for (name, bytes) in numbers(&facts["sizes"])? {
        let row = census.row(&name);
        let of_ctypes = name.contains("ctypes.");
        if row.count == row.tracked && !OWN_BUFFERS.contains(&name.as_str()) && !of_ctypes {
            ensure!(row.bytes == bytes, "{name}: {} bytes, really {bytes}", row.bytes);
        }
    }
    ensure!(census.snapshot.paused_seconds.is_some(), "it was not paused");
    ensure!(
        !census.snapshot.skipped_codes.iter().any(|code| code == "torn-lists"),
        "{:?}",
        census.snapshot
    );
    target.quit()
}

fn numbers(value: &Value) -> Result<BTreeMap<String, u64>> {
    let numbers: BTreeMap<String, u64> =
        serde_json::from_value(value.clone()).context("numbers by type")?;
    // Modules of sessions are one kind to a census.
    let name = |name: String| name.replace("0123456789abcdef0123456789abcdef", "*");
    let any = numbers.into_iter().filter(|(_, number)| *number > 0);
    Ok(any.map(|(of, number)| (name(of), number)).collect())
}

fn counted_while_it_runs(interpreter: &Interpreter) -> Result<()> {
    const STABLE: u64 = 20_000;
    let mut target = started(interpreter)?;
    target.command(&format!("busy {STABLE}"))?;
    for _ in 0..repetitions(5) {
        let row = Census::of(target.pid(), &[])?.row("__main__.Stable");
        let off = row.tracked.abs_diff(STABLE);
        ensure!(off * 100 <= STABLE, "{} of {STABLE} objects", row.tracked);
    }
    target.kill().map(|_| ())
}

fn growth_is_what_was_made(interpreter: &Interpreter) -> Result<()> {
    let mut target = started(interpreter)?;
    let before = Census::of(target.pid(), &["--pause"])?.row("__main__.Growing").count;
    target.command("grow 137")?;
    let after = Census::of(target.pid(), &["--pause"])?.row("__main__.Growing");
    ensure!((before, after.count) == (0, 137), "{before} before, {after:?}");
    target.quit()
}

/// A few pools can be shared with other objects: two of a hundred may be missing, and some others
/// are nearly empty.
fn nearly_empty_pools_are_found(interpreter: &Interpreter) -> Result<()> {
    const OTHERS: u64 = 100;
    let mut target = started(interpreter)?;
    target.command("fragment 200000")?;
    let truth = target.facts()?["sparse_pools"].as_u64().context("a number")?;
    let pools = Census::of(target.pid(), &["--pause"])?.pools.context("no pools")?;
    let first = pools.retained_by.first().context("no type")?;
    ensure!(first.name == "__main__.Sparse", "{pools:?}");
    let enough = first.pools <= truth && first.pools * 100 >= truth * 98;
    ensure!(enough, "{} of {truth} pools: {pools:?}", first.pools);
    let all = pools.nearly_empty.pools;
    ensure!((first.pools..truth + OTHERS).contains(&all), "{all} of {truth} pools: {pools:?}");
    target.quit()
}

/// Nothing is called a pool where the allocator has none.
fn no_pools_without_pymalloc(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python_with(interpreter, "heap", |_, command| {
        command.env("PYTHONMALLOC", "malloc");
        Ok(())
    })?;
    target.go()?;
    let pools = Census::of(target.pid(), &["--pause"])?.pools;
    ensure!(pools.is_none(), "{pools:?}");
    target.quit()
}

/// The class, how many, the kind of root, the root, and the words of the path.
const HELD: [(&str, u64, &str, &str, &str); 15] = [
    (
        "Model",
        30,
        "module",
        "module __main__",
        ".REGISTRY ['plot 0'] [0] closure cell document .models [0]",
    ),
    (
        "ByMethod",
        1,
        "module",
        "module __main__",
        ".SUBSCRIBERS [0] .subscribers [0] [1] .__self__ .held",
    ),
    ("InSlot", 1, "module", "module __main__", ".KEPT [0] .below × 5000 .held"),
    ("InPartial", 1, "module", "module __main__", ".KEPT [2] .args [0]"),
    ("InDeque", 1, "module", "module __main__", ".KEPT [3] [0]"),
    ("InKey", 1, "module", "module __main__", ".KEPT [4] a key"),
    ("InDefault", 1, "module", "module __main__", ".default .__defaults__ [0]"),
    ("InClass", 1, "module", "module __main__", ".WithAttribute .attribute"),
    ("Inner", 1, "module", "module __main__", ".KEPT [6] .KEPT"),
    ("bokeh_app_0123456789abcdef0123456789abcdef", 1, "module", "module __main__", ".KEPT [6]"),
    (
        "Module <module 'bokeh_app_fedcba9876543210fedcba9876543210'> has extra unexpected referrers!",
        1,
        "module",
        "module __main__",
        ".KEPT [8] closure cell cleared",
    ),
    ("InFrame", 1, "frame", " (standing), frame stand", "local inside"),
    ("OnlyCycle", 8, "garbage", "OnlyCycle", ".other × 2"),
    ("OnlyNative", 1, "native", "OnlyNative", ""),
    ("InGenerator", 1, "module", "module __main__", "local local"),
];

fn every_retainer_has_a_name(interpreter: &Interpreter) -> Result<()> {
    let mut target = started(interpreter)?;
    for (asked, count, root, root_name, words) in HELD {
        let retainers = Retainers::of(target.pid(), asked, &["--pause"])?;
        let group = retainers.first().context(asked)?;
        ensure!((retainers.count, group.count) == (count, count), "{asked}: {retainers:?}");
        ensure!(group.root == root, "{asked} is held by {}: {retainers:?}", group.root);
        ensure!(group.root_name.contains(root_name), "{asked}: {}", group.root_name);
        // Generators have their frame in an object of its own up to 3.10.
        ensure!(group.words().ends_with(words), "{asked}: {}", group.words());
        ensure!(group.path.iter().all(|link| link.certain), "{asked}: {group:?}");
        let addresses: Vec<&str> = group.path.iter().map(|link| link.address.as_str()).collect();
        if root == "module" && !words.contains('×') {
            target.command(&format!("confirm {}", addresses.join(" ")))?;
            let wrong = target.facts()?["wrong"].clone();
            ensure!(wrong == Value::Array(Vec::new()), "{asked}: {wrong} in {group:?}");
        }
    }
    // A weak reference is no path.
    let ending = tracer::run(&["who", "-p", &target.pid().to_string(), "OnlyWeak"])?;
    ensure!(ending.code() == Some(1), "what only a weak reference had is still there: {ending}");
    target.quit()
}

/// The class, how many, the last words of the path, and whether all of it is certain.
const IN_C: [(&str, u64, &str, bool); 14] = [
    ("InCause", 1, ".KEPT [0] .__context__ .args [0]", true),
    ("InCache", 1, ".cached .cache ['argument'] .result", true),
    ("InWrapper", 1, ".KEPT [1] .__self__", true),
    ("InIterator", 1, ".KEPT [2] .seq [0]", true),
    ("InMap", 1, ".KEPT [3] .iterators [0] .seq [0]", true),
    ("InTee", 1, ".KEPT [4] .source .seq [0] [0]", true),
    ("InFuture", 1, ".KEPT [5] ._result", true),
    ("InCallback", 1, ".KEPT [6] ._callback", true),
    ("InTask", 1, "local _", true),
    ("InMatch", 1, ".KEPT [8] .string", true),
    ("InView", 1, ".KEPT [9] .managedbuffer .obj", true),
    ("InExitCode", 1, ".KEPT [10] .code", true),
    ("InMemo", 1, ".KEPT [12] in a C structure of Pickler, 2 hops", false),
    ("InCounted", 1, ".KEPT [14] in a C structure of PyCapsule", false),
];

fn what_structs_of_c_hold_has_a_name(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "held_in_c")?;
    target.go()?;
    for (asked, count, words, certain) in IN_C {
        let retainers = Retainers::of(target.pid(), asked, &["--pause"])?;
        let group = retainers.first().context(asked)?;
        ensure!((retainers.count, group.count) == (count, count), "{asked}: {retainers:?}");
        ensure!(group.root == "module", "{asked} is held by {}: {retainers:?}", group.root);
        ensure!(group.words().ends_with(words), "{asked}: {}", group.words());
        let all_certain = group.path.iter().all(|link| link.certain);
        ensure!(all_certain == certain, "{asked}: {group:?}");
    }
    // Children of an element lie in a block of their own, and their attributes, too. What such a block
    // had in it before can be there still.
    let retainers = Retainers::of(target.pid(), "InElement", &["--pause"])?;
    let group = retainers.first().context("InElement")?;
    ensure!(retainers.count == 20 && group.count >= 15, "{retainers:?}");
    let inside = "in a C structure of Element";
    let words = format!(".KEPT [11] {inside} {inside} ['key']");
    ensure!(group.root == "module" && group.words().ends_with(&words), "{}", group.words());
    target.quit()
}

/// One exception object that is raised again and again.
fn an_exception_keeps_all_its_tracebacks(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "held_in_c")?;
    target.go()?;
    let retainers = Retainers::of(target.pid(), "traceback", &["--pause"])?;
    let group = retainers.first().context("no group")?;
    let words = "module __main__ .Failing .error .__traceback__ .tb_next × 19999";
    let told = format!("{} {}", group.root_name, group.words());
    ensure!(group.count >= 19_999 && told.ends_with(words), "{} by {told}", group.count);
    ensure!(group.path.iter().all(|link| link.certain), "{group:?}");
    target.quit()
}

/// Arrays of objects refer to their items.
#[test]
fn items_of_arrays_are_held_by_them() -> Result<()> {
    let mut target = Workload::python(&Interpreter::find(WITH_PACKAGES)?, "object_arrays")?;
    target.go()?;
    let retainers = Retainers::of(target.pid(), "InArray", &["--pause"])?;
    let group = retainers.first().context("no group")?;
    ensure!((retainers.count, group.count) == (600, 600), "{retainers:?}");
    ensure!(group.root == "module" && group.words().starts_with(".KEPT [0] ["), "{group:?}");
    ensure!(group.path.iter().all(|link| link.certain), "{group:?}");
    target.quit()
}

/// One match object is there, and a block of C leads to memory that looks like two more.
fn what_only_looks_like_an_object_is_none(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "held_in_c")?;
    target.go()?;
    let row = Census::of(target.pid(), &["--pause"])?.row("re.Match");
    ensure!(row.count == 1 && row.bytes < 1000, "{row:?}");
    target.quit()
}

fn strings_are_nobodys_business(interpreter: &Interpreter) -> Result<()> {
    let target = started(interpreter)?;
    let pid = target.pid().to_string();
    for words in [vec!["census", "-q", "-p", &pid], vec!["who", "-p", &pid, "str", "-n", "1000"]] {
        ensure!(!output(&words)?.contains("swordfish"), "{words:?} tells a string");
    }
    target.quit()
}

fn sub_interpreters_are_counted(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "subinterpreters")?;
    target.go()?;
    let census = Census::of(target.pid(), &["--pause"])?;
    ensure!(census.snapshot.interpreters > 1, "{:?}", census.snapshot);
    target.quit()
}

/// A process that is being looked at while it stands still outlives whoever looks.
#[test]
fn a_pause_ends_with_leakspy() -> Result<()> {
    let mut target = started(&Interpreter::find("3.12")?)?;
    let mut chance = Chance::new();
    for _ in 0..repetitions(10) {
        leakspy_tests::objects::killed_census(target.pid(), &mut chance)?;
        target.command("grow 1").with_context(|| format!("seed {}", chance.seed()))?;
    }
    target.quit()
}

/// Memory with flipped bits is read to its end: no panic, no endless walk, not more objects than
/// could be there.
fn flipped_bits_do_no_harm(interpreter: &Interpreter) -> Result<()> {
    let target = started(interpreter)?;
    let original = Original::of(target.pid())?;
    let mut chance = Chance::new();
    let whole = original.read_flipped(0, &mut chance);
    ensure!(whole > 10_000, "only {whole} objects without a flip");
    // It stands still, but for what its interpreter does by itself.
    ensure!(original.has_more_than(1000) && !original.has_more_than(2 * whole), "not so many");
    for run in 0..repetitions(12) {
        let flips = 1 << (run % 12);
        let seed = chance.seed();
        let found = original.read_flipped(flips, &mut chance);
        ensure!(found < 4 * whole, "{found} objects after {flips} flips, seed {seed}, run {run}");
    }
    target.quit()
}
