//! The leak scan where memory is swapped out. Apart from the others, which go on while there is no swap.

use std::path::Path;

use anyhow::{Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::recording::Tables;
use leakspy_tests::swap::{Swap, swapped};
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::Workload;

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
        // What a search reads in vain before it gives up is bounded.
        let brought_in = if what == "lost" { 30 * MIB } else { 70 * MIB };
        ensure!(
            left + brought_in > before,
            "{what}: of {before} bytes {left} are still swapped out"
        );
        target.quit()?;
        Ok(finished)
    };
    let finished = search("lost")?;
    let (looked_for, lost) = searched(&finished.file())?;
    // Numbers that were addresses still stand in memory that Python has freed, more or less of them by chance, and save
    // some: 11 and 13 in two of 27 runs.
    ensure!(looked_for >= 145.0 && lost >= 127.0, "{lost} of {looked_for} lost");
    let finished = search("kept")?;
    let found = searched(&finished.file())?;
    ensure!(found == (0.0, 0.0), "nothing was proved: {found:?}");
    finished.report()?.says("search-unfinished")?;
    let bytes = not_read(&finished.file())?;
    ensure!(bytes > MIB as f64, "{bytes} bytes were swapped out and not read");
    Ok(())
}

/// Bytes that were not read because they are swapped out; none where that was not the reason. The
/// report has this as a sentence, the recording as fields.
fn not_read(file: &Path) -> Result<f64> {
    Tables::open(file)?.number(
        "SELECT CAST(coalesce(max(text ->> '$.reason.bytes'), 0) AS REAL) FROM note \
         WHERE text ->> '$.code' = 'search-unfinished' AND text ->> '$.reason.code' = 'swapped'",
    )
}

/// Blocks of 1 MiB that were looked for, and those that were lost.
fn searched(file: &Path) -> Result<(f64, f64)> {
    let tables = Tables::open(file)?;
    let sum = |column: &str| {
        let sites = "FROM unreferenced JOIN site ON site.id = unreferenced.site";
        tables.number(&format!(
            "SELECT CAST(coalesce(sum({column}), 0) AS REAL) {sites} WHERE size_class >= 1048576"
        ))
    };
    Ok((sum("looked_for")?, sum("lost")?))
}
