//! Stacks, frame by frame, against what the interpreter itself says at the moment of the
//! allocation.

use anyhow::{Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::report::Report;
use leakspy_tests::tracer::recorded;
use leakspy_tests::verdict::{agrees, agrees_truncated};
use leakspy_tests::workload::{Truth, Workload};

leakspy_tests::on_every_interpreter!(
    shapes,
    names,
    reused_code,
    compiled_again,
    subinterpreters,
    recursion,
    own_key
);

/// The audit of native paths is a matter of `accuracy`; here it has too few hits to mean anything.
const MERGED: Counter = Counter::StacksMerged;

fn record(interpreter: &Interpreter, script: &str) -> Result<(Report, Truth)> {
    record_with(interpreter, script, &[])
}

fn record_with(
    interpreter: &Interpreter,
    script: &str,
    options: &[&str],
) -> Result<(Report, Truth)> {
    let mut workload = Workload::python(interpreter, script)?;
    let (report, truth) = recorded(workload.pid(), options, || {
        workload.go()?;
        workload.truth()
    })?;
    workload.quit()?;
    report.balances()?;
    Ok((report, truth))
}

/// Callbacks from C, generators, coroutines, classes, lambdas, decorators, comprehensions, threads,
/// signals, imports.
fn shapes(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "stacks")?;
    ensure!(truth.expect.len() > 60, "only {} different stacks", truth.expect.len());
    report.lost_nothing_but(&[MERGED])?;
    agrees(&truth, &report)
}

/// One, two and four bytes per character; quotes, escapes and line breaks; long.
fn names(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "names")?;
    report.lost_nothing_but(&[MERGED])?;
    agrees(&truth, &report)
}

/// Code objects that are gone when the report is made, and whose addresses others took.
fn reused_code(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "reused_code")?;
    ensure!(
        truth.number("code_addresses_reused")? > 0,
        "no address was reused: nothing was tested"
    );
    report.lost_nothing_but(&[MERGED])?;
    agrees(&truth, &report)
}

/// Code that is compiled again has its sites once, not once for each time: those of 400 times would
/// not find room.
fn compiled_again(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record_with(interpreter, "compiled_again", &["--max-sites", "400"])?;
    ensure!(truth.number("compiled")? >= 400, "too little to fill the table");
    ensure!(truth.expect.len() as u64 == truth.number("sources")?, "{:?}", truth.expect);
    report.lost_nothing_but(&[MERGED])?;
    agrees(&truth, &report)
}

/// The start of an interpreter is a burst of thousands of stacks that are never seen again: some
/// may find the ring full. What the interpreters keep is seen often enough.
fn subinterpreters(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "subinterpreters")?;
    report.lost_nothing_but(&[MERGED])?;
    agrees(&truth, &report)
}

/// Deeper than the limit: the innermost frames, and a word about the missing ones.
fn recursion(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "recursion")?;
    report.lost_nothing_but(&[MERGED, Counter::PythonTruncated])?;
    ensure!(report.counter(Counter::PythonTruncated)? > 0, "the truncation was not counted");
    agrees_truncated(&truth, &report)
}

/// Extensions made with pybind11 keep the thread state where the interpreter keeps it, under a key of
/// their own: the interpreter's key decides.
fn own_key(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "own_key")?;
    report.lost_nothing_but(&[MERGED])?;
    agrees(&truth, &report)
}
