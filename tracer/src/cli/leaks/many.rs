//! Several processes at once, and one report on all of them.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::args::LeaksArgs;
use super::{exit, options, shorten, shown};
use crate::cli::exit::{self as ending, Exit, UsageError};
use crate::cli::live;
use crate::cli::output::Output;
use crate::cli::progress::{Manner, ManyLines};
use crate::cli::targets::{groups, numbered};
use crate::history::SharedHistory;
use crate::judge::Judge;
use crate::model::Document;
use crate::os::Program;
use crate::report::workers::{Group, write_json, write_text};
use crate::report::{Format, escape};

/// One of the processes.
struct Watched {
    pid: u32,
    /// Where its recording is saved, if it is.
    saved: Option<PathBuf>,
    program: Option<Program>,
    history: SharedHistory,
}

/// Formats that have room for several processes.
const FORMATS: [&str; 2] = ["text", "json"];

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
        let text =
            format!("{} shows one process; for several add -f with text or json", format.name);
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
    let exit = watch(args, &watched, quiet)?;
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
fn watch(args: &LeaksArgs, watched: &[Watched], quiet: bool) -> Result<Exit> {
    let targets = watched
        .iter()
        .map(|one| options(args, &one.pid.to_string(), one.saved.clone(), &one.history))
        .collect();
    let names = watched.iter().map(|one| one.pid.to_string());
    let mut lines = ManyLines::new(io::stderr(), Manner::on_stderr(quiet), names);
    let outcomes = live::follow(targets, &mut lines);
    lines.clear();
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
    if format.name == "json" {
        document.findings.truncate(args.top.top.unwrap_or(usize::MAX));
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
    let programs: Vec<Option<Program>> = watched.iter().map(|one| one.program.clone()).collect();
    let groups: Vec<Group<'_>> = groups(&programs)
        .into_iter()
        .map(|members| members.into_iter().filter_map(|member| judged[member].as_ref()).collect())
        .map(|workers: Vec<&Document>| Group { workers })
        .filter(|group| !group.workers.is_empty())
        .collect();
    let written = match format.name {
        "json" => write_json(&groups, output),
        _ => write_text(&groups, &shown(args, format, output), output),
    };
    written.context("cannot write the report")
}
