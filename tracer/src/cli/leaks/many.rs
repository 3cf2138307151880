//! Several processes at once, and one report on all of them.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::args::LeaksArgs;
use super::words::{FirstWords, after};
use super::{exit, options, shorten, shown};
use crate::cli::exit::{self as ending, Exit, UsageError};
use crate::cli::live::{self, Outcome, Watcher};
use crate::cli::output::Output;
use crate::cli::progress::{Manner, ManyLines};
use crate::cli::targets::{groups, numbered};
use crate::history::SharedHistory;
use crate::judge::Judge;
use crate::model::{Document, Note};
use crate::os::Program;
use crate::report::workers::{Group, early, write_json, write_text};
use crate::report::{Format, escape, write_html_of_several};
use crate::session::{Attachment, Status};

/// One of the processes.
#[derive(Clone)]
struct Watched {
    pid: u32,
    /// Where its recording is saved, if it is.
    saved: Option<PathBuf>,
    program: Option<Program>,
    history: SharedHistory,
}

/// Formats that have room for several processes.
const FORMATS: [&str; 3] = ["text", "json", "html"];

/// Watches all of them, judges what was recorded of each, and prints one report. The exit status is
/// that of what was found, or of what went worst.
pub fn run(
    args: &LeaksArgs,
    pids: &[u32],
    format: &'static Format,
    judge: &Judge,
    mut output: Output,
    quiet: bool,
) -> Result<Exit> {
    if !FORMATS.contains(&format.name) {
        let text = format!(
            "{} shows one process; for several add -f with one of {}",
            format.name,
            FORMATS.join(", ")
        );
        return Err(UsageError(text).into());
    }
    let watched: Vec<Watched> = pids
        .iter()
        .map(|&pid| Watched {
            pid,
            saved: args.save.as_ref().map(|path| numbered(path, pid)),
            program: Program::of(pid).ok(),
            history: SharedHistory::default(),
        })
        .collect();
    let exit = watch(args, &watched, judge, quiet)?;
    let judged: Vec<Option<Document>> =
        watched.iter().map(|one| judged(args, judge, one, format)).collect();
    let found = judged
        .iter()
        .flatten()
        .any(|document| self::exit(document, args.fail_on.map(Into::into)) == Exit::Findings);
    if judged.iter().all(Option::is_none) {
        // Why was said for each.
        return Ok(exit);
    }
    report(args, format, &watched, &judged, &mut output)?;
    output.finish()?;
    if !quiet {
        for path in watched.iter().filter_map(|one| one.saved.as_ref()).filter(|path| path.exists())
        {
            let name = path.display().to_string();
            eprintln!("Kept. Read it again with: leakspy leaks {}", escape::terminal(&name));
        }
    }
    // What was asked for with --fail-on comes first.
    Ok(if found { Exit::Findings } else { exit })
}

/// Records all of them; tells the worst of what happened.
fn watch(args: &LeaksArgs, watched: &[Watched], judge: &Judge, quiet: bool) -> Result<Exit> {
    let targets = watched
        .iter()
        .map(|one| options(args, &one.pid.to_string(), one.saved.clone(), &one.history))
        .collect();
    let names = watched.iter().map(|one| one.pid.to_string());
    let lines = ManyLines::new(io::stderr(), Manner::on_stderr(quiet), names);
    let mut early = EarlyReports::new(lines, judge.clone(), watched.to_vec());
    let outcomes = live::follow(targets, &mut early);
    early.end();
    Ok(ending::worst(&outcomes?))
}

/// The verdicts on one of them; nothing when it was never recorded, which was said then.
fn judged(
    args: &LeaksArgs,
    judge: &Judge,
    one: &Watched,
    format: &'static Format,
) -> Option<Document> {
    let mut document = judge.judge(one.history.snapshot().document().ok()?).document;
    if format.name != "text" {
        document.findings.truncate(args.top.top.unwrap_or(usize::MAX));
    }
    if format.name == "json" {
        shorten(&mut document);
    }
    Some(document)
}

fn report(
    args: &LeaksArgs,
    format: &'static Format,
    watched: &[Watched],
    judged: &[Option<Document>],
    output: &mut Output,
) -> Result<()> {
    let groups = grouped(watched, judged);
    let written = match format.name {
        "json" => write_json(&groups, output),
        "html" => write_html_of_several(&groups, &shown(args, format, output), output),
        _ => write_text(&groups, &shown(args, format, output), output),
    };
    written.context("cannot write the report")
}

/// Workers of one program together; without those that were never recorded.
fn grouped<'a>(watched: &[Watched], judged: &'a [Option<Document>]) -> Vec<Group<'a>> {
    let programs: Vec<Option<Program>> = watched.iter().map(|one| one.program.clone()).collect();
    groups(&programs)
        .into_iter()
        .map(|members| members.into_iter().filter_map(|member| judged[member].as_ref()).collect())
        .map(|workers: Vec<&Document>| Group { workers })
        .filter(|group| !group.workers.is_empty())
        .collect()
}

/// Progress of all of them, and first words.
struct EarlyReports<W> {
    lines: ManyLines<W>,
    words: FirstWords,
}

impl<W: io::Write> EarlyReports<W> {
    fn new(lines: ManyLines<W>, judge: Judge, watched: Vec<Watched>) -> Self {
        Self { lines, words: FirstWords::new(move || words(&judge, &watched)) }
    }

    fn end(mut self) {
        self.words.end();
        self.lines.clear();
    }
}

/// `After 1 min: keep (app.py:12) in 3 of 4 workers of python3 (12, 13, 14): leak, suspect, …`
fn words(judge: &Judge, watched: &[Watched]) -> Vec<String> {
    let document = |one: &Watched| one.history.snapshot().document().ok();
    let judged: Vec<Option<Document>> = watched
        .iter()
        .map(|one| document(one).map(|document| judge.judge(document).document))
        .collect();
    let longest = judged
        .iter()
        .flatten()
        .max_by(|one, other| one.capture.seconds.total_cmp(&other.capture.seconds));
    let Some(after) = longest.map(after) else { return Vec::new() };
    early(&grouped(watched, &judged)).iter().map(|line| format!("{after}: {line}")).collect()
}

impl<W: io::Write> Watcher for EarlyReports<W> {
    fn attached(&mut self, target: usize, about: &Attachment) {
        self.lines.attached(target, about);
    }

    fn status(&mut self, target: usize, status: &Status) {
        let words = self.words.poll(status.seconds);
        if !words.is_empty() {
            self.lines.words(&words);
        }
        self.lines.status(target, status);
    }

    fn noticed(&mut self, target: usize, note: &Note) {
        self.lines.noticed(target, note);
    }

    fn finishing(&mut self, target: usize) {
        self.lines.finishing(target);
    }

    fn done(&mut self, target: usize, outcome: &Outcome) {
        self.lines.done(target, outcome);
    }
}
