//! `leaks` on live processes: the leak is named, what is quiet is not, and nothing stays behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::{Ending, Process};
use leakspy_tests::tracer::binary;
use leakspy_tests::workload::Workload;
use leakspy_tests::{kernel, native, text};
use serde_json::Value;

/// A watch with a folder of its own for temporary files.
struct Watch {
    process: Process,
    temporary: tempfile::TempDir,
}

impl Watch {
    fn start(target: &Workload, flags: &[&str]) -> Result<Self> {
        Self::of(target.pid().into(), flags)
    }

    fn of(pid: u64, flags: &[&str]) -> Result<Self> {
        let temporary = tempfile::tempdir()?;
        let mut command = Command::new(binary()?);
        command.args(["leaks", "-p", &pid.to_string()]).args(flags);
        command.env("TMPDIR", temporary.path());
        let mut process = Process::start(format!("leakspy leaks {flags:?}"), &mut command)?;
        process.notice(|line| line.starts_with("recording"))?;
        Ok(Self { process, temporary })
    }

    /// Waits until it ends; no file is left.
    fn end(self) -> Result<Ending> {
        let ending = self.process.wait()?;
        let left = entries(self.temporary.path())?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(ending)
    }
}

fn target() -> Result<Workload> {
    Workload::python(&Interpreter::find("3.11")?, "leaking")
}

/// Everything below a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(entries(&path)?);
        }
        found.push(path);
    }
    Ok(found)
}

fn json(ending: &Ending) -> Result<Value> {
    serde_json::from_str(&ending.stdout.join("\n")).with_context(|| ending.to_string())
}

/// The first finding's stack has the line that keeps. A minute: verdicts need several periods.
#[test]
fn the_leaking_line_comes_first() -> Result<()> {
    let mut target = target()?;
    target.go()?;
    let ending = Watch::start(&target, &["-d", "60s", "-f", "json"])?.end()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let line = target.facts()?["line"].clone();
    let report = json(&ending)?;
    let first = &report["findings"][0];
    let stack = first["stack"].as_array().cloned().unwrap_or_default();
    let named = stack.iter().any(|frame| frame["function"] == "remember" && frame["line"] == line);
    ensure!(named, "the first finding is not the leak: {first:#}");
    let speed = first["slope_bytes_per_hour"]["est"].as_f64().context("a speed")?;
    let truth = 200.0 * 2_050.0 * 3_600.0;
    ensure!((0.5..2.0).contains(&(speed / truth)), "{speed} instead of {truth} bytes an hour");
    target.quit()
}

/// Blocks are lost while malloc retains more and more of what is freed: the leak comes first, and nothing but what malloc
/// retains stands beside it. That may be too little read for an entry in a minute on a busy machine.
#[test]
fn a_leak_beside_retention_comes_first() -> Result<()> {
    let mut target = Workload::python(&Interpreter::find("3.11")?, "retaining")?;
    target.go()?;
    let ending = Watch::start(&target, &["-d", "90s", "-f", "json"])?.end()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let (line, report) = (target.facts()?["line"].clone(), json(&ending)?);
    let leaks = report["leaks"].as_array().cloned().unwrap_or_default();
    let kinds: Vec<(&str, &str)> = leaks
        .iter()
        .filter_map(|leak| Some((leak["kind"].as_str()?, leak["verdict"].as_str()?)))
        .collect();
    let expected = [("blocks", "leak"), ("allocator", "allocator-retention")];
    let found = expected.get(..kinds.len()).is_some_and(|first| first == kinds);
    ensure!(found && !kinds.is_empty(), "{kinds:?}: {leaks:#?}");
    ensure!(leaks[0]["confidence"] != "suspect", "{:#}", leaks[0]);
    let stack = leaks[0]["created_at"][0]["stack"].as_array().cloned().unwrap_or_default();
    ensure!(stack.iter().any(|frame| frame["line"] == line), "{:#}", leaks[0]);
    target.quit()
}

/// Mapped by system calls that no probe in the process sees, a quarter of a megabyte at a time: the line that
/// does it comes first, in a watch that began without counting them.
#[test]
fn a_leak_by_system_calls_comes_first() -> Result<()> {
    let library = native::library("own_allocator")?;
    let mut target =
        Workload::python_with(&Interpreter::find("3.11")?, "own_allocator", |stage, command| {
            command.env("OWN_ALLOCATOR", stage.add(&library)?);
            Ok(())
        })?;
    target.command("leak")?;
    let ending = Watch::start(&target, &["-d", "60s", "-f", "json"])?.end()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let (line, report) = (target.facts()?["line"].clone(), json(&ending)?);
    let codes = report["capture"]["codes"].as_array().cloned().unwrap_or_default();
    ensure!(codes.iter().any(|code| code == "system-calls-seen"), "{codes:?}");
    let first = &report["findings"][0];
    let stack = first["stack"].as_array().cloned().unwrap_or_default();
    let named =
        stack.iter().any(|frame| frame["function"] == "map_and_touch" && frame["line"] == line);
    ensure!(named && first["verdict"] == "leak", "the first finding is not the leak: {first:#}");
    let speed = first["slope_bytes_per_hour"]["est"].as_f64().context("a speed")?;
    let truth = 2.5 * 1_048_576.0 * 3_600.0;
    ensure!((0.6..1.5).contains(&(speed / truth)), "{speed} instead of {truth} bytes an hour");
    target.quit()
}

/// A watch in which some do not run for a while, long enough for several periods besides: the line that leaks still comes first, at
/// about its rate, and the halt is told.
fn halted(who: impl Fn(u32, u32) -> Vec<u32>, code: &str) -> Result<()> {
    let mut target = target()?;
    target.go()?;
    let watch = Watch::start(&target, &["-d", "95s", "-f", "json"])?;
    let halted = who(watch.process.pid(), target.pid());
    // The machine goes on: this is the halt, not a wait for something.
    let pass = |seconds| std::thread::sleep(std::time::Duration::from_secs(seconds));
    pass(11);
    halted.iter().try_for_each(|pid| kernel::signal(*pid, libc::SIGSTOP))?;
    halted.iter().try_for_each(|pid| kernel::await_stopped(*pid))?;
    pass(13);
    halted.iter().rev().try_for_each(|pid| kernel::signal(*pid, libc::SIGCONT))?;
    let ending = watch.end()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let report = json(&ending)?;
    let codes = report["capture"]["codes"].as_array().cloned().unwrap_or_default();
    ensure!(codes.iter().any(|known| known == code), "{code} is not among {codes:?}");
    let first = &report["findings"][0];
    let stack = first["stack"].as_array().cloned().unwrap_or_default();
    ensure!(stack.iter().any(|frame| frame["function"] == "remember"), "{first:#}");
    // Where the target ran for three quarters of a minute only, chance may explain it.
    let short = code == "target-stood-still" && first["verdict"] == "undetermined";
    ensure!(short || first["verdict"] == "leak", "{first:#}");
    let speed = first["slope_bytes_per_hour"]["est"].as_f64().context("a speed")?;
    let truth = 200.0 * 2_050.0 * 3_600.0;
    ensure!((0.6..1.5).contains(&(speed / truth)), "{speed} instead of {truth} bytes an hour");
    target.quit()
}

/// Three watches at a time, or it would take three minutes.
#[test]
fn a_halt_changes_no_verdict() -> Result<()> {
    std::thread::scope(|scope| {
        let halts = [
            scope.spawn(|| halted(|leakspy, _| vec![leakspy], "not-watched")),
            scope.spawn(|| halted(|_, target| vec![target], "target-stood-still")),
            scope.spawn(|| halted(|leakspy, target| vec![leakspy, target], "target-stood-still")),
        ];
        halts.into_iter().try_for_each(|halt| halt.join().expect("no panic"))
    })
}

/// Caches of bounded size, and blocks that come and go, are no leaks, and nothing fails.
#[test]
fn what_is_quiet_is_not_accused() -> Result<()> {
    let mut target = target()?;
    target.command("go quiet")?;
    let flags = ["-d", "60s", "-f", "json", "--fail-on", "likely"];
    let ending = Watch::start(&target, &flags)?.end()?;
    ensure!(ending.code() == Some(0), "accused: {ending}");
    let report = json(&ending)?;
    let sure =
        |finding: &&Value| finding["verdict"] == "leak" && finding["confidence"] != "suspect";
    let accused = report["findings"].as_array().and_then(|all| all.iter().find(sure).cloned());
    ensure!(accused.is_none(), "accused: {accused:#?}");
    target.quit()
}

/// A worker that changes the reference counts of what its parent made gets copies of those pages. That is told, in megabytes,
/// and accuses nobody; of one that looks at nothing, nothing is told.
fn a_worker_that_unshares(interpreter: &Interpreter) -> Result<()> {
    let mut parent = Workload::python(interpreter, "unshared")?;
    parent.command("fork")?;
    let worker = parent.facts()?["worker"].as_u64().context("a worker")?;
    let mut watched = |walks: bool| -> Result<Value> {
        let watch = Watch::of(worker, &["-d", "10s", "-f", "json"])?;
        if walks {
            parent.command("walk")?;
        }
        let report = json(&watch.end()?)?;
        let findings = report["findings"].as_array().into_iter().flatten();
        let accused: Vec<_> = findings.filter(|finding| finding["verdict"] == "leak").collect();
        ensure!(accused.is_empty() && report["growth"]["verdict"] != "leak", "{report:#}");
        Ok(report["capture"].clone())
    };
    let told = |capture: &Value| {
        let codes = capture["codes"].as_array().into_iter().flatten();
        codes.clone().any(|code| code == "pages-unshared")
    };
    let idle = watched(false)?;
    ensure!(!told(&idle), "told of an idle worker: {idle}");
    let walked = watched(true)?;
    ensure!(told(&walked), "{walked}");
    let notes = walked["notes"].to_string();
    let mib = notes.split("wrote to ").nth(1).and_then(|rest| rest.split(' ').next());
    let mib: f64 = mib.and_then(|mib| mib.parse().ok()).with_context(|| notes.clone())?;
    ensure!((90.0..250.0).contains(&mib), "{notes}");
    parent.quit()
}

mod a_worker_that_unshares {
    leakspy_tests::on_rows!(a_worker_that_unshares: cpython_3_8 = "3.8", cpython_3_13 = "3.13");
}

/// Ctrl-C ends the watch early, and the page is printed.
#[test]
fn an_early_end_has_a_page() -> Result<()> {
    let mut target = target()?;
    target.go()?;
    let watch = Watch::start(&target, &[])?;
    kernel::signal(watch.process.pid(), libc::SIGINT)?;
    let ending = watch.end()?;
    ensure!(ending.code() == Some(0), "{ending}");
    ensure!(ending.stdout.iter().any(|line| line.starts_with("With -v: ")), "{ending}");
    target.quit()
}

/// A target that goes away: its report, a sentence, status 4.
#[test]
fn a_target_that_vanishes_is_judged() -> Result<()> {
    let mut target = target()?;
    target.go()?;
    let watch = Watch::start(&target, &["-f", "json"])?;
    target.kill()?;
    let ending = watch.end()?;
    ensure!(ending.code() == Some(4), "{ending}");
    ensure!(json(&ending)?["growth"]["verdict"].is_string(), "{ending}");
    let said =
        ending.stderr.iter().any(|line| line.contains("the target exited; the verdict is on"));
    ensure!(said, "{ending}");
    Ok(())
}

/// A watch that nobody asked to save has no file that it writes to, and so none that a full disk
/// could end or that could be left behind; killed, it leaves no probe.
#[test]
fn a_watch_writes_no_file() -> Result<()> {
    let mut target = target()?;
    target.go()?;
    let Watch { mut process, temporary } = Watch::start(&target, &[])?;
    process.notice(|line| line.contains(" live, "))?;
    let written = written_files(process.pid())?;
    process.kill()?;
    text::await_clean(target.pid())?;
    ensure!(written.is_empty(), "writes to {written:?}");
    let left = entries(temporary.path())?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    let folder = tempfile::tempdir()?;
    let saved = folder.path().join("saved.leakspy").display().to_string();
    let Watch { mut process, .. } = Watch::start(&target, &["--save", &saved])?;
    process.notice(|line| line.contains(" live, "))?;
    let written = written_files(process.pid())?;
    process.kill()?;
    ensure!(!written.is_empty(), "no file even with --save: this test could not fail");
    target.quit()
}

/// Regular files that a process has open for writing.
fn written_files(pid: u32) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let entry = entry?;
        let Ok(about) = std::fs::metadata(entry.path()) else { continue };
        let number = entry.file_name().to_string_lossy().into_owned();
        let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}"))?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).context("flags")?;
        let mode = i32::from_str_radix(flags.trim(), 8)? & libc::O_ACCMODE;
        if about.is_file() && mode != libc::O_RDONLY {
            written.push(std::fs::read_link(entry.path())?);
        }
    }
    Ok(written)
}

/// A recording that is kept is judged like the watch itself.
#[test]
fn a_kept_recording_says_the_same() -> Result<()> {
    let mut target = target()?;
    target.go()?;
    let folder = tempfile::tempdir()?;
    let kept = folder.path().join("kept.leakspy").display().to_string();
    let live = Watch::start(&target, &["-d", "3s", "-f", "json", "--save", &kept])?.end()?;
    ensure!(live.stderr.iter().any(|line| line.contains(&kept)), "{live}");
    let again = leakspy_tests::tracer::run(&["leaks", &kept, "-f", "json"])?;
    ensure!(json(&live)? == json(&again)?, "{live}\n{again}");
    target.quit()
}
