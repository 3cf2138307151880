//! Proof of loss: what nothing leads to is found lost, and nothing else is.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::{Interpreter, WITH_PACKAGES};
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::{Truth, Workload};
use rusqlite::{Connection, OpenFlags};

leakspy_tests::on_every_interpreter!(lost_and_kept);

/// Blocks that were looked for, and those that were lost.
type Found = (u64, u64);

fn lost_and_kept(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "lost")?;
    // So young that everything of this short recording is old enough.
    let recording = Recording::start(target.pid(), &["-vv", "--search-age", "1ms"])?;
    target.go()?;
    let truth = target.truth()?;
    let finished = recording.stop()?;
    ensure!(finished.ending.code() == Some(0), "record failed: {}", finished.ending);
    let found = by_function(&finished.file(), &finished.ending.stderr)?;
    target.quit()?;
    judge(&truth, &found)
}

/// Of arrays of numpy, only the object that owns the data points to it.
#[test]
fn numpy() -> Result<()> {
    lost_and_kept(&Interpreter::find(WITH_PACKAGES)?)
}

fn judge(truth: &Truth, found: &BTreeMap<String, Found>) -> Result<()> {
    let count = truth.number("count")?;
    for (fact, lost) in [("lost", true), ("kept", false)] {
        let names = truth.facts.get(fact).and_then(|names| names.as_array());
        for name in names.with_context(|| format!("no fact {fact}"))? {
            let name = name.as_str().context("a name")?;
            let &(looked_for, gone) =
                found.get(name).with_context(|| format!("{name}: {found:?}"))?;
            // A stale copy of a pointer may save a block or two.
            ensure!(looked_for >= count, "{name}: looked for {looked_for}: {found:?}");
            match lost {
                true => ensure!(gone * 100 >= count * 95, "{name}: {gone} lost: {found:?}"),
                false => ensure!(gone == 0, "{name}: {gone} lost although kept: {found:?}"),
            }
        }
    }
    Ok(())
}

/// What the recorder said of each site, by the Python functions in its stack.
fn by_function(file: &std::path::Path, said: &[String]) -> Result<BTreeMap<String, Found>> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut functions = database.prepare(
        "SELECT DISTINCT frame.function FROM site JOIN stack_frame USING (stack) \
         JOIN frame ON frame.id = stack_frame.frame WHERE site.key = ?1 AND frame.kind = 'python'",
    )?;
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for line in said {
        let Some((key, looked_for, lost)) = sentence(line) else { continue };
        let names = functions.query_map([key], |row| row.get::<_, Option<String>>(0))?;
        for name in names {
            let Some(name) = name? else { continue };
            let sums = found.entry(name).or_default();
            *sums = (sums.0 + looked_for, sums.1 + lost);
        }
    }
    Ok(found)
}

/// `… site KEY: LOST of LOOKED_FOR old blocks lost`
fn sentence(line: &str) -> Option<(&str, u64, u64)> {
    let (key, rest) = line.split_once("site ")?.1.split_once(": ")?;
    let (lost, rest) = rest.split_once(" of ")?;
    let (looked_for, _) = rest.split_once(' ')?;
    Some((key, looked_for.parse().ok()?, lost.parse().ok()?))
}
