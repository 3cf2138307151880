//! Targets that die, become another program or lose their first thread; and recordings that end by
//! themselves.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::chance::{Chance, repetitions};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::report::{Report, Site};
use leakspy_tests::tracer::{Finished, Recording, recorded, report};
use leakspy_tests::verdict::{Amount, agrees};
use leakspy_tests::workload::Workload;
use leakspy_tests::{kernel, text};

leakspy_tests::on_every_interpreter!(interpreter_ends, main_thread_waits_for_others);

fn target() -> Result<Workload> {
    Workload::python(&Interpreter::find("3.11")?, "dying")
}

/// 200 blocks of `bytes(10000)` are in the report of a target that is gone.
fn kept_are_there(finished: &Finished, said: &str) -> Result<()> {
    let report = finished.report_of_vanished()?;
    let kept: Vec<&Site> = report
        .sites
        .iter()
        .filter(|site| site.live_count > 0 && site.live_bytes == 10_033 * site.live_count)
        .collect();
    let amount = Amount::live(kept.iter().copied());
    ensure!(amount.count == 200, "{amount:?} of 200 blocks; {:?}", report.losses);
    report.says(said)
}

#[test]
fn killed_while_idle() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &[])?;
    target.go()?;
    target.kill()?;
    kept_are_there(&recording.wait()?, "target-exited")
}

#[test]
fn dies_by_its_own_hand() -> Result<()> {
    for (command, signal) in [("segfault", Some(11)), ("abort", Some(6)), ("exit_in_thread", None)]
    {
        let mut target = target()?;
        let recording = Recording::start(target.pid(), &[])?;
        target.go()?;
        target.command("churn")?;
        target.last_command(command)?;
        let ending = target.wait()?;
        ensure!(ending.signal() == signal, "{command}: {ending}");
        let finished = recording.wait()?;
        let report = finished.report_of_vanished().context(command)?;
        ensure!(!report.sites.is_empty(), "{command}: nothing of what was captured is reported");
    }
    Ok(())
}

/// As a worker after its last request: the interpreter frees everything on its way out, and the
/// report is that of the moment before.
fn interpreter_ends(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "dying")?;
    let recording = Recording::start(target.pid(), &[])?;
    target.go()?;
    target.command("small")?;
    target.last_command("finish")?;
    let ending = target.wait()?;
    ensure!(ending.code() == Some(0), "{ending}");
    let finished = recording.wait()?;
    kept_are_there(&finished, "interpreter-ended")?;
    let report = finished.report_of_vanished()?;
    ensure!(report.losses.of(Counter::AfterFinalization)? >= 200, "{:?}", report.losses);
    // Of small blocks every sixteenth asks whether this is the end.
    let small = report.sites.iter().filter(|site| site.live_bytes == 1_000 * site.live_count);
    let small = Amount::live(small);
    ensure!(small.count >= 1_000 - 16, "{small:?} of 1,000 small blocks");
    report.balances()
}

/// The main thread waits for others in `Py_FinalizeEx`, perhaps for years: that is not the end.
fn main_thread_waits_for_others(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "dying")?;
    let recording = Recording::start(target.pid(), &["--tick", "100ms"])?;
    target.go()?;
    target.last_command("leave_main")?;
    target.hear_ready()?;
    target.go()?;
    recording.counters()?;
    target.last_command("finish")?;
    let finished = recording.wait()?;
    kept_are_there(&finished, "interpreter-ended")?;
    let report = finished.report_of_vanished()?;
    // Those from before were freed while it waited.
    ensure!(report.losses.of(Counter::FreeRecorded)? >= 200, "{:?}", report.losses);
    report.balances()
}

/// At any moment, also while the tracer attaches: it ends by itself, and says so in one line.
#[test]
fn dies_at_random_moments() -> Result<()> {
    let mut chance = Chance::new();
    for _ in 0..repetitions(30) {
        let mut target = target()?;
        target.go()?;
        target.command("churn")?;
        let recording = Recording::launch(target.pid(), &[])?;
        chance.moment(Duration::from_millis(500));
        target.kill()?;
        let finished = recording.wait()?;
        let code = finished.ending.code();
        ensure!(code == Some(4) || code == Some(1), "{}", finished.ending);
        let panicked = finished.ending.stderr.iter().any(|line| line.contains("panicked"));
        ensure!(!panicked, "{}", finished.ending);
        // Nothing was recorded when it died before the probes were in place.
        if finished.file().exists() {
            finished.report_of_vanished()?;
        }
    }
    Ok(())
}

#[test]
fn exec_by_the_main_thread() -> Result<()> {
    let report = becomes_another("exec_main")?;
    // Its first steps were seen, and are not mixed up with what was there before.
    ensure!(report.losses.of(Counter::AfterExec)? > 0, "{:?}", report.losses);
    Ok(())
}

#[test]
fn exec_by_another_thread() -> Result<()> {
    becomes_another("exec_in_thread").map(drop)
}

/// The same process id, another program: what was captured is reported, and the new program is left
/// alone.
fn becomes_another(command: &str) -> Result<Report> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &[])?;
    target.go()?;
    target.last_command(command)?;
    target.hear_ready()?;
    let finished = recording.wait()?;
    kept_are_there(&finished, "target-replaced")?;
    let before = finished.report_of_vanished()?;
    before.balances()?;
    text::await_clean(target.pid())?;
    target.go()?;
    let (report, truth) = recorded(target.pid(), &[], || {
        target.go()?;
        target.truth()
    })?;
    let twice: u64 = truth.expect.iter().map(|one| one.count).sum();
    ensure!(twice == 400, "the new program does not work: {truth:?}");
    report.balances()?;
    target.quit()?;
    Ok(before)
}

/// The first thread ends, others go on: they are still traced, and the report says what that means.
#[test]
fn the_first_thread_leaves() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &["--tick", "100ms"])?;
    target.last_command("leave_leader")?;
    target.hear_ready()?;
    target.go()?;
    let truth = target.truth()?;
    // It looks after the target at every tick.
    recording.counters()?;
    let report = recording.stop()?.report()?;
    report.says("leader-exited")?;
    agrees(&truth, &report)?;
    target.quit()
}

/// Probes that are perf events end with the first thread: the recording ends then, and says why.
#[test]
fn the_first_thread_takes_perf_events_along() -> Result<()> {
    for method in ["trace", "perf"] {
        let mut target = target()?;
        let flags = ["--tick", "100ms", "--method", method];
        let recording = Recording::start(target.pid(), &flags)?;
        target.last_command("leave_leader")?;
        let recorded = recording.wait()?;
        ensure!(recorded.ending.code() == Some(1), "{method}: {}", recorded.ending);
        report(&recorded.file())?.says("probes-ended-with-leader")?;
        target.hear_ready()?;
        target.go()?;
        target.quit()?;
    }
    Ok(())
}

/// `-d` ends a recording without anybody's help.
#[test]
fn ends_when_told() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &["-d", "1s"])?;
    target.go()?;
    let report = recording.wait()?.report()?;
    agrees(&target.truth()?, &report)?;
    target.quit()
}

/// Signals that people send: each ends the recording well and keeps everything.
#[test]
fn ends_when_asked() -> Result<()> {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let mut target = target()?;
        let recording = Recording::start(target.pid(), &[])?;
        target.go()?;
        kernel::signal(recording.pid(), signal)?;
        let report = recording.wait()?.report().with_context(|| format!("signal {signal}"))?;
        agrees(&target.truth()?, &report)?;
        text::await_clean(target.pid())?;
        target.quit()?;
    }
    Ok(())
}
