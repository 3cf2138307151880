//! `leakspy leaks`

mod args;
mod early;
mod many;
mod rules;
mod words;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

pub use self::args::LeaksArgs;
use self::early::EarlyReport;
use super::exit::Exit;
use super::live;
use super::output::Output;
use super::progress::{Manner, ProgressLine};
use super::record::census_rules;
use super::show;
use super::targets::{Selection, tell_of_workers};
use crate::history::SharedHistory;
use crate::judge::Judge;
use crate::model::{Confidence, Document, History};
use crate::report::{Format, Options, escape, notes};
use crate::session::{Ending, RecordOptions, SearchRules};

/// Sites that a verdict lists besides those of its findings, the largest first.
const MOST_SITES: usize = 500;
/// Counts of Python objects in a watching.
const COUNTS: u32 = 20;
/// Time between two of them.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(600);

/// Watches a process or opens a recording, judges it and prints the verdicts.
pub fn run(args: &LeaksArgs, quiet: bool, verbose: bool) -> Result<Exit> {
    let format = args.chosen_format()?;
    let judge = rules::judge(args)?;
    let output = args.output.open()?;
    if let Some(path) = &args.file {
        return report(args, format, &judge, show::history(path)?, verbose, output);
    }
    match Selection::new(&args.processes)? {
        Selection::One(pid) => live(args, &pid, judge, quiet, |judge, document| {
            report(args, format, judge, document, verbose, output)
        }),
        Selection::Several(pids) => many::run(args, &pids, format, &judge, output, quiet),
    }
}

/// Records first. The report comes whatever ended the recording; the exit status says if that was
/// not us.
fn live(
    args: &LeaksArgs,
    pid: &str,
    judge: Judge,
    quiet: bool,
    report: impl FnOnce(&Judge, Document) -> Result<Exit>,
) -> Result<Exit> {
    tell_of_workers(pid, quiet);
    let line = ProgressLine::new(io::stderr(), Manner::on_stderr(quiet));
    let history = SharedHistory::default();
    let mut progress = EarlyReport::new(line, judge.clone(), history.clone());
    let outcomes =
        live::follow(vec![options(args, pid, args.save.clone(), &history)], &mut progress);
    progress.end();
    let Some(outcome) = outcomes?.pop() else { return Ok(Exit::Error) };
    let ending = outcome?;
    let exit = report(&judge, history.snapshot().document()?)?;
    if let Some(saved) = args.save.as_ref().filter(|_| !quiet) {
        let name = saved.display().to_string();
        eprintln!("Kept. Read it again with: leakspy leaks {}", escape::terminal(&name));
    }
    if let Some(why) = ending.note() {
        // After the report, where it is seen.
        let why = notes::note(&why);
        eprintln!(
            "leakspy: {}; the verdict is on what was recorded until then",
            escape::terminal(&why)
        );
    }
    Ok(match (ending, exit) {
        // What was asked for with --fail-on comes first: a test's process ends by itself.
        (Ending::Asked, exit) | (Ending::TargetGone(_), exit @ Exit::Findings) => exit,
        (Ending::TargetGone(_), _) => Exit::TargetGone,
        (Ending::ProbesLost(_), _) => Exit::Error,
    })
}

fn options(
    args: &LeaksArgs,
    pid: &str,
    output: Option<PathBuf>,
    history: &SharedHistory,
) -> RecordOptions {
    let duration = args.duration.unwrap_or(args::WATCH);
    RecordOptions {
        target: pid.to_owned(),
        duration: Some(duration),
        output,
        history: Some(history.clone()),
        force: args.output.force,
        tick: Duration::from_secs(1),
        max_live: args.tables.max_live,
        max_sites: args.tables.max_sites,
        budget: args.cost.budget(),
        audit_one_in: 4096,
        pause: args.search.pause,
        method: None,
        search: SearchRules {
            wanted: !args.search.no_search,
            most_bytes: args.search.search_limit,
            ..SearchRules::default()
        },
        census: census_rules(args.search.census, Some(counts(duration))),
    }
}

/// Time between two counts of objects: enough of them for a trend, and little work.
fn counts(duration: Duration) -> Duration {
    (duration / COUNTS).clamp(SHORTEST, LONGEST)
}

fn report(
    args: &LeaksArgs,
    format: &'static Format,
    judge: &Judge,
    document: Document,
    verbose: bool,
    mut output: Output,
) -> Result<Exit> {
    let mut judged = judge.judge(document);
    if verbose {
        let file = args.suppressions.clone().unwrap_or_default().display().to_string();
        for line in &judged.unused {
            let line = format!("{file}:{line}");
            eprintln!("leakspy: nothing needed {}", escape::terminal(&line));
        }
    }
    let exit = exit(&judged.document, args.fail_on.map(Into::into));
    let options = Options { verbose, ..shown(args, format, &output) };
    if format.name != "text" {
        let top = args.top.top.unwrap_or(usize::MAX);
        judged.document.findings.truncate(top);
        judged.document.leaks.truncate(top);
    }
    if format.name == "json" {
        shorten(&mut judged.document);
    }
    args::exporter(format)
        .write(&judged.document, &options, &mut output)
        .context("cannot write the report")?;
    output.finish()?;
    Ok(exit)
}

/// What to show, and how.
fn shown(args: &LeaksArgs, format: &'static Format, output: &Output) -> Options {
    Options {
        top: args.top.top.filter(|_| format.name == "text"),
        runtime_frames: args.frames.runtime_frames,
        native: !args.frames.no_native,
        colour: args.color.wanted(output),
        verbose: false,
        plain_svg: false,
    }
}

/// Leaves only the largest sites, and those that findings stand for: a server has thousands, whose
/// stacks are no part of a verdict, and `report` has them all.
fn shorten(document: &mut Document) {
    let found: HashSet<String> =
        document.findings.iter().flat_map(|finding| &finding.evidence.sites).cloned().collect();
    let mut place = 0;
    document.sites.retain(|site| {
        place += 1;
        place <= MOST_SITES || found.contains(&site.id)
    });
    // No longer that of these sites, and JSON does not print it.
    document.history = History::default();
}

/// Whether a leak is at least this sure.
fn exit(document: &Document, least: Option<Confidence>) -> Exit {
    let fails =
        |least| document.leaks.iter().any(|leak| leak.is_leak() && leak.confidence >= least);
    if least.is_some_and(fails) { Exit::Findings } else { Exit::Fine }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::report::leaks::samples;

    #[test]
    fn only_leaks_that_are_sure_enough_fail() {
        let mut document = samples::leaking();
        document.leaks.truncate(1);
        for (confidence, level, expected) in [
            (Confidence::Likely, None, Exit::Fine),
            (Confidence::Likely, Some(Confidence::Suspect), Exit::Findings),
            (Confidence::Likely, Some(Confidence::Likely), Exit::Findings),
            (Confidence::Likely, Some(Confidence::Confirmed), Exit::Fine),
        ] {
            document.leaks[0].confidence = confidence;
            assert_eq!(exit(&document, level), expected, "{level:?}");
        }
        document.leaks[0].verdict = Verdict::CacheBounded;
        assert_eq!(exit(&document, Some(Confidence::Suspect)), Exit::Fine);
        assert_eq!(Exit::Findings.code(), 3);
    }
}
