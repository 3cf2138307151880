//! What malloc retains, against what glibc says of itself: `mallinfo2`, `malloc_info`, and what `malloc_trim` gives
//! back. Two versions of glibc: the machine's, and that of Debian testing. What Python's own allocator retains, against
//! `sys._debugmallocstats`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::recording::Tables;
use leakspy_tests::tracer::{self, Finished, Recording};
use leakspy_tests::workload::Workload;
use serde_json::Value;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;

/// The last reading, column by column.
fn last(file: &Path, column: &str) -> Result<f64> {
    let sql = format!("SELECT CAST({column} AS REAL) FROM malloc ORDER BY id DESC LIMIT 1");
    Tables::open(file)?.number(&sql)
}

/// Anonymous resident memory of a process, bytes.
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).context("RssAnon")?;
    Ok(kib.parse::<f64>()? * KIB)
}

fn readings(file: &Path) -> Result<f64> {
    Tables::open(file)?.number("SELECT CAST(count(*) AS REAL) FROM malloc")
}

fn recorded(target: &mut Workload, threads: u32, blocks: u32) -> Result<Finished> {
    let recording = Recording::start(target.pid(), &["--census", "off"])?;
    target.command(&format!("go {threads} {blocks}"))?;
    recording.stop()
}

/// What is within so much of the truth, which other calls of the workload move a little.
fn close(what: &str, found: f64, truth: f64, slack: f64) -> Result<()> {
    ensure!((found - truth).abs() <= slack, "{what}: {found}, truly {truth}");
    Ok(())
}

fn readings_are_what_malloc_says(interpreter: &Interpreter) -> Result<()> {
    for (threads, blocks) in [(0, 0), (1, 20_000), (12, 3_000), (40, 1_000)] {
        let mut target = Workload::python(interpreter, "arenas")?;
        let finished = recorded(&mut target, threads, blocks)?;
        target.command("count")?;
        let before = resident(target.pid())?;
        target.command("trim")?;
        let trimmed = before - resident(target.pid())?;
        let truth = target.truth()?;
        let truth = |name: &str| Ok::<_, anyhow::Error>(truth.number(name)? as f64);
        let file = finished.file();
        let found = |column: &str| last(&file, column);
        close("arenas", found("arenas")?, truth("arenas")?, 0.0)?;
        close("unread", found("unread_bytes")?, 0.0, 0.0)?;
        close("of the system", found("system_bytes")?, truth("arena")?, 512.0 * KIB)?;
        let slack = 64.0 * KIB + 8.0 * KIB * f64::from(threads);
        let free = found("hole_bytes + top_bytes + cached_bytes")?;
        close("free", free, truth("fordblks")?, slack)?;
        close("in use", found("used_bytes")?, truth("uordblks")?, slack)?;
        close("fast bins", found("cached_bytes")?, truth("fsmblks")?, 16.0 * KIB)?;
        close("trimmed", found("trimmable_bytes")?, trimmed, 0.05 * trimmed + MIB)?;
        target.quit()?;
    }
    Ok(())
}

/// Of a rush of small objects one stays in each arena: what that retains is an entry, and no leak.
fn arenas_of_python_are_told(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "pools")?;
    target.go()?;
    let finished = Recording::start(target.pid(), &["--census", "off"])?.stop()?;
    target.command("count")?;
    let truth = target.truth()?;
    let truth = |name: &str| Ok::<_, anyhow::Error>(truth.number(name)? as f64);
    let tables = Tables::open(&finished.file())?;
    let found = |field: &str| {
        tables.number(&format!(
            "SELECT CAST(json_extract(text, '$.{field}') AS REAL) FROM note WHERE text LIKE '%arenas-half-empty%'"
        ))
    };
    close("arenas", found("arenas")?, truth("arenas")?, 1.0)?;
    close("in use", found("used_bytes")?, truth("used_bytes")?, 512.0 * KIB)?;
    close("empty pools", found("empty_bytes")?, truth("empty_bytes")?, MIB)?;
    let file = finished.file();
    let file = file.to_str().context("a path")?;
    let ending = tracer::run(&["leaks", file, "-f", "json"])?;
    let report: Value = serde_json::from_str(&ending.stdout.join("\n"))?;
    let leaks = report["leaks"].as_array().cloned().unwrap_or_default();
    let entry = leaks.first().context("an entry")?;
    ensure!(leaks.len() == 1 && entry["kind"] == "allocator", "{leaks:#?}");
    ensure!(entry["verdict"] == "allocator-retention", "{entry:#}");
    ensure!(entry["grounds"][0] == "arenas-retain", "{entry:#}");
    let text = tracer::run(&["leaks", file])?.stdout.join("\n");
    ensure!(text.contains("an arena back only when no object is left in it"), "{text}");
    ensure!(!text.contains("Python's arenas have"), "told twice: {text}");
    target.quit()
}

/// Of another allocator nothing is claimed.
#[test]
fn jemalloc_is_not_read() -> Result<()> {
    let interpreter = Interpreter::find("3.11")?;
    let library = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
    let mut target = Workload::python_with(&interpreter, "arenas", |_, command| {
        command.env("LD_PRELOAD", library);
        Ok(())
    })?;
    let finished = recorded(&mut target, 4, 1_000).context("a recording")?;
    close("readings", readings(&finished.file())?, 0.0, 0.0)?;
    finished.report()?.says("malloc-not-read")?;
    target.quit()
}

leakspy_tests::on_every_interpreter!(readings_are_what_malloc_says, arenas_of_python_are_told);
