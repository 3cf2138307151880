//! Proof of loss: what nothing leads to is found lost, and nothing else is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::{Interpreter, WITH_PACKAGES};
use leakspy_tests::swap::{Swap, swapped};
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::{Truth, Workload};
use rusqlite::{Connection, OpenFlags, Row};

leakspy_tests::on_every_interpreter!(lost_and_kept);

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
    target.quit()?;
    judge(&truth, &found)
}

/// Of arrays of numpy, only the object that owns the data points to it.
#[test]
fn numpy() -> Result<()> {
    lost_and_kept(&Interpreter::find(WITH_PACKAGES)?)
}

const MIB: u64 = 1 << 20;

/// What was lost is found lost although it is swapped out, and stays there; where what matters is
/// swapped out as well, too much to bring in, the report says how much was not read.
#[test]
fn in_swapped_memory() -> Result<()> {
    let _swap = Swap::on()?;
    let interpreter = Interpreter::find("3.11")?;
    let search = |what: &str| -> Result<_> {
        let mut target = Workload::python(&interpreter, "swapped")?;
        let recording = Recording::start(target.pid(), &["--search-age", "0.001ms"])?;
        target.command(&format!("go {what} 150"))?;
        target.command("swap")?;
        let before = swapped(target.pid())?;
        ensure!(before > 150 * MIB, "only {before} bytes were swapped out");
        let finished = recording.stop()?;
        ensure!(finished.ending.code() == Some(0), "record failed: {}", finished.ending);
        let left = swapped(target.pid())?;
        ensure!(left > 140 * MIB, "{what}: of {before} bytes {left} are still swapped out");
        target.quit()?;
        Ok(finished)
    };
    let finished = search("lost")?;
    let found = by_function(&finished.file())?;
    let &(looked_for, lost) = found.get("lost").with_context(|| format!("{found:?}"))?;
    ensure!(looked_for >= 145 && lost >= 145, "{lost} of {looked_for} lost");
    let finished = search("kept")?;
    let found = by_function(&finished.file())?;
    ensure!(found.is_empty(), "nothing was proved: {found:?}");
    let report = finished.report()?;
    report.says("search-unfinished")?;
    let notes = format!("{:?}", report.capture["notes"]);
    ensure!(notes.contains("MiB of it are swapped out and were not read"), "{notes}");
    Ok(())
}

fn judge(truth: &Truth, found: &BTreeMap<String, Found>) -> Result<()> {
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
                true => ensure!(gone * 100 >= count * 95, "{name}: {gone} lost: {found:?}"),
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
