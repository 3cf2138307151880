//! A million scripted calls: the tracer's counters equal the script's ledger, or differ by exactly
//! what it names.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::chance::{Chance, repetitions};
use leakspy_tests::native;
use leakspy_tests::report::{Counters, Report};
use leakspy_tests::tracer::Recording;
use leakspy_tests::verdict::{Amount, through};
use leakspy_tests::workload::Workload;
use serde_json::Value;

/// The script reaches each call site by several ways of the same depth, which a site key without
/// Python frames cannot tell apart; the audit says so. Amounts by call site are not touched by it.
const MAY_MERGE: &[Counter] = &[Counter::StacksMerged];

/// The script's own ledger at one moment.
#[derive(Clone, Debug)]
struct Ledger(Value);

impl Ledger {
    fn number(&self, name: &str) -> Result<u64> {
        self.0[name].as_u64().with_context(|| format!("no {name} in {}", self.0))
    }

    fn sites(&self) -> Result<Vec<(String, Amount, Amount)>> {
        let sites = self.0["sites"].as_array().context("sites")?;
        sites
            .iter()
            .map(|site| {
                let field =
                    |name: &str| site[name].as_u64().with_context(|| format!("{name} of {site}"));
                let live = Amount { count: field("live_count")?, bytes: field("live_bytes")? };
                let made = Amount { count: field("made_count")?, bytes: field("made_bytes")? };
                Ok((site["function"].as_str().context("function")?.to_owned(), live, made))
            })
            .collect()
    }

    /// Calls that make, resize, refuse or release through an allocation function.
    fn allocation_calls(&self) -> Result<u64> {
        Ok(self.number("made")?
            + self.number("resized")?
            + self.number("released")?
            + self.number("failed")?)
    }
}

struct Script {
    seed: u64,
    calls: u64,
    steps: u32,
    threads: u32,
    depth: u32,
}

impl Script {
    fn arguments(&self) -> Vec<String> {
        let Self { seed, calls, steps, threads, depth } = self;
        vec![
            seed.to_string(),
            calls.to_string(),
            steps.to_string(),
            threads.to_string(),
            depth.to_string(),
        ]
    }

    fn start(&self) -> Result<Workload> {
        self.start_as(Command::new(native::program("ledger")?))
    }

    fn start_as(&self, mut command: Command) -> Result<Workload> {
        Workload::begin("ledger".to_owned(), command.args(self.arguments()), None)
    }
}

fn ledger_program() -> Result<PathBuf> {
    native::program("ledger")
}

fn counters_equal(ledger: &Ledger, report: &Report) -> Result<()> {
    report.lost_nothing_but(MAY_MERGE)?;
    report.balances()?;
    for (function, live, made) in ledger.sites()? {
        let sites = through(report, &function);
        let found = (Amount::live(sites.iter().copied()), Amount::made(sites.iter().copied()));
        ensure!(
            found == (live, made),
            "{function}: the script has {live:?}, {made:?}; the tracer {found:?}"
        );
    }
    calls_equal(ledger, &report.losses)
}

fn calls_equal(ledger: &Ledger, counters: &Counters) -> Result<()> {
    let seen = counters.of(Counter::AllocCalls)? - counters.of(Counter::AllocNested)?;
    ensure!(seen == ledger.allocation_calls()?, "{seen} calls, the script made {ledger:?}");
    let refused = counters.of(Counter::AllocFailed)?;
    ensure!(refused == ledger.number("failed")?, "{refused} refusals: {ledger:?}");
    let released = counters.of(Counter::ReallocReleased)?;
    ensure!(released == ledger.number("released")?, "{released} reallocs to 0: {ledger:?}");
    ensure!(counters.of(Counter::FreeNull)? == ledger.number("null")?, "frees of NULL: {ledger:?}");
    let freed = counters.of(Counter::FreeRecorded)? + counters.of(Counter::FreeUnknown)?;
    ensure!(freed == ledger.number("freed")?, "{freed} frees: {ledger:?}");
    Ok(())
}

/// At a moment when the target stands still: calls and bytes, while the recording goes on.
fn checkpoint(ledger: &Ledger, recording: &Recording) -> Result<()> {
    let counters = recording.counters()?;
    counters.lost_nothing_but(MAY_MERGE)?;
    counters.balance()?;
    calls_equal(ledger, &counters)?;
    let right: u64 = ledger.sites()?.iter().map(|(_, live, _)| live.bytes).sum();
    ensure!(counters.live_bytes()? == right, "{} bytes alive of {right}", counters.live_bytes()?);
    Ok(())
}

/// The whole script in one recording, looked at after every step and in full at the end.
fn whole_script(script: &Script, mut target: Workload, flags: &[&str]) -> Result<()> {
    let recording = Recording::start(target.pid(), &[&["--tick", "100ms"], flags].concat())?;
    let mut ledger = None;
    for step in 0..script.steps {
        let now = Ledger(target.go()?);
        checkpoint(&now, &recording).with_context(|| format!("at checkpoint {step}"))?;
        ledger = Some(now);
    }
    let report = recording.stop()?.report()?;
    target.quit()?;
    counters_equal(&ledger.context("no step")?, &report)
}

#[test]
fn a_million_calls_of_one_thread() -> Result<()> {
    let script =
        Script { seed: Chance::new().seed(), calls: 1_000_000, steps: 20, threads: 1, depth: 0 };
    whole_script(&script, script.start()?, &[])
}

/// Blocks go from thread to thread and are freed by another than the one that made them.
#[test]
fn a_million_calls_of_eight_threads() -> Result<()> {
    let script =
        Script { seed: Chance::new().seed(), calls: 1_000_000, steps: 20, threads: 8, depth: 2 };
    whole_script(&script, script.start()?, &[])
}

/// Eight threads on one CPU preempt one another in the middle of the programs.
#[test]
fn a_million_calls_that_preempt_one_another() -> Result<()> {
    let script =
        Script { seed: Chance::new().seed(), calls: 1_000_000, steps: 4, threads: 8, depth: 2 };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(ledger_program()?);
    whole_script(&script, script.start_as(command)?, &[])
}

/// The other ways to attach, which older kernels need.
#[test]
fn every_method() -> Result<()> {
    for method in ["session", "multi", "perf"] {
        let seed = Chance::new().seed();
        let script = Script { seed, calls: 200_000, steps: 2, threads: 2, depth: 0 };
        whole_script(&script, script.start()?, &["--method", method]).context(method)?;
    }
    Ok(())
}

/// At each of 20 moments a new recording begins and the last one is compared: what was allocated
/// before is unknown to it, and never subtracted from anyone.
#[test]
fn twenty_recordings() -> Result<()> {
    let steps = 20;
    let script =
        Script { seed: Chance::new().seed(), calls: 1_000_000, steps, threads: 1, depth: 0 };
    let mut target = script.start()?;
    let mut before: Option<Ledger> = None;
    for _ in 0..steps {
        let recording = Recording::start(target.pid(), &[])?;
        let ledger = Ledger(target.go()?);
        let report = recording.stop()?.report()?;
        step_equals(before.as_ref(), &ledger, &report)?;
        before = Some(ledger);
    }
    target.quit()
}

/// Made since the last moment must agree site by site; what is alive agrees in the first step, and
/// later is at most what the script has.
fn step_equals(before: Option<&Ledger>, ledger: &Ledger, report: &Report) -> Result<()> {
    let Some(before) = before else { return counters_equal(ledger, report) };
    report.lost_nothing_but(MAY_MERGE)?;
    report.balances()?;
    for ((function, live, made), (_, _, made_before)) in
        ledger.sites()?.into_iter().zip(before.sites()?)
    {
        let sites = through(report, &function);
        let found = Amount::made(sites.iter().copied());
        let right =
            Amount { count: made.count - made_before.count, bytes: made.bytes - made_before.bytes };
        ensure!(found == right, "{function}: made {right:?}, the tracer saw {found:?}");
        let alive = Amount::live(sites.iter().copied());
        ensure!(
            alive.count <= live.count && alive.bytes <= live.bytes,
            "{function}: {alive:?} of {live:?}"
        );
    }
    let freed = report.counter(Counter::FreeRecorded)? + report.counter(Counter::FreeUnknown)?;
    ensure!(
        freed == ledger.number("freed")? - before.number("freed")?,
        "{freed} frees in this step"
    );
    Ok(())
}

/// When everything is freed, nothing is alive.
#[test]
fn everything_freed() -> Result<()> {
    for round in 0..repetitions(2) {
        let seed = Chance::new().seed() + u64::from(round);
        let script = Script { seed, calls: 200_000, steps: 1, threads: 4, depth: 0 };
        let mut target = script.start()?;
        let recording = Recording::start(target.pid(), &[])?;
        target.go()?;
        let ledger = Ledger(target.command("clear")?);
        let report = recording.stop()?.report()?;
        target.quit()?;
        counters_equal(&ledger, &report)?;
        ensure!(report.live_count() == 0, "{} blocks alive", report.live_count());
    }
    Ok(())
}
