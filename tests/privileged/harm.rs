//! No harm: the target never stops, crashes or keeps a probe, whatever happens to the tracer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::chance::{Chance, repetitions};
use leakspy_tests::interpreter::{Interpreter, WITH_PACKAGES};
use leakspy_tests::report::Report;
use leakspy_tests::tracer::{Recording, recorded};
use leakspy_tests::verdict::agrees;
use leakspy_tests::workload::{Truth, Workload};
use leakspy_tests::{forbidden, kernel, owner, text};

/// What is left behind by one of these tests must not be taken for another's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A breakpoint.
const INT3: u8 = 0xcc;

fn probed(pid: u32) -> Result<usize> {
    let differences = text::differences(pid)?;
    for difference in &differences {
        ensure!(
            difference.present == INT3,
            "code was changed, and not to a breakpoint: {difference:x?}"
        );
    }
    Ok(differences.len())
}

fn soak(script: &str, go: &str) -> Result<(Report, Truth)> {
    let _alone = alone();
    let mut log = kernel::Log::from_now()?;
    let mut target = Workload::python(&Interpreter::find(WITH_PACKAGES)?, script)?;
    let pid = target.pid();
    let (report, truth) = recorded(pid, &[], || {
        target.command(go)?;
        target.truth()
    })?;
    text::await_clean(pid)?;
    target.quit()?;
    log.is_quiet_about(pid)?;
    ensure!(
        truth.number("wrong")? == 0,
        "the target found its own data changed: {:?}",
        truth.facts
    );
    // Greenlets of one depth are told apart by their Python frames only; `accuracy` judges the
    // audit.
    report.lost_nothing_but(&[Counter::StacksMerged])?;
    agrees(&truth, &report)?;
    Ok((report, truth))
}

/// greenlet moves slices of the C stack: a return probe pending across a switch would kill the
/// target.
#[test]
fn greenlets() -> Result<()> {
    let switches = repetitions(400_000);
    let (_, truth) = soak("greenlets", &format!("go {switches}"))?;
    ensure!(truth.number("switches")? >= u64::from(switches), "{:?}", truth.facts);
    Ok(())
}

/// The control of the test above: what it guards against is really fatal here, and is seen.
#[test]
fn greenlets_notice_a_forbidden_probe() -> Result<()> {
    let _alone = alone();
    let mut target = Workload::python(&Interpreter::find(WITH_PACKAGES)?, "greenlets")?;
    target.command("evaluation")?;
    let facts = target.facts()?;
    let file = facts["evaluation_file"].as_str().context("file of the evaluation loop")?;
    let offset = facts["evaluation_offset"].as_u64().context("offset of the evaluation loop")?;
    let probe = forbidden::return_probe(target.pid(), file, offset)?;
    target.last_command("go 100000")?;
    let ending = target.wait()?;
    drop(probe);
    ensure!(ending.signal() == Some(libc::SIGILL), "expected SIGILL: {ending}");
    Ok(())
}

/// Sockets, a pool of real threads and children, under gevent.
#[test]
fn gevent_server() -> Result<()> {
    let rounds = repetitions(1000);
    let (_, truth) = soak("gevent_server", &format!("go {rounds}"))?;
    ensure!(truth.number("echoed")? == u64::from((rounds / 10).max(1)) * 100, "{:?}", truth.facts);
    Ok(())
}

/// Attaching changes code, detaching restores it; another process that maps the same files is never
/// touched.
#[test]
fn zero_collateral() -> Result<()> {
    let _alone = alone();
    let interpreter = Interpreter::find("3.11")?;
    let mut traced = Workload::python(&interpreter, "busy")?;
    let mut other = Workload::python(&interpreter, "busy")?;
    traced.go()?;
    other.go()?;
    ensure!(probed(traced.pid())? == 0, "code differs before anything was done");
    let recording = Recording::start(traced.pid(), &[])?;
    let breakpoints = probed(traced.pid())?;
    ensure!(
        breakpoints >= 10,
        "only {breakpoints} breakpoints in the target: this test could not fail"
    );
    let links = kernel::links_on(traced.pid())?;
    ensure!(!links.is_empty(), "no links seen on the target: the other tests could not fail");
    ensure!(probed(other.pid())? == 0, "breakpoints in a process that is not the target");
    ensure!(recording.stop()?.ending.code() == Some(0), "record failed");
    text::await_clean(traced.pid())?;
    finish_busy(traced)?;
    finish_busy(other)
}

fn finish_busy(mut target: Workload) -> Result<()> {
    target.command("stop")?;
    let truth = target.raw_truth()?;
    ensure!(truth["facts"]["workers_well"] == true, "a worker found its data changed: {truth}");
    ensure!(truth["facts"]["checked"].as_u64() > Some(0), "the workers did nothing: {truth}");
    target.quit()
}

/// Killed at any moment (while it attaches, while it records, while it ends), the tracer leaves no
/// trace in code, no link and no program, and the target goes on.
#[test]
fn killed_at_random_moments() -> Result<()> {
    let _alone = alone();
    let before = kernel::programs()?;
    let mut chance = Chance::new();
    let mut target = Workload::python(&Interpreter::find("3.11")?, "busy")?;
    let pid = target.pid();
    target.go()?;
    for round in 0..repetitions(200) {
        let mut recording = Recording::launch(pid, &[])?;
        match round % 4 {
            0 | 1 => chance.moment(Duration::from_millis(400)),
            2 => {
                recording.await_attached()?;
                chance.moment(Duration::from_millis(20));
            }
            _ => {
                recording.await_attached()?;
                kernel::signal(recording.pid(), libc::SIGINT)?;
                chance.moment(Duration::from_millis(150));
            }
        }
        recording.kill()?;
        text::await_clean(pid)?;
        kernel::await_no_links(pid)?;
    }
    owner::await_nothing_left(pid, &before)?;
    // It still can be traced, and exactly.
    let (report, ()) = recorded(pid, &[], || target.command("keep").map(|_| ()))?;
    agrees(&target.truth()?, &report)?;
    finish_busy(target)
}

/// Attached and detached again and again, nothing accumulates and the last time is as exact as the
/// first.
#[test]
fn churn() -> Result<()> {
    let _alone = alone();
    let before = kernel::programs()?;
    let mut target = Workload::python(&Interpreter::find("3.11")?, "busy")?;
    let pid = target.pid();
    target.go()?;
    for _ in 0..repetitions(30) {
        let finished = Recording::start(pid, &[])?.stop()?;
        ensure!(finished.ending.code() == Some(0), "{}", finished.ending);
        text::await_clean(pid)?;
    }
    owner::await_nothing_left(pid, &before)?;
    let (report, ()) = recorded(pid, &[], || target.command("keep").map(|_| ()))?;
    report.lost_nothing_but(&[])?;
    agrees(&target.truth()?, &report)?;
    finish_busy(target)
}

/// What another leakspy on this machine has loaded meanwhile is not left behind by us, and what we
/// still hold is.
#[test]
fn only_our_own_is_left_behind() -> Result<()> {
    let _alone = alone();
    let before = kernel::programs()?;
    let mut target = Workload::python(&Interpreter::find("3.11")?, "busy")?;
    let mut other = Workload::python(&Interpreter::find("3.11")?, "busy")?;
    target.go()?;
    other.go()?;
    let ours = Recording::start(target.pid(), &[])?;
    let another_s = Recording::start_as_another(other.pid())?;
    let left = owner::programs_left(&before)?;
    let loaded = kernel::programs()?.keys().filter(|id| !before.contains_key(id)).count();
    ensure!(!left.is_empty() && left.len() < loaded, "{left:?} of {loaded} are ours");
    ensure!(ours.stop()?.ending.code() == Some(0), "record failed");
    owner::await_nothing_left(target.pid(), &before)?;
    let still = kernel::programs()?.keys().any(|id| !before.contains_key(id));
    ensure!(still, "the other leakspy has no programs: this test could not fail");
    ensure!(another_s.stop()?.ending.code() == Some(0), "the other failed");
    finish_busy(target)?;
    finish_busy(other)
}

/// Two tracers at once: both are exact, and the one that ends first takes nothing from the other.
#[test]
fn two_tracers() -> Result<()> {
    let _alone = alone();
    let mut target = Workload::python(&Interpreter::find("3.11")?, "busy")?;
    let pid = target.pid();
    target.go()?;
    let first = Recording::start(pid, &[])?;
    let second = Recording::start(pid, &[])?;
    ensure!(first.stop()?.ending.code() == Some(0), "the first failed");
    target.command("keep")?;
    let report = second.stop()?.report()?;
    report.lost_nothing_but(&[])?;
    agrees(&target.truth()?, &report)?;
    text::await_clean(pid)?;
    finish_busy(target)
}

/// Children that allocate, free what they inherited and start programs are nobody's business.
#[test]
fn fork_storm() -> Result<()> {
    let _alone = alone();
    let children = repetitions(300).min(1000);
    let mut target = Workload::python(&Interpreter::find("3.11")?, "fork_storm")?;
    let pid = target.pid();
    let (report, truth) = recorded(pid, &[], || {
        target.command(&format!("go {children}"))?;
        target.truth()
    })?;
    text::await_clean(pid)?;
    target.quit()?;
    report.lost_nothing_but(&[])?;
    report.balances()?;
    agrees(&truth, &report)?;
    let of_children = report
        .sites
        .iter()
        .find(|site| site.python().iter().any(|frame| frame.function == "in_child"));
    ensure!(of_children.is_none(), "a child's blocks in the parent's numbers: {:#?}", of_children);
    Ok(())
}
