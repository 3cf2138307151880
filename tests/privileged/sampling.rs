//! Where recording all allocations would cost a target too much, some stand for the others: against a workload that
//! knows how many there were, and how much of them is alive.

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::report::{Report, Site};
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::{Truth, Workload};

/// Standard errors: chance passes it once in a million runs.
const FAR: f64 = 5.0;

fn recorded(interpreter: &Interpreter, flags: &[&str]) -> Result<(Truth, Report)> {
    let mut target = Workload::python(interpreter, "sampled")?;
    let recording = Recording::start(target.pid(), flags)?;
    target.command("go 6")?;
    let truth = target.truth()?;
    let report = recording.stop()?.report()?;
    target.quit()?;
    Ok((truth, report))
}

/// Mean bytes between two recorded allocations, at most, as the report says.
fn period(report: &Report) -> Result<f64> {
    let notes = report.capture["notes"].as_array().context("notes")?;
    let told =
        notes.iter().filter_map(|note| note.as_str()?.split("one allocation in each ").nth(1));
    let told = { told }.next_back().with_context(|| format!("{notes:?}"))?;
    let mut words = told.split_whitespace();
    let number: f64 = words.next().context("a number")?.parse()?;
    let unit = match words.next() {
        Some("KiB") => 1024.0,
        Some("MiB") => 1_048_576.0,
        unit => anyhow::bail!("{unit:?}"),
    };
    Ok(number * unit)
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn sum(report: &Report, function: &str, of: fn(&Site) -> u64) -> f64 {
    let of_it = |site: &&Site| site.python().iter().any(|frame| frame.function == function);
    let sites = report.sites.iter().filter(of_it);
    sites.map(|site| of(site) as f64).sum()
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn near(what: &str, told: f64, truth: u64, error: f64) -> Result<()> {
    let truth = truth as f64;
    ensure!((told - truth).abs() <= FAR * error, "{what}: {told} where {truth} are, ± {error}");
    Ok(())
}

/// Sums are right within what chance explains, and every call has one end.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn sums_are_right_on_average(interpreter: &Interpreter) -> Result<()> {
    let (truth, report) = recorded(interpreter, &["--budget", "0.3%"])?;
    report.balances()?;
    report.lost_nothing_but(&[])?;
    report.says("sampled")?;
    ensure!(report.capture["mode"] == "sampled", "{}", report.capture);
    let left_out = report.counter(Counter::AllocLeftOut)?;
    ensure!(left_out > truth.number("churned")? / 2, "{left_out} left out: this could not fail");
    let period = period(&report)?;
    let (bytes, large) = (truth.number("bytes")?, truth.number("large_bytes")?);
    // A block of s bytes that stands for w adds s²(w - 1) to the variance, and s w is a period.
    let error = (period * (bytes - large) as f64).sqrt();
    near("live bytes", sum(&report, "keep", |site| site.live_bytes), bytes, error)?;
    // The smallest are 400 bytes.
    let blocks = truth.number("blocks")?;
    let error = (period / 400.0 * blocks as f64).sqrt();
    near("live blocks", sum(&report, "keep", |site| site.live_count), blocks, error)?;
    let churned = truth.number("churned")?;
    let error = (period / 900.0 * churned as f64).sqrt();
    let made = sum(&report, "churn", |site| site.allocated_count);
    near("churned blocks", made, churned, error)
}

leakspy_tests::on_every_interpreter!(sums_are_right_on_average);

/// Nothing is left out where exactness is asked for, and what that costs is told.
#[test]
fn exact_is_exact() -> Result<()> {
    let (truth, report) = recorded(&Interpreter::find("3.11")?, &["--exact"])?;
    report.balances()?;
    ensure!(report.capture["mode"] == "exact" && report.counter(Counter::AllocLeftOut)? == 0);
    ensure!(report.capture["cost_ratio"].as_f64().is_some_and(|cost| cost > 0.0));
    near("live bytes", sum(&report, "keep", |site| site.live_bytes), truth.number("bytes")?, 0.1)
}
