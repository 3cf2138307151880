//! What a recording says over time, against a workload that knows when its blocks were born and
//! died; and marks.

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::Ending;
use leakspy_tests::recording::{Cohort, Tables};
use leakspy_tests::tracer::{Recording, run};
use leakspy_tests::verdict::agrees;
use leakspy_tests::workload::{Truth, Workload};

/// The size class of the workload's blocks.
const CLASS: u64 = 16384;

fn target() -> Result<Workload> {
    Workload::python(&Interpreter::find("3.11")?, "lives")
}

/// What the recording says of one line of the workload. CPython may call the allocator from more
/// than one place for it: then the first has all blocks but those of the first few rounds.
struct Line {
    cohorts: Vec<Cohort>,
    lifetimes: Vec<(f64, u64)>,
    retained: Vec<(f64, f64, u64)>,
}

impl Line {
    fn of(tables: &Tables, truth: &Truth, name: &str) -> Result<Self> {
        let sites = tables.sites_at("lives.py", truth.number(name)?, CLASS)?;
        ensure!(!sites.is_empty(), "no site at {name}");
        let mut line = Self { cohorts: Vec::new(), lifetimes: Vec::new(), retained: Vec::new() };
        for site in sites {
            line.cohorts.extend(tables.cohorts(site)?);
            line.lifetimes.extend(tables.lifetimes(site)?);
            line.retained.extend(tables.retained(site)?);
        }
        Ok(line)
    }

    fn born(&self) -> u64 {
        self.cohorts.iter().map(|cohort| cohort.allocated).sum()
    }

    fn live(&self) -> u64 {
        self.cohorts.iter().map(|cohort| cohort.live).sum()
    }

    fn died(&self) -> u64 {
        self.lifetimes.iter().map(|(_, count)| count).sum()
    }

    fn old(&self) -> u64 {
        self.retained.iter().map(|(_, _, count)| count).sum()
    }
}

/// To the block: who was born, who lives, who died, and no younger than it was.
#[test]
fn lives_are_told() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &[])?;
    target.command("go 16")?;
    let truth = target.truth()?;
    let finished = recording.stop()?;
    let report = finished.report()?;
    target.quit()?;
    report.lost_nothing_but(&[])?;
    agrees(&truth, &report)?;
    let tables = Tables::open(&finished.file())?;
    let (rounds, gone) = (truth.number("rounds")?, truth.number("gone")?);
    ensure!(rounds > 100 && gone > 50, "{rounds} rounds, {gone} gone: too slow to tell");
    let line = |name: &str| Line::of(&tables, &truth, name);

    let kept = line("kept for good")?;
    ensure!(
        (kept.born(), kept.live(), kept.died()) == (rounds, rounds, 0),
        "kept for good: {:?} {:?} of {rounds}",
        kept.cohorts,
        kept.lifetimes
    );
    ensure!(kept.cohorts.len() >= 3, "{:?}", kept.cohorts);
    // The first cohort is older than two snapshots, the last is not.
    let old = kept.old();
    ensure!(old > 0 && old < rounds, "{old} of {rounds} are old: {:?}", kept.retained);

    let held = line("kept for a while")?;
    ensure!(
        (held.born(), held.live(), held.died()) == (rounds, rounds - gone, gone),
        "kept for a while: {:?} {:?}",
        held.cohorts,
        held.lifetimes
    );
    let oldest = held.cohorts.first().context("a cohort")?;
    ensure!(oldest.live == 0, "blocks of the first seconds live on: {:?}", held.cohorts);
    // Between looks that are five seconds apart, eight seconds are at least four and at most
    // sixteen.
    let right = |(up_to, _): &(f64, u64)| *up_to > 4.0 && *up_to <= 16.0;
    ensure!(held.lifetimes.iter().all(right), "{:?}", held.lifetimes);
    ensure!(held.old() == 0, "{:?} outlived eight seconds", held.retained);

    let nobody = line("kept by nobody")?;
    ensure!(
        (nobody.born(), nobody.live(), nobody.died()) == (rounds, 0, rounds),
        "kept by nobody: {:?} {:?} of {rounds}",
        nobody.cohorts,
        nobody.lifetimes
    );
    ensure!(nobody.lifetimes.iter().all(|(up_to, _)| *up_to <= 16.0), "{:?}", nobody.lifetimes);
    Ok(())
}

/// What the kernel says of the process at ticks.
#[test]
fn the_process_is_told() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &["--tick", "500ms"])?;
    target.command("go 7")?;
    let finished = recording.stop()?;
    finished.report()?;
    target.quit()?;
    let tables = Tables::open(&finished.file())?;
    for column in
        ["rss_bytes", "rss_anon_bytes", "rss_file_bytes", "swap_bytes", "heap_bytes", "sites"]
    {
        let last = format!("SELECT CAST({column} AS REAL) FROM tick ORDER BY id DESC LIMIT 1");
        let value = tables.number(&last)?;
        ensure!(value > 0.0 || column == "swap_bytes", "{column} is {value}");
    }
    let sum = "SELECT CAST(rss_anon_bytes + rss_file_bytes + rss_shmem_bytes - rss_bytes AS REAL) \
               FROM tick ORDER BY id DESC LIMIT 1";
    ensure!(tables.number(sum)? == 0.0, "the parts are not the whole");
    let snapshots = tables.number("SELECT CAST(count(blocks) AS REAL) FROM tick")?;
    ensure!(snapshots >= 2.0, "{snapshots} looks in seven seconds");
    Ok(())
}

fn said(ending: &Ending, code: i32, word: &str) -> Result<()> {
    ensure!(ending.code() == Some(code), "expected {code}: {ending}");
    ensure!(ending.stderr.len() == 1, "one line, please: {ending}");
    ensure!(ending.stderr[0].contains(word), "does not say {word:?}: {ending}");
    Ok(())
}

/// A moment gets its name while the recording runs, and keeps it; afterwards there are no more.
#[test]
fn marks_are_kept() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &["--tick", "100ms"])?;
    let file = recording.file().display().to_string();
    target.command("go 1")?;
    let before = recording_time(&recording)?;
    said(&run(&["mark", "the middle \u{1b}[31m", &file])?, 0, "Marked the middle")?;
    recording.counters()?;
    let after = recording_time(&recording)?;
    target.command("go 1")?;
    let finished = recording.stop()?;
    finished.report()?;
    target.quit()?;
    let marks = Tables::open(&finished.file())?.marks()?;
    let [(t, name)] = marks.as_slice() else { anyhow::bail!("one mark, not {marks:?}") };
    ensure!(name == "the middle \u{1b}[31m", "{name:?}");
    ensure!(*t > before && *t < after, "marked at {t}, between {before} and {after}");
    said(&run(&["mark", "too late", &file])?, 1, "nobody is recording")?;
    ensure!(!finished.file().with_extension("leakspy-wal").exists(), "the log was left");
    Ok(())
}

/// Time of the last tick.
fn recording_time(recording: &Recording) -> Result<f64> {
    Tables::open(&recording.file())?.number("SELECT max(t) FROM tick")
}

/// A recorder that was killed takes no marks.
#[test]
fn the_dead_take_no_marks() -> Result<()> {
    let mut target = target()?;
    let recording = Recording::start(target.pid(), &["--tick", "100ms"])?;
    target.command("go 1")?;
    recording.counters()?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("killed.leakspy");
    let (from, log) = (recording.file(), recording.file().with_extension("leakspy-wal"));
    ensure!(log.exists(), "no log");
    std::fs::copy(&from, &file)?;
    std::fs::copy(&log, file.with_extension("leakspy-wal"))?;
    said(&run(&["mark", "x", &file.display().to_string()])?, 1, "nobody is recording")?;
    recording.stop()?.report()?;
    target.quit()
}
