//! Proof of loss: what nothing leads to is found lost, and nothing else is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leakspy_tests::chance::{Chance, repetitions};
use leakspy_tests::interpreter::{Interpreter, WITH_PACKAGES};
use leakspy_tests::kernel;
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::{Truth, Workload};
use rusqlite::{Connection, OpenFlags, Row};

leakspy_tests::on_every_interpreter!(
    lost_and_kept,
    lost_small_objects,
    counts_in_a_pause_are_exact
);

/// Blocks that were looked for, and those that were lost.
type Found = (u64, u64);

fn lost_and_kept(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "lost")?;
    // So young that everything of this short recording is old enough.
    let recording = Recording::start(target.pid(), &["--search-age", "0.001ms"])?;
    target.go()?;
    let truth = target.truth()?;
    let finished = recording.stop()?;
    ensure!(finished.ending.code() == Some(0), "record failed: {}", finished.ending);
    let found = by_function(&finished.file())?;
    let least = least_percent(target.pid())?;
    target.quit()?;
    judge(&truth, &found, least)
}

/// Of a hundred lost blocks so many are found at least. The heap of a program at a fixed address (Debian's python3)
/// lies so low that numbers of the program look like pointers to its blocks, and save some.
fn least_percent(pid: u32) -> Result<u64> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let heap = maps.lines().find(|line| line.ends_with("[heap]")).context("no heap")?;
    let start = u64::from_str_radix(heap.split('-').next().unwrap_or_default(), 16)?;
    Ok(if start >> 32 == 0 { 50 } else { 95 })
}

/// Nobody looked at the blocks before they were lost, so that all are young.
fn lost_small_objects(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "lost_objects")?;
    let recording = Recording::start(target.pid(), &["--search-age", "0.001ms"])?;
    target.go()?;
    let count = target.truth()?.number("count")?;
    let finished = recording.stop()?;
    ensure!(finished.ending.code() == Some(0), "record failed: {}", finished.ending);
    let found = by_type(&finished.file())?;
    target.quit()?;
    for name in ["bytes", "tuple", "str"] {
        let lost = found.get(name).copied().unwrap_or(0);
        // Stale pointers lead to some where the start of the interpreter left holes.
        ensure!(lost * 100 >= count * 85 && lost <= count, "{name}: {lost} of {count}: {found:?}");
    }
    ensure!(found.len() == 3, "more is claimed than was lost: {found:?}");
    Ok(())
}

/// What malloc has freed still leads to half of them, and a thread goes on making such memory.
fn counts_in_a_pause_are_exact(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "losing")?;
    let recording = Recording::start(target.pid(), &["--pause", "--search-age", "0.001ms"])?;
    target.go()?;
    let count = target.truth()?.number("count")?;
    let finished = recording.stop()?;
    let found = by_type(&finished.file())?;
    let report = finished.report()?;
    report.says("paused")?;
    target.quit()?;
    let lost = found.get("bytes").copied().unwrap_or(0);
    let notes = &report.capture;
    ensure!(lost * 100 >= count * 98 && lost <= count, "{lost} of {count}: {found:?}: {notes}");
    ensure!(found.len() == 1, "more is claimed than was lost: {found:?}");
    Ok(())
}

/// A process that stands still for the last search outlives whoever searches.
#[test]
fn a_pause_at_the_end_ends_with_leakspy() -> Result<()> {
    let mut target = Workload::python(&Interpreter::find("3.12")?, "losing")?;
    let mut chance = Chance::new();
    for _ in 0..repetitions(5) {
        let recording = Recording::start(target.pid(), &["--pause"])?;
        kernel::signal(recording.pid(), libc::SIGINT)?;
        chance.moment(Duration::from_millis(500));
        recording.kill()?;
        target.go().with_context(|| format!("seed {}", chance.seed()))?;
    }
    target.quit()
}

/// Lost small objects by type.
fn by_type(file: &Path) -> Result<BTreeMap<String, u64>> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut sums = database.prepare(
        "SELECT coalesce(type, 'blocks of ' || block), old_count + young_count FROM lost_object",
    )?;
    let row = |row: &Row<'_>| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)));
    Ok(sums.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
}

/// Of arrays of numpy, only the object that owns the data points to it.
#[test]
fn numpy() -> Result<()> {
    lost_and_kept(&Interpreter::find(WITH_PACKAGES)?)
}

fn judge(truth: &Truth, found: &BTreeMap<String, Found>, least: u64) -> Result<()> {
    let count = truth.number("count")?;
    for (fact, lost) in [("lost", true), ("kept", false)] {
        let names = truth.facts.get(fact).and_then(|names| names.as_array());
        for name in names.with_context(|| format!("no fact {fact}"))? {
            let name = name.as_str().context("a name")?;
            let &(looked_for, gone) =
                found.get(name).with_context(|| format!("{name}: {found:?}"))?;
            // One may have gone to a site of its own, and a stale copy of a pointer may save some.
            ensure!(looked_for * 100 >= count * 95, "{name}: looked for {looked_for}: {found:?}");
            match lost {
                true => ensure!(gone * 100 >= count * least, "{name}: {gone} lost: {found:?}"),
                false => ensure!(gone == 0, "{name}: {gone} lost although kept: {found:?}"),
            }
        }
    }
    Ok(())
}

/// What the recording says of sites, by the Python functions in their stacks.
fn by_function(file: &Path) -> Result<BTreeMap<String, Found>> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut sums = database.prepare(
        "SELECT function, sum(looked_for), sum(lost) FROM unreferenced \
         JOIN (SELECT DISTINCT site.id AS site, frame.function FROM site JOIN stack_frame USING (stack) \
               JOIN frame ON frame.id = stack_frame.frame WHERE frame.kind = 'python') USING (site) \
         GROUP BY function",
    )?;
    let number = |row: &Row<'_>, index| -> rusqlite::Result<u64> {
        Ok(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0))
    };
    let rows = sums.query_map([], |row| Ok((row.get(0)?, (number(row, 1)?, number(row, 2)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
