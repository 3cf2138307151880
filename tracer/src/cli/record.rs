//! `leakspy record`

mod args;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

pub use self::args::RecordArgs;
use super::exit::{self, Exit, UsageError};
use super::live;
use super::progress::{Manner, ManyLines, ProgressLine};
use super::targets::{Selection, numbered, tell_of_workers};
use super::units::Counting;
use crate::report::{compact_utc, escape, notes};
use crate::session::{CensusRules, RecordOptions, SearchRules};

/// Records, and says where to look.
pub fn run(args: &RecordArgs, quiet: bool) -> Result<Exit> {
    refuse_standard_output(args)?;
    match Selection::new(&args.processes)? {
        Selection::One(target) => one(args, target, quiet),
        Selection::Several(pids) => several(args, &pids, quiet),
    }
}

fn one(args: &RecordArgs, target: String, quiet: bool) -> Result<Exit> {
    let output = args.output.output.clone().unwrap_or_else(|| default_output(&target, now()));
    tell_of_workers(&target, quiet);
    let mut progress = ProgressLine::new(io::stderr(), Manner::on_stderr(quiet));
    let outcomes = live::follow(vec![options(args, target, output.clone())], &mut progress);
    progress.clear();
    let Some(outcome) = outcomes?.pop() else { return Ok(Exit::Error) };
    let ending = outcome?;
    if !quiet {
        eprintln!("{}", summary(&output));
    }
    if let Some(why) = ending.note() {
        let why = notes::stopped(&notes::note(&why));
        eprintln!("leakspy: {}", escape::terminal(&why));
    }
    Ok(exit::worst(&[Ok(ending)]))
}

/// A recording for each; what went wrong was said at once.
fn several(args: &RecordArgs, pids: &[u32], quiet: bool) -> Result<Exit> {
    let started = now();
    let output = |pid: u32| match &args.output.output {
        Some(path) => numbered(path, pid),
        None => default_output(&pid.to_string(), started),
    };
    let targets = pids.iter().map(|&pid| options(args, pid.to_string(), output(pid))).collect();
    let names = pids.iter().map(u32::to_string);
    let mut progress = ManyLines::new(io::stderr(), Manner::on_stderr(quiet), names);
    let outcomes = live::follow(targets, &mut progress);
    progress.clear();
    let outcomes = outcomes?;
    for (&pid, outcome) in pids.iter().zip(&outcomes) {
        if outcome.is_ok() && !quiet {
            eprintln!("{}", summary(&output(pid)));
        }
    }
    Ok(exit::worst(&outcomes))
}

fn refuse_standard_output(args: &RecordArgs) -> Result<(), UsageError> {
    if args.output.output.as_deref() == Some(Path::new("-")) {
        let text =
            "a recording is a database and cannot go to standard output; name a file with -o";
        return Err(UsageError(text.to_owned()));
    }
    Ok(())
}

fn options(args: &RecordArgs, target: String, output: PathBuf) -> RecordOptions {
    RecordOptions {
        target,
        duration: args.duration,
        output: Some(output),
        history: None,
        force: args.output.force,
        tick: args.tick,
        max_live: args.tables.max_live,
        max_sites: args.tables.max_sites,
        budget: args.cost.budget(),
        audit_one_in: args.audit_one_in,
        pause: args.search.pause,
        method: args.method.map(Into::into),
        search: search_rules(args),
        census: census_rules(args.search.census, None),
    }
}

fn search_rules(args: &RecordArgs) -> SearchRules {
    let usual = SearchRules::default();
    SearchRules {
        wanted: !args.search.no_search,
        age: args.search_age,
        most_bytes: args.search.search_limit,
        times: args.search_every.map_or(usual.times, |every| (Vec::new(), every)),
    }
}

/// As was asked for, or with counts as often as `usual`.
pub(super) fn census_rules(asked: Option<Counting>, usual: Option<Duration>) -> CensusRules {
    match asked {
        None => CensusRules { every: usual, join: true },
        Some(Counting::Every(every)) => CensusRules { every: Some(every), join: true },
        Some(Counting::Off) => CensusRules { every: None, join: false },
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A name that is new every second. Of a process name only what is harmless in a file name.
fn default_output(target: &str, epoch_seconds: u64) -> PathBuf {
    let harmless = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let target: String = target.chars().filter(harmless).take(64).collect();
    PathBuf::from(format!("leakspy-{target}-{}.leakspy", compact_utc(epoch_seconds)))
}

/// No numbers: the last ones on the way are not the final ones, which the report has.
fn summary(output: &Path) -> String {
    let output = output.display().to_string();
    format!("Done. Read it with: leakspy report {}", escape::terminal(&output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_names_are_harmless() {
        let name = |target| default_output(target, 1_709_251_199).display().to_string();
        assert_eq!(name("4711"), "leakspy-4711-20240229T235959Z.leakspy");
        assert_eq!(name("../a b\u{1b}/server"), "leakspy-..abserver-20240229T235959Z.leakspy");
    }
}
