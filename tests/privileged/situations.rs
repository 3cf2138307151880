//! The first leak that `leaks` tells after a minute, in the ways in which programs really leak; and caches that fill, garbage
//! that waits for the collector and busy servers, which leak nothing.

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::Process;
use leakspy_tests::tracer::binary;
use leakspy_tests::workload::Workload;
use serde_json::Value;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

/// What must be said of a situation.
#[derive(Debug)]
struct Expected {
    /// Its name in the workload.
    situation: &'static str,
    /// The type that the first leak is named by.
    name: &'static str,
    /// A part of the path that retains it.
    path: &'static str,
    /// The type through which each of its objects hangs in the container, where one stands between.
    through: &'static str,
    /// The function that grows the container, where one does.
    grown_by: &'static str,
    /// What it is known as.
    known: &'static str,
}

const fn leak(
    situation: &'static str,
    name: &'static str,
    path: &'static str,
    grown_by: &'static str,
    known: &'static str,
) -> Expected {
    Expected { situation, name, path, through: "", grown_by, known }
}

impl Expected {
    const fn through(self, through: &'static str) -> Self {
        Self { through, ..self }
    }
}

const LEAKS: [Expected; 14] = [
    leak("small_objects", "__main__.Event", ".KEPT: list", "small_objects", ""),
    leak("cookie_jar", "http.cookies.SimpleCookie", "._cookies: ", "filter_cookies", "cookie-jar"),
    leak("watchers", "__main__.Board", "['value']: list", "watch", "param-watchers"),
    leak("class_level_set", "__main__.Feed", ".live: set", "__init__", ""),
    leak("documents", "__main__.Document", ".OPEN: dict", "documents", ""),
    leak("last_plots", "__main__.Plot", ".LAST: dict", "last_plots", ""),
    leak("cache_without_limit", "__main__.Page", ".cache: dict", "", "function-cache"),
    leak("common_types", "str", ".HITS: dict", "common_types", ""),
    leak("uncollected", "__main__.Node", "", "", "collection-off"),
    leak("frozen", "__main__.Node", "", "", "collection-frozen"),
    leak("replaced", "__main__.Sink", ".sinks: tuple", "", ""),
    leak("threads", "__main__.Upload", "", "", "threads-alive"),
    leak("callbacks_partial", "__main__.Report", ".RECEIVERS: list", "connect", REGISTRY)
        .through("functools.partial"),
    leak("callbacks_method", "__main__.Conn", ".ON_CLOSE: list", "callbacks_method", REGISTRY)
        .through("method"),
];
const REGISTRY: &str = "callback-registry";

/// Servers that leak nothing, with what the process does.
const HEALTHY: [(&str, &str); 2] = [("cyclic_garbage", "garbage-pending"), ("healthy", "")];

/// Bounded by their own word, and by what.
const FILLING: [(&str, &str, u64); 3] = [
    ("cache_fills", "lru_cache of page()", 60_000),
    ("buffer_fills", "capacity in the code of add", 60_000),
    ("pool_fills", "__main__.Pool.max_connections", 220),
];

/// What leaks beside something that must not take any of it: a ring or a cache that is full, or another leak.
#[derive(Debug)]
struct Beside {
    situation: &'static str,
    /// Types that leak, with the bytes that each of them and what it refers to takes.
    leaks: &'static [(&'static str, f64)],
    /// A part of the path to what does not leak.
    full: &'static str,
    /// A function that makes what is in that.
    maker: &'static str,
}

const BESIDE: [Beside; 3] = [
    Beside {
        situation: "ring_beside_partials",
        leaks: &[("__main__.Form", 720.0)],
        full: ".RECENT: ",
        maker: "Entry.__init__",
    },
    Beside {
        situation: "full_cache_beside_leak",
        leaks: &[("__main__.Client", 1_250.0)],
        full: ".view: ",
        maker: "View.__init__",
    },
    Beside {
        situation: "two_leaks",
        leaks: &[("__main__.Order", 1_650.0), ("__main__.Booking", 560.0)],
        full: "nothing",
        maker: "nothing",
    },
];
/// Sizes of objects differ from version to version, and some come while others are counted.
const ROUGHLY: std::ops::RangeInclusive<f64> = 0.7..=1.5;

/// What `leaks` says of a situation after a minute.
fn report(situation: &str) -> Result<Value> {
    let mut target = Workload::python(&Interpreter::find("3.12")?, "situations")?;
    target.command(&format!("go {situation}"))?;
    let mut command = Command::new(binary()?);
    command.args(["leaks", "-p", &target.pid().to_string(), "-d", "60s", "-f", "json"]);
    let ending = Process::start(format!("leakspy leaks of {situation}"), &mut command)?.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    target.quit()?;
    serde_json::from_str(&ending.stdout.join("\n")).with_context(|| ending.to_string())
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn is_told(expected: &Expected) -> Result<()> {
    let report = report(expected.situation)?;
    let leaks = report["leaks"].as_array().cloned().unwrap_or_default();
    let told = || format!("{expected:?}: {:#}", report["leaks"]);
    let first = leaks.first().with_context(told)?;
    ensure!(first["name"] == expected.name && first["verdict"] == "leak", "{}", told());
    let path = texts(&first["retained_by"]["path"]);
    let at_path = expected.path.is_empty() || path.iter().any(|step| step.contains(expected.path));
    ensure!(at_path, "{}", told());
    let through = texts(&first["retained_by"]["through"]);
    let class = through.first().and_then(|step| step.rsplit(": ").next());
    ensure!(expected.through.is_empty() || class == Some(expected.through), "{}", told());
    let frames = first["grown_by"].as_array().into_iter().flatten();
    let mut functions = frames
        .flat_map(|grown| grown["stack"].as_array().into_iter().flatten())
        .filter_map(|frame| frame["function"].as_str());
    let named = |function: &str| function.rsplit('.').next() == Some(expected.grown_by);
    ensure!(expected.grown_by.is_empty() || functions.any(named), "{}", told());
    let known = first["known_kind"].as_str().unwrap_or_default();
    ensure!(expected.known.is_empty() || known == expected.known, "{known}: {}", told());
    ensure!(leaks.iter().filter(|leak| leak["verdict"] == "leak").count() <= 2, "{}", told());
    ensure!(report["growth"]["verdict"] == "leak", "{:#}", report["growth"]);
    Ok(())
}

fn is_no_leak((situation, kind, limit): (&str, &str, u64)) -> Result<()> {
    let report = report(situation)?;
    let first = &report["leaks"][0];
    let told = || format!("{situation}: {:#} {:#}", report["growth"], report["leaks"]);
    ensure!(first["verdict"] == "cache-warming", "{}", told());
    ensure!(first["bound"]["kind"] == kind && first["bound"]["limit"] == limit, "{}", told());
    ensure!(report["growth"]["verdict"] != "leak", "{}", told());
    Ok(())
}

/// Small objects that C code lost: nothing leads to them, and no line of Python keeps them.
fn is_lost() -> Result<()> {
    let report = report("lost_values")?;
    let first = &report["leaks"][0];
    let told = || format!("lost_values: {:#} {:#}", report["growth"], report["leaks"]);
    ensure!(first["name"] == "bytes" && first["verdict"] == "leak", "{}", told());
    ensure!(first["confidence"] == "confirmed" && first["retained_by"].is_null(), "{}", told());
    ensure!(report["growth"]["verdict"] == "leak", "{}", told());
    Ok(())
}

/// What malloc keeps of rushes of ever more requests at once.
fn is_retention() -> Result<()> {
    let report = report("rushes")?;
    let first = &report["leaks"][0];
    let told = || format!("rushes: {:#} {:#}", report["growth"], report["leaks"]);
    let is_allocator = first["kind"] == "allocator" && first["verdict"] == "allocator-retention";
    ensure!(is_allocator && report["growth"]["verdict"] != "leak", "{}", told());
    Ok(())
}

/// None is suspected, and garbage is told by the class of the program.
fn is_healthy((situation, verdict): (&str, &str)) -> Result<()> {
    let report = report(situation)?;
    let leaks = report["leaks"].as_array().cloned().unwrap_or_default();
    let told = || format!("{situation}: {:#} {:#}", report["growth"], report["leaks"]);
    ensure!(leaks.iter().all(|leak| leak["verdict"] != "leak"), "{}", told());
    ensure!(report["growth"]["verdict"] != "leak", "{}", told());
    if !verdict.is_empty() {
        ensure!(report["growth"]["verdict"] == verdict, "{}", told());
        ensure!(
            leaks[0]["verdict"] == verdict && leaks[0]["name"] == "__main__.Visit",
            "{}",
            told()
        );
    }
    Ok(())
}

/// Whether a number is about another one.
fn is_about(number: &Value, expected: f64) -> bool {
    number.as_f64().is_some_and(|number| ROUGHLY.contains(&(number / expected)))
}

/// A leak has the rate, the size and the lines of its own, and what is full is none and not first.
fn is_told_beside(expected: &Beside) -> Result<()> {
    let report = report(expected.situation)?;
    let leaks = report["leaks"].as_array().cloned().unwrap_or_default();
    let told = || format!("{expected:?}: {:#} {:#}", report["growth"], report["leaks"]);
    ensure!(leaks.len() >= expected.leaks.len(), "{}", told());
    for (leak, (name, each)) in leaks.iter().zip(expected.leaks) {
        ensure!(leak["name"] == *name && leak["verdict"] == "leak", "{}", told());
        let count = leak["rate"]["count_per_hour"].as_f64().with_context(told)?;
        ensure!(is_about(&leak["rate"]["bytes_per_hour"]["est"], count * each), "rate: {}", told());
        let count = leak["now"]["count"].as_f64().with_context(told)?;
        ensure!(is_about(&leak["now"]["bytes"], count * each), "now: {}", told());
        let made = leak["created_at"].as_array().into_iter().flatten();
        let mut frames = made.flat_map(|made| made["stack"].as_array().into_iter().flatten());
        ensure!(!frames.any(|frame| frame["function"] == expected.maker), "lines: {}", told());
    }
    for other in &leaks[expected.leaks.len()..] {
        let rate = &other["rate"]["bytes_per_hour"]["est"];
        ensure!(other["verdict"] != "leak" && *rate == 0.0, "{}", told());
    }
    let is_full = |leak: &Value| {
        texts(&leak["retained_by"]["path"]).iter().any(|step| step.contains(expected.full))
    };
    let mut leaking = leaks.iter().filter(|leak| leak["verdict"] == "leak");
    ensure!(!leaking.any(is_full), "{}", told());
    let shares: f64 = leaks.iter().filter_map(|leak| leak["explains"].as_f64()).sum();
    ensure!(shares <= 1.1, "{shares}: {}", told());
    Ok(())
}

/// So many at a time are enough for a machine: one test after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Rates, sizes and lines of leaks beside others.
#[test]
fn each_leak_has_its_own_bytes_and_lines() -> Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let beside: Vec<_> =
            BESIDE.iter().map(|expected| scope.spawn(|| is_told_beside(expected))).collect();
        all_right(beside)
    })
}

/// What was wrong with any of these.
fn all_right(threads: Vec<ScopedJoinHandle<'_, Result<()>>>) -> Result<()> {
    let ends = threads
        .into_iter()
        .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked"))));
    let wrong: Vec<String> = ends.filter_map(Result::err).map(|error| error.to_string()).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}

/// All at a time, or it would take a quarter of an hour.
#[test]
fn the_first_leak_is_the_right_one() -> Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let leaks: Vec<_> =
            LEAKS.iter().map(|expected| scope.spawn(|| is_told(expected))).collect();
        let filling: Vec<_> =
            FILLING.into_iter().map(|expected| scope.spawn(move || is_no_leak(expected))).collect();
        let others = vec![scope.spawn(is_lost), scope.spawn(is_retention)];
        let healthy: Vec<_> =
            HEALTHY.into_iter().map(|expected| scope.spawn(move || is_healthy(expected))).collect();
        all_right(leaks.into_iter().chain(filling).chain(others).chain(healthy).collect())
    })
}
