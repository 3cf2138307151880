//! Several targets in one leakspy: each is recorded as if it were alone, and what happens to one is
//! its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::{Ending, Process};
use leakspy_tests::tracer::{binary, report};
use leakspy_tests::verdict::agrees;
use leakspy_tests::workload::Workload;
use leakspy_tests::{kernel, text};
use serde_json::Value;

/// A command on several processes, all of them attached.
fn start(command: &str, pids: &[u32], flags: &[&str]) -> Result<Process> {
    let mut leakspy = Command::new(binary()?);
    leakspy.arg(command);
    for pid in pids {
        leakspy.args(["-p", &pid.to_string()]);
    }
    let mut process = Process::start(format!("leakspy {command} {pids:?}"), leakspy.args(flags))?;
    for _ in pids {
        process.notice(|line| line.starts_with("recording"))?;
    }
    Ok(process)
}

fn json(ending: &Ending) -> Result<Value> {
    serde_json::from_str(&ending.stdout.join("\n")).with_context(|| ending.to_string())
}

/// Whether a finding's stack has the line that leaks.
fn is_the_leak(finding: &Value, line: &Value) -> bool {
    let stack = finding["stack"].as_array();
    let mut frames = stack.into_iter().flatten();
    frames.any(|frame| frame["function"] == "remember" && frame["line"] == *line)
}

fn of_pid(report: &Value, pid: u32) -> Result<&Value> {
    let mut targets = report["targets"].as_array().into_iter().flatten();
    targets.find(|target| target["target"]["pid"] == pid).with_context(|| format!("no {pid}"))
}

/// Three interpreters, one of them quiet: the right finding for each. A minute: verdicts need
/// several periods.
#[test]
fn three_interpreters() -> Result<()> {
    let mut targets = ["3.8", "3.11", "3.13"]
        .map(|version| Workload::python(&Interpreter::find(version)?, "leaking"))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    for (target, how) in targets.iter_mut().zip(["go", "go quiet", "go"]) {
        target.command(how)?;
    }
    let pids: Vec<u32> = targets.iter().map(Workload::pid).collect();
    let flags = ["-d", "60s", "-f", "json", "--fail-on", "suspect"];
    let ending = start("leaks", &pids, &flags)?.wait()?;
    ensure!(ending.code() == Some(3), "{ending}");
    let report = json(&ending)?;
    ensure!(report["groups"].as_array().map(Vec::len) == Some(3), "{:#}", report["groups"]);
    for (number, target) in targets.iter_mut().enumerate() {
        let line = target.facts()?["line"].clone();
        let found = &of_pid(&report, target.pid())?["findings"];
        let first = &found[0];
        let leaks = first["verdict"] == "leak" && is_the_leak(first, &line);
        ensure!(leaks == (number != 1), "{}: {first:#}", target.pid());
        text::await_clean(target.pid())?;
    }
    targets.into_iter().try_for_each(Workload::quit)
}

/// Four workers of a preforking server, of which three leak: one finding, in these three.
#[test]
fn workers_of_one_server() -> Result<()> {
    let mut server = Workload::python(&Interpreter::find("3.11")?, "prefork")?;
    server.command("go 4")?;
    let facts = server.facts()?;
    let workers = facts["workers"].as_array().context("workers")?;
    let pids: Vec<u32> = workers
        .iter()
        .map(|pid| Ok(u32::try_from(pid.as_u64().context("a pid")?)?))
        .collect::<Result<_>>()?;
    let ending = start("leaks", &pids, &["-d", "60s", "-f", "json"])?.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let report = json(&ending)?;
    let groups = report["groups"].as_array().context("groups")?;
    ensure!(groups.len() == 1 && groups[0]["pids"] == facts["workers"], "{groups:#?}");
    let first = &groups[0]["findings"][0];
    ensure!(first["workers"] == 3 && first["of"] == 4, "{first:#}");
    let named: Vec<&Value> = first["in"].as_array().into_iter().flatten().collect();
    for pid in &pids {
        let here = named.iter().find(|one| one["pid"] == *pid);
        ensure!(here.is_some() == (*pid != pids[0]), "{pid}: {first:#}");
        let Some(here) = here else { continue };
        let findings = of_pid(&report, *pid)?["findings"].as_array().context("findings")?;
        let finding = findings.iter().find(|finding| finding["id"] == here["id"]);
        ensure!(is_the_leak(finding.context("a finding")?, &facts["line"]), "{pid}: {here:#}");
    }
    server.quit()
}

/// SIGKILL at work: no probe stays in any of them.
#[test]
fn killed_it_leaves_nothing_in_any() -> Result<()> {
    let mut targets = ["3.8", "3.11", "3.13"]
        .map(|version| Workload::python(&Interpreter::find(version)?, "leaking"))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    targets.iter_mut().try_for_each(|target| target.go().map(|_| ()))?;
    let pids: Vec<u32> = targets.iter().map(Workload::pid).collect();
    let leakspy = start("leaks", &pids, &[])?;
    for pid in &pids {
        ensure!(
            !text::differences(*pid)?.is_empty(),
            "no probe in {pid}: this test could not fail"
        );
    }
    leakspy.kill()?;
    for pid in &pids {
        text::await_clean(*pid)?;
        kernel::await_no_links(*pid)?;
    }
    targets.into_iter().try_for_each(Workload::quit)
}

/// One target dies and another is missing from the start: the third is recorded exactly, and each
/// has its own recording.
#[test]
fn what_happens_to_one_is_its_own() -> Result<()> {
    let interpreter = Interpreter::find("3.11")?;
    let mut well = Workload::python(&interpreter, "busy")?;
    let mut mortal = Workload::python(&interpreter, "dying")?;
    well.go()?;
    let folder = tempfile::tempdir()?;
    let base = folder.path().join("app.leakspy");
    let of = |pid: u32| -> PathBuf { folder.path().join(format!("app.{pid}.leakspy")) };
    let output = base.display().to_string();
    let pids = [well.pid(), mortal.pid()];
    let mut recording = start("record", &pids, &["-o", &output])?;
    mortal.go()?;
    mortal.kill()?;
    recording.notice(|line| line.contains("exited"))?;
    well.command("keep")?;
    kernel::signal(recording.pid(), libc::SIGINT)?;
    let ending = recording.wait()?;
    ensure!(ending.code() == Some(4), "{ending}");
    let exact = report(&of(well.pid()))?;
    exact.lost_nothing_but(&[])?;
    agrees(&well.truth()?, &exact)?;
    report(&of(pids[1]))?;
    text::await_clean(well.pid())?;
    well.command("stop")?;
    well.quit()
}

/// `--all` takes every process of a name, which alone is refused.
#[test]
fn a_name_can_mean_all() -> Result<()> {
    let interpreter = Interpreter::find("3.11")?;
    let targets =
        [Workload::python(&interpreter, "sites")?, Workload::python(&interpreter, "sites")?];
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("all.leakspy").display().to_string();
    let run = |flags: &[&str]| -> Result<Ending> {
        let mut command = Command::new(binary()?);
        command.args(["record", "-p", "sites.py", "-d", "1s", "-o", &output]).args(flags);
        Process::start("leakspy record --all", &mut command)?.wait()
    };
    let refused = run(&[])?;
    ensure!(refused.code() == Some(1), "{refused}");
    let ending = run(&["--all"])?;
    ensure!(ending.code() == Some(0), "{ending}");
    for target in targets {
        report(&folder.path().join(format!("all.{}.leakspy", target.pid())))?;
        target.quit()?;
    }
    Ok(())
}
