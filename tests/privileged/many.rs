//! Several targets in one leakspy: each is recorded as if it were alone, and what happens to one is
//! its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::{Ending, Process};
use leakspy_tests::report::Counters;
use leakspy_tests::tracer::{SYSTEM_CALLS, binary, report};
use leakspy_tests::verdict::agrees;
use leakspy_tests::workload::Workload;
use leakspy_tests::{kernel, native, text};
use serde_json::Value;

/// A command on several processes, all of them attached.
fn start(command: &str, pids: &[u32], flags: &[&str]) -> Result<Process> {
    let mut leakspy = Command::new(binary()?);
    leakspy.arg(command);
    for pid in pids {
        leakspy.args(["-p", &pid.to_string()]);
    }
    leakspy.arg("--exact");
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

/// Four workers of a preforking server, of which three leak: one finding, in these three. Their
/// parent, which is watched too, is none of them.
#[test]
fn workers_of_one_server() -> Result<()> {
    let mut server = Workload::python(&Interpreter::find("3.11")?, "prefork")?;
    let (pids, line) = workers(&mut server, 4)?;
    let watched: Vec<u32> = std::iter::once(server.pid()).chain(pids.clone()).collect();
    let ending = start("leaks", &watched, &["-d", "60s", "-f", "json"])?.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let report = json(&ending)?;
    let groups = report["groups"].as_array().context("groups")?;
    let together: Vec<&Value> = groups.iter().map(|group| &group["pids"]).collect();
    ensure!(
        together == [&serde_json::json!([server.pid()]), &serde_json::json!(pids)],
        "{groups:#?}"
    );
    let first = &groups[1]["findings"][0];
    ensure!(first["workers"] == 3 && first["of"] == 4, "{first:#}");
    let named: Vec<&Value> = first["in"].as_array().into_iter().flatten().collect();
    for pid in &pids {
        let here = named.iter().find(|one| one["pid"] == *pid);
        ensure!(here.is_some() == (*pid != pids[0]), "{pid}: {first:#}");
        let Some(here) = here else { continue };
        let findings = of_pid(&report, *pid)?["findings"].as_array().context("findings")?;
        let finding = findings.iter().find(|finding| finding["id"] == here["id"]);
        ensure!(is_the_leak(finding.context("a finding")?, &line), "{pid}: {here:#}");
    }
    server.quit()
}

/// The workers of a preforking server, by pid.
fn workers(server: &mut Workload, number: u32) -> Result<(Vec<u32>, Value)> {
    server.command(&format!("go {number}"))?;
    let facts = server.facts()?;
    let workers = facts["workers"].as_array().context("workers")?;
    let pid = |pid: &Value| Ok(u32::try_from(pid.as_u64().context("a pid")?)?);
    Ok((workers.iter().map(pid).collect::<Result<_>>()?, facts["line"].clone()))
}

/// Killed at work on four workers of one server, which share their pages with it: no probe stays in
/// any of them, nor in the server.
#[test]
fn killed_it_leaves_nothing_in_any_worker() -> Result<()> {
    let mut server = Workload::python(&Interpreter::find("3.11")?, "prefork")?;
    let (pids, _) = workers(&mut server, 4)?;
    let leakspy = start("leaks", &pids, &[])?;
    for pid in &pids {
        ensure!(!text::differences(*pid)?.is_empty(), "no probe in {pid}: this could not fail");
    }
    leakspy.kill()?;
    for pid in pids.iter().chain([&server.pid()]) {
        text::await_clean(*pid)?;
        kernel::await_no_links(*pid)?;
    }
    server.quit()
}

/// First words come after a minute, a line for the leak with its workers. Then one worker dies: the
/// others are counted on, and the report on one page for the browser has all four.
#[test]
fn first_words_and_the_death_of_a_worker() -> Result<()> {
    let mut server = Workload::python(&Interpreter::find("3.11")?, "prefork")?;
    let (pids, line) = workers(&mut server, 4)?;
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("page.html").display().to_string();
    let mut leakspy = start("leaks", &pids, &["-o", &page])?;
    let words = format!("remember (prefork.py:{line}) in 3 of 4 workers of ");
    let listed = pids[1..].iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    leakspy.notice(|said| {
        said.starts_with("After 1 min: ") && said.contains(&words) && said.contains(&listed)
    })?;
    kernel::signal(pids[3], libc::SIGKILL)?;
    leakspy.notice(|said| said.contains(&pids[3].to_string()) && said.contains("exited"))?;
    for pid in &pids[..3] {
        leakspy.notice(|said| said.starts_with(&format!("{pid} ")) && said.contains(" live, "))?;
        ensure!(!text::differences(*pid)?.is_empty(), "no probe in {pid} any more");
    }
    kernel::signal(leakspy.pid(), libc::SIGINT)?;
    let ending = leakspy.wait()?;
    ensure!(ending.code() == Some(4), "{ending}");
    let html = std::fs::read_to_string(&page)?;
    ensure!(html.contains("in 3 of 4 workers"), "{ending}");
    for pid in &pids {
        ensure!(html.contains(&format!("(pid {pid}): ")), "no {pid} on the page");
    }
    for pid in &pids[..3] {
        text::await_clean(*pid)?;
    }
    server.quit()
}

/// Of a server that leaves the work to workers: they are named, and how to watch them, too.
#[test]
fn workers_that_are_not_watched_are_named() -> Result<()> {
    let mut server = Workload::python(&Interpreter::find("3.11")?, "prefork")?;
    let (pids, _) = workers(&mut server, 2)?;
    let ending = start("leaks", &[server.pid()], &["-d", "1s"])?.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let words = format!("has 2 Python workers: {}, {};", pids[0], pids[1]);
    let add = format!("add -p {} -p {}", pids[0], pids[1]);
    let said = ending.stderr.iter().any(|line| line.contains(&words) && line.ends_with(&add));
    ensure!(said, "{ending}");
    let ending = start("leaks", &pids[..1], &["-d", "1s"])?.wait()?;
    ensure!(!ending.stderr.iter().any(|line| line.contains("Python worker")), "{ending}");
    server.quit()
}

/// A census of two processes counts the objects of each, by itself.
#[test]
fn a_census_counts_each() -> Result<()> {
    let mut targets = Vec::new();
    for (version, number) in [("3.9", 137), ("3.13", 42)] {
        let mut target = Workload::python(&Interpreter::find(version)?, "heap")?;
        target.go()?;
        target.command(&format!("grow {number}"))?;
        targets.push((target, number));
    }
    let mut command = Command::new(binary()?);
    command.args(["census", "-j", "--pause"]);
    for (target, _) in &targets {
        command.args(["-p", &target.pid().to_string()]);
    }
    let ending = Process::start("leakspy census of two", &mut command)?.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let report = json(&ending)?;
    ensure!(report["groups"].as_array().map(Vec::len) == Some(2), "{:#}", report["groups"]);
    for (target, number) in targets {
        let types = of_pid(&report, target.pid())?["types"].as_array().context("types")?;
        let row = types.iter().find(|row| row["name"] == "__main__.Growing").context("the type")?;
        ensure!(row["count"] == number, "{}: {row}", target.pid());
        target.quit()?;
    }
    Ok(())
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
    let listed = |text: &str| refused.stderr.iter().any(|line| line.contains(text));
    ensure!(listed("PID") && listed("PARENT") && listed("--all"), "{refused}");
    for target in &targets {
        let row = |line: &&String| line.starts_with(&target.pid().to_string());
        let row = refused.stderr.iter().find(row).with_context(|| refused.to_string())?;
        let told = ["3.11.", "MiB", "sites.py"].iter().all(|word| row.contains(word));
        ensure!(told && row.contains(&std::process::id().to_string()), "{row}");
    }
    let ending = run(&["--all"])?;
    ensure!(ending.code() == Some(0), "{ending}");
    for target in targets {
        report(&folder.path().join(format!("all.{}.leakspy", target.pid())))?;
        target.quit()?;
    }
    Ok(())
}

/// The most that a leakspy and its guard had resident, and its maps, bytes; until it ends.
fn peak_memory(pid: u32) -> Result<(u64, u64)> {
    let family = [kernel::children(pid)?, vec![pid]].concat();
    let mut peak = (0, 0);
    loop {
        let resident: Result<Vec<u64>> =
            family.iter().map(|pid| kernel::peak_resident(*pid)).collect();
        let (Ok(resident), Ok(maps)) = (resident, kernel::maps_of(pid)) else { return Ok(peak) };
        peak = (peak.0.max(resident.iter().sum()), peak.1.max(maps.values().sum()));
        // How often it is read, not a wait for something.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Fifty with 20,000 live blocks each: none is lost, and leakspy and its tables stay small.
#[test]
fn fifty_fit_into_memory() -> Result<()> {
    const MOST: u64 = 400 << 20;
    let interpreter = Interpreter::find("3.11")?;
    let mut targets =
        (0..50).map(|_| Workload::python(&interpreter, "blocks")).collect::<Result<Vec<_>>>()?;
    let pids: Vec<u32> = targets.iter().map(Workload::pid).collect();
    let leakspy = start("leaks", &pids, &["-d", "20s", "-f", "json"])?;
    targets.iter_mut().try_for_each(|target| target.command("go 20000").map(|_| ()))?;
    let own = leakspy.pid();
    let measured = std::thread::spawn(move || peak_memory(own));
    let ending = leakspy.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let report = json(&ending)?;
    for pid in pids {
        let counters = &of_pid(&report, pid)?["losses"];
        let counters: Counters = serde_json::from_value(counters.clone())?;
        counters.lost_nothing_but(&[]).with_context(|| pid.to_string())?;
    }
    let (resident, maps) = measured.join().expect("no panic")?;
    println!("{} MiB resident, {} MiB of maps", resident >> 20, maps >> 20);
    ensure!(resident > 0 && maps > 0 && resident + maps < MOST, "{resident} + {maps} bytes");
    targets.into_iter().try_for_each(Workload::quit)
}

/// The kernel's own tracepoints, which everybody on the machine pays for, have programs while a target needs
/// them, and no longer: of three, two map by system calls, and end one after the other.
#[test]
fn system_calls_are_counted_while_a_target_needs_it() -> Result<()> {
    let (interpreter, library) = (Interpreter::find("3.11")?, native::library("own_allocator")?);
    let maps = || {
        Workload::python_with(&interpreter, "own_allocator", |stage, command| {
            command.env("OWN_ALLOCATOR", stage.add(&library)?);
            Ok(())
        })
    };
    let mut targets = [maps()?, maps()?, maps()?];
    let pids = targets.each_ref().map(Workload::pid);
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(format!("out{name}.leakspy"));
    let flags = ["-o", &file("").display().to_string(), "--tick", "100ms"];
    let mut leakspy = start("record", &pids, &flags)?;
    let tracer = leakspy.pid();
    let counting = || kernel::tracepoints_of(tracer);
    let both = ["mmap_lock_start_locking", "vm_unmapped_area"];
    ensure!(counting()?.is_empty(), "counted before anybody needs it");
    for target in &mut targets[..2] {
        target.command("grow")?;
        leakspy.notice(|line| line.contains(SYSTEM_CALLS))?;
        ensure!(counting()? == both, "{:?}", counting()?);
    }
    targets.iter_mut().try_for_each(|target| target.go().map(drop))?;
    let mut ends = |pid: u32| -> Result<()> {
        kernel::signal(pid, libc::SIGKILL)?;
        let pid = pid.to_string();
        leakspy.notice(|line| line.contains(&pid) && line.contains("exited")).map(drop)
    };
    ends(pids[0])?;
    ensure!(counting()? == both, "the other needs it: {:?}", counting()?);
    ends(pids[1])?;
    kernel::await_no_tracepoints(tracer)?;
    kernel::signal(tracer, libc::SIGINT)?;
    ensure!(leakspy.wait()?.code() == Some(4), "two have ended");
    for (number, pid) in pids.into_iter().enumerate() {
        let report = report(&file(&format!(".{pid}")))?;
        report.balances()?;
        let raw = report.sites.iter().filter(|site| site.goes_through("map_raw"));
        let (needed, raw) = (number < 2, raw.filter(|site| site.live_count > 0).count());
        ensure!(
            report.says("system-calls-seen").is_ok() == needed && (raw > 0) == needed,
            "{pid}: {raw}"
        );
    }
    let [_, _, third] = targets;
    third.quit()
}
