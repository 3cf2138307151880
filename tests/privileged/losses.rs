//! Losses provoked on purpose: each appears under its own name, and the sums still close.

use anyhow::{Result, ensure};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::kernel;
use leakspy_tests::native;
use leakspy_tests::report::Report;
use leakspy_tests::tracer::{Recording, recorded};
use leakspy_tests::verdict::Amount;
use leakspy_tests::workload::Workload;

/// 100,000 calls by two threads from so many depths of recursion.
fn script(depth: &str) -> Result<Workload> {
    Workload::native(&native::program("ledger")?, &["7", "100000", "1", "2", depth])
}

fn number(ledger: &serde_json::Value, name: &str) -> u64 {
    ledger[name].as_u64().unwrap_or(0)
}

#[test]
fn live_table_full() -> Result<()> {
    let mut target = script("0")?;
    let (report, ledger) = recorded(target.pid(), &["--max-live", "500"], || target.go())?;
    target.quit()?;
    report.lost_nothing_but(&[Counter::LiveFull, Counter::RestLost, Counter::StacksMerged])?;
    report.balances()?;
    let lost = report.counter(Counter::LiveFull)?;
    ensure!(lost > 0, "the table did not fill: {:?}", report.losses);
    let made = report.counter(Counter::AllocRecorded)? + lost;
    ensure!(
        made == number(&ledger, "made") + number(&ledger, "resized"),
        "recorded and lost are {made}: {ledger}"
    );
    let freed = report.counter(Counter::FreeRecorded)? + report.counter(Counter::FreeUnknown)?;
    ensure!(freed == number(&ledger, "freed"), "{freed} frees: {ledger}");
    Ok(())
}

/// Blocks without a site of their own are still counted, to the byte, under nobody's name.
#[test]
fn site_table_full() -> Result<()> {
    let mut target = script("8")?;
    let (report, ledger) = recorded(target.pid(), &["--max-sites", "64"], || target.go())?;
    target.quit()?;
    report.lost_nothing_but(&[Counter::SiteFull, Counter::StacksMerged])?;
    report.balances()?;
    ensure!(report.counter(Counter::SiteFull)? > 0, "the table did not fill: {:?}", report.losses);
    totals_agree(&ledger, &report)
}

/// Everything that the script has alive is in the report, at whatever site.
fn totals_agree(ledger: &serde_json::Value, report: &Report) -> Result<()> {
    let sites = ledger["sites"].as_array().into_iter().flatten();
    let right = sites.fold(Amount::default(), |sum, site| {
        sum + (number(site, "live_count"), number(site, "live_bytes"))
    });
    let found = Amount::live(&report.sites);
    ensure!(found == right, "the script has {right:?}, the report {found:?}");
    Ok(())
}

/// The tracer stands still while the target makes more new stacks than the ring holds: amounts stay
/// exact, and each site is published at a later visit.
#[test]
fn ring_full() -> Result<()> {
    let mut target = Workload::python(&Interpreter::find("3.11")?, "sites")?;
    let recording = Recording::start(target.pid(), &[])?;
    kernel::signal(recording.pid(), libc::SIGSTOP)?;
    kernel::await_stopped(recording.pid())?;
    target.command("go 9000 1")?;
    kernel::signal(recording.pid(), libc::SIGCONT)?;
    // Later visits publish what had to wait.
    for _ in 0..4 {
        target.command("go 9000 1")?;
    }
    let facts = target.facts()?;
    let report = recording.stop()?.report()?;
    target.quit()?;
    // A visit that found no room, and never another, leaves a site without a stack, and says so.
    report.lost_nothing_but(&[Counter::SitesUnsent])?;
    report.balances()?;
    ensure!(report.counter(Counter::RingFull)? > 0, "the ring did not fill: {:?}", report.losses);
    let block = number(&facts, "block");
    let sites = report
        .sites
        .iter()
        .filter(|site| site.live_count > 0 && site.live_bytes == block * site.live_count);
    let live = Amount::live(sites);
    let count = number(&facts, "count");
    ensure!(live == Amount { count, bytes: count * block }, "{live:?} of {count} blocks");
    Ok(())
}
