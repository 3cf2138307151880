//! Every allocating and releasing function of every allocator that people preload.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::native;
use leakspy_tests::report::Report;
use leakspy_tests::tracer::{self, Recording, recorded};
use leakspy_tests::verdict::{Amount, agrees, through};
use leakspy_tests::workload::{Truth, Workload};
use serde_json::Value;

const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";

/// What a C case says must be alive because of it.
fn amounts_agree(truth: &Value, report: &Report) -> Result<()> {
    let cases = truth["expect"].as_array().context("cases")?;
    ensure!(cases.len() > 20, "only {} cases", cases.len());
    for case in cases {
        let function = case["function"].as_str().context("name of a case")?;
        let right = Amount {
            count: case["count"].as_u64().context("count")?,
            bytes: case["bytes"].as_u64().context("bytes")?,
        };
        let sites = through(report, function);
        let live = Amount::live(sites.iter().copied());
        let shown: Vec<String> = sites.iter().map(|site| site.describe()).collect();
        ensure!(
            live == right,
            "{function}: expected {right:?}, found {live:?}\n{}",
            shown.join("\n")
        );
    }
    Ok(())
}

/// glibc: amounts by case, and the counters that must have exactly one value.
#[test]
fn glibc() -> Result<()> {
    let mut target = Workload::native(&native::program("allocators")?, &[])?;
    let (report, truth) = recorded(target.pid(), &[], || {
        target.go()?;
        target.raw_truth()
    })?;
    target.quit()?;
    report.lost_nothing_but(&[])?;
    report.balances()?;
    amounts_agree(&truth, &report)?;
    ensure!(truth["facts"]["in_place"].as_u64() > Some(0), "no realloc stayed in place");
    ensure!(truth["facts"]["moved"].as_u64() > Some(0), "no realloc moved");
    let counters = truth["counters"].as_object().context("counters")?;
    for (name, right) in counters {
        let found = report.losses.0.get(name).copied();
        ensure!(found == right.as_u64(), "{name}: expected {right}, found {found:?}");
    }
    Ok(())
}

/// A process without an interpreter is traced, and says so.
#[test]
fn without_python() -> Result<()> {
    let mut target = Workload::native(&native::program("allocators")?, &[])?;
    let (report, _) = recorded(target.pid(), &[], || target.go())?;
    target.quit()?;
    ensure!(report.target["python"].is_null(), "{:?}", report.target);
    ensure!(
        report.sites.iter().all(|site| site.python().is_empty()),
        "Python frames without Python"
    );
    Ok(())
}

#[test]
fn jemalloc() -> Result<()> {
    preloaded("libjemalloc.so.2")
}

#[test]
fn tcmalloc() -> Result<()> {
    preloaded("libtcmalloc_minimal.so.4")
}

#[test]
fn mimalloc() -> Result<()> {
    preloaded("libmimalloc.so.2.0")
}

/// The library that really serves the process is traced, and only once: the C cases and a Python
/// workload find what they expect.
fn preloaded(library: &str) -> Result<()> {
    let path = format!("{LIBRARIES}/{library}");
    if !std::path::Path::new(&path).exists() {
        bail!("no {path}: `cargo xtask setup --pythons` installs what the tests need");
    }
    let mut command = Command::new(native::program("allocators")?);
    command.env("LD_PRELOAD", &path);
    let mut target = Workload::begin(format!("allocators with {library}"), &mut command, None)?;
    let (report, truth) = recorded(target.pid(), &[], || {
        target.go()?;
        target.raw_truth()
    })?;
    target.quit()?;
    report.lost_nothing_but(&[])?;
    report.balances()?;
    amounts_agree(&truth, &report).with_context(|| library.to_owned())?;
    let unused =
        report.sites.iter().filter(|site| site.live_count > 0 && site.allocator == "malloc");
    ensure!(unused.count() > 0, "{library}: no malloc site");
    python_with(&path)
}

/// Records a workload's one `go`; nothing is lost, and the ledger balances.
fn record(mut target: Workload) -> Result<(Report, Truth)> {
    let (report, truth) = recorded(target.pid(), &[], || {
        target.go()?;
        target.truth()
    })?;
    target.quit()?;
    report.lost_nothing_but(&[])?;
    report.balances()?;
    Ok((report, truth))
}

fn python_with(library: &str) -> Result<()> {
    let interpreter = Interpreter::find("3.11")?;
    let target = Workload::python_with(&interpreter, "frees", |_, command| {
        command.env("LD_PRELOAD", library);
        Ok(())
    })?;
    let (report, truth) = record(target)?;
    ensure!(
        report.counter(Counter::FreeUnknown)? >= truth.number("freed_before")?,
        "older frees unseen"
    );
    agrees(&truth, &report)
}

/// Python's own choice of allocator changes which blocks there are, not whether they are right.
#[test]
fn pythonmalloc() -> Result<()> {
    for choice in ["malloc", "pymalloc_debug", "malloc_debug"] {
        let interpreter = Interpreter::find("3.11")?;
        let target = Workload::python_with(&interpreter, "extension", |_, command| {
            command.env("PYTHONMALLOC", choice);
            Ok(())
        })?;
        let (report, truth) = record(target)?;
        agrees(&truth, &report).with_context(|| format!("PYTHONMALLOC={choice}"))?;
    }
    Ok(())
}

/// CPython's own mimalloc is not traced by its names; who takes objects from it is told, and nothing
/// is counted twice or accused.
fn on_mimalloc(interpreter: &Interpreter) -> Result<()> {
    let target = Workload::python_with(interpreter, "extension", |_, command| {
        command.env("PYTHONMALLOC", "mimalloc");
        Ok(())
    })?;
    let doctor = tracer::run(&["doctor", "-p", &target.pid().to_string()])?;
    let said = doctor.stdout.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    ensure!(said.contains("takes its objects from mimalloc"), "{doctor}");
    let mut target = target;
    let (report, _) = recorded(target.pid(), &[], || target.go())?;
    target.quit()?;
    report.says("python-allocator")?;
    let traced = report.sites.iter().find(|site| site.allocator.contains("mi_"));
    ensure!(traced.is_none(), "{traced:?}");
    report.balances()
}

mod on_mimalloc {
    leakspy_tests::on_rows!(on_mimalloc: cpython_3_13 = "3.13", cpython_3_14 = "3.14");
}

/// Blocks of a library's own allocator that end unseen overlap: it is no longer believed, and the line
/// that makes them is not accused. What it maps is then its growth, without a line.
#[test]
fn unseen_frees_are_noticed() -> Result<()> {
    let library = native::library("unseen_free")?;
    let interpreter = Interpreter::find("3.11")?;
    let mut target = Workload::python_with(&interpreter, "unseen_free", |stage, command| {
        command.env("OWN_ALLOCATOR", stage.add(&library)?);
        Ok(())
    })?;
    target.go()?;
    let pid = target.pid().to_string();
    let ending = tracer::run(&["leaks", "-p", &pid, "-d", "45s", "-f", "json"])?;
    target.quit()?;
    let report: Value = serde_json::from_str(&ending.stdout.join("\n"))?;
    let codes = report["capture"]["codes"].to_string();
    for code in ["allocator-traced", "allocator-not-believed"] {
        ensure!(codes.contains(code), "no {code}: {codes}");
    }
    let findings = report["findings"].as_array().context("findings")?;
    let accused =
        findings.iter().find(|finding| finding["stack"].to_string().contains("turn_over"));
    ensure!(accused.is_none(), "accused: {accused:#?}");
    let first = findings.first().context("no growth")?;
    ensure!(first["evidence"]["allocator"][0] == "mimalloc", "not first: {first:#}");
    ensure!(first["verdict"] == "leak" || first["verdict"] == "undetermined", "{first:#}");
    Ok(())
}

/// An allocator that a library has for itself: its blocks belong to the lines that made them, and
/// what it maps for them is counted once. What the library maps by system calls is seen, too, once it was
/// noticed that memory grows without calls; what was mapped before is not.
fn in_a_library(interpreter: &Interpreter) -> Result<()> {
    let library = native::library("own_allocator")?;
    let mut target = Workload::python_with(interpreter, "own_allocator", |stage, command| {
        command.env("OWN_ALLOCATOR", stage.add(&library)?);
        Ok(())
    })?;
    let mut recording = Recording::start(target.pid(), &[])?;
    target.command("grow")?;
    recording.await_system_calls()?;
    target.go()?;
    let (report, truth) = (recording.stop()?.report()?, target.truth()?);
    target.quit()?;
    report.lost_nothing_but(&[])?;
    report.balances()?;
    agrees(&truth, &report)?;
    for code in ["allocator-traced", "allocator-mapped", "system-calls-seen"] {
        report.says(code)?;
    }
    let chunks = Amount::live(through(&report, "sn_rust_alloc"));
    ensure!(chunks == Amount { count: 10, bytes: 10 << 20 }, "chunks: {chunks:?}");
    let twice = through(&report, "mi_malloc");
    ensure!(twice.is_empty(), "counted twice: {}", twice[0].describe());
    let left_over = report.sites.iter().filter(|site| site.live_count > 0);
    let raw = left_over.filter(|site| site.goes_through("map_raw"));
    ensure!(
        Amount::live(raw) == Amount { count: 61, bytes: 20 * ((7 << 20) + 40960) + 36864 },
        "not what was mapped"
    );
    Ok(())
}

mod in_a_library {
    leakspy_tests::on_rows!(in_a_library: cpython_3_8 = "3.8", cpython_3_13 = "3.13");
}
