//! Live bytes and counts at the exact function, file and line, to the byte, on every interpreter.

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::interpreter::{Interpreter, WITH_PACKAGES};
use leakspy_tests::report::{Report, Site};
use leakspy_tests::tracer::recorded;
use leakspy_tests::verdict::{Amount, agrees};
use leakspy_tests::workload::{Truth, Workload};

leakspy_tests::on_every_interpreter!(kept, threads, extension, frees, mappings);

fn record(interpreter: &Interpreter, script: &str) -> Result<(Report, Truth)> {
    record_with(interpreter, script, &[])
}

/// Records a workload's one `go`; what always must hold is checked.
fn record_with(interpreter: &Interpreter, script: &str, flags: &[&str]) -> Result<(Report, Truth)> {
    let mut workload = Workload::python(interpreter, script)?;
    let (report, truth) = recorded(workload.pid(), flags, || {
        workload.go()?;
        workload.truth()
    })?;
    workload.quit()?;
    report.lost_nothing_but(&[])?;
    report.balances()?;
    agrees(&truth, &report)?;
    Ok((report, truth))
}

/// Sites whose innermost Python frame is this function.
fn in_function<'a>(report: &'a Report, function: &str) -> Vec<&'a Site> {
    report
        .sites
        .iter()
        .filter(|site| site.python().last().is_some_and(|frame| frame.function == function))
        .collect()
}

fn kept(interpreter: &Interpreter) -> Result<()> {
    let (report, _) = record(interpreter, "kept")?;
    let transient = in_function(&report, "transient");
    let made = Amount::made(transient.iter().copied().filter(|site| site.size_class == 16384));
    ensure!(made.count == 100_000, "{} transient blocks seen", made.count);
    let live = Amount::live(transient.iter().copied().filter(|site| site.domain == "malloc"));
    ensure!(live == Amount::default(), "transient blocks alive: {live:?}");
    Ok(())
}

fn threads(interpreter: &Interpreter) -> Result<()> {
    record(interpreter, "threads").map(|_| ())
}

fn extension(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "extension")?;
    let leaf = truth.facts.get("native_leaf").context("the extension's leaf")?;
    let (function, line) = (leaf[0].as_str(), leaf[1].as_u64());
    let sites: Vec<&Site> = report
        .sites
        .iter()
        .filter(|site| site.live_count > 0 && site.live_bytes / site.live_count == 10_000)
        .collect();
    ensure!(
        Amount::live(sites.iter().copied()) == Amount { count: 1600, bytes: 16_000_000 },
        "{sites:#?}"
    );
    for site in sites {
        let last = site.stack.last().context("a stack")?;
        ensure!(
            last.kind == "native" && last.function.as_deref() == function,
            "{}",
            site.describe()
        );
        ensure!(last.line.map(u64::from) == line, "line {line:?}: {}", site.describe());
    }
    Ok(())
}

fn frees(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "frees")?;
    let unknown = report.counter(Counter::FreeUnknown)?;
    ensure!(unknown >= truth.number("freed_before")?, "{unknown} frees of older blocks");
    ensure!(
        truth.number("addresses_reused")? > 10_000,
        "the workload did not reuse addresses: {truth:?}"
    );
    Ok(())
}

fn mappings(interpreter: &Interpreter) -> Result<()> {
    let (report, truth) = record(interpreter, "mappings")?;
    let partial = report.counter(Counter::UnmapPartial)?;
    ensure!(partial >= 4, "{partial} partial unmaps were seen");
    let file = truth.number("file_mapping_bytes")?;
    let counted = report.sites.iter().any(|site| site.domain == "mmap" && site.live_bytes == file);
    ensure!(!counted, "a file's mapping was counted as heap");
    let closed =
        [in_function(&report, "closed"), in_function(&report, "cut_at_both_ends")].concat();
    ensure!(
        Amount::live(closed.iter().copied().filter(|site| site.domain == "mmap")).count == 0,
        "closed, yet alive"
    );
    Ok(())
}

/// The other ways to attach, which older kernels need, are as exact.
#[test]
fn every_method() -> Result<()> {
    for method in ["session", "multi", "perf"] {
        for script in ["kept", "threads", "extension"] {
            record_with(&Interpreter::find("3.13")?, script, &["--method", method])
                .with_context(|| format!("{script} by {method}"))?;
        }
    }
    Ok(())
}

#[test]
fn numpy_arrays() -> Result<()> {
    record(&Interpreter::find(WITH_PACKAGES)?, "arrays").map(|_| ())
}

/// Allocations and frees before, during and after attaching leave nothing behind that is not there.
#[test]
fn attach_window() -> Result<()> {
    for _ in 0..leakspy_tests::chance::repetitions(5) {
        let (report, _) = record_with(&Interpreter::find("3.11")?, "window", &[])?;
        ensure!(
            report.counter(Counter::FreeUnknown)? > 0,
            "nothing older was freed: no window was tested"
        );
        let churned = in_function(&report, "churn");
        let live = Amount::live(churned.iter().copied().filter(|site| site.domain == "malloc"));
        ensure!(live == Amount::default(), "false leak: {live:?}");
    }
    Ok(())
}
