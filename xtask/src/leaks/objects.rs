//! `census` and `who` on leaks by references: is a retained type among those that grow most, and is
//! its retainer named?

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::Run;
use super::case::{Case, Version};
use super::judge::Outcome;
use super::live::{Hindrance, Live, Place};
use super::watch::bounded;
use crate::command::as_root;

mod retainer;
use retainer::names;

/// Seconds of watching: six snapshots.
pub const WATCHED: u32 = 100;
/// Snapshots after the first.
const INTERVALS: u32 = 5;
/// Seconds beyond the watching that snapshots and `who` may take.
const GRACE: u32 = 120;
/// A leaking type must be among the first so many.
const DEMANDED_RANK: usize = 3;
/// Kinds of paths in which the retainer is looked for.
const PATHS_TO_ROOT: usize = 3;

/// What is read of `census -f json`.
#[derive(Debug, Deserialize)]
struct Census {
    growth: Option<Vec<Growth>>,
}

#[derive(Debug, Deserialize)]
struct Growth {
    name: String,
    first_count: u64,
    last_count: u64,
    verdict: String,
    confidence: String,
}

/// What is read of `who -f json`.
#[derive(Debug, Deserialize)]
struct Retainers {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    count: u64,
    root_name: String,
    #[serde(rename = "chain")]
    path_to_root: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    via: String,
    class: String,
}

/// One case.
#[derive(Debug, Serialize)]
struct Row {
    case: String,
    version: &'static str,
    /// The first types of growth, with what happened to them.
    growth: Vec<String>,
    /// Rank and name of the first expected type among them.
    named: Option<(usize, String)>,
    /// The retainer as the case describes it.
    #[serde(rename = "holder")]
    retainer: String,
    /// Whether what holds is named, and not only what is on the way.
    #[serde(rename = "is_holder_named")]
    is_retainer_named: bool,
    /// Names of the description, and whether the path has them.
    words: Vec<(String, bool)>,
    /// The path with most of them.
    #[serde(rename = "chain")]
    path_to_root: String,
    /// What hindered it.
    note: Option<String>,
    /// Of the types.
    outcome: Outcome,
}

/// Runs every case and prints what came of it.
///
/// # Errors
/// A case failed; the rows could not be written.
pub fn run_all(program: &Path, folder: &Path, runs: &[Run<'_>], json: Option<&Path>) -> Result<()> {
    let place = Place::new(folder)?;
    let mut rows = Vec::new();
    for Run { case, version, seconds } in runs {
        let row = row(program, &place, (case, *version), *seconds);
        println!("{}", told(&row));
        rows.push(row);
    }
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&rows).context("cannot write rows as JSON")?;
        fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let held = rows.iter().filter(|row| row.is_retainer_named).count();
    let (passed, failed) = (count(Outcome::Pass), count(Outcome::Fail));
    println!("types: {passed} passed, {failed} failed of {}; holders named: {held}", rows.len());
    ensure!(failed == 0, "{failed} cases failed");
    Ok(())
}

fn row(program: &Path, place: &Place<'_>, of: (&Case, Version), seconds: u32) -> Row {
    let mut row = blank(of.0, of.1);
    match watch(program, place, of, seconds, &mut row) {
        Ok(()) => {}
        Err(Hindrance::Absent(reason)) => {
            (row.outcome, row.note) = (Outcome::NotRun, Some(reason));
        }
        Err(Hindrance::Failed(error)) => row.note = Some(format!("{error:#}")),
    }
    row
}

fn blank(case: &Case, version: Version) -> Row {
    Row {
        case: case.name.clone(),
        version: version.name(),
        growth: Vec::new(),
        named: None,
        retainer: case.expected.retainer.clone(),
        is_retainer_named: false,
        words: Vec::new(),
        path_to_root: String::new(),
        note: None,
        outcome: Outcome::Fail,
    }
}

fn watch(
    program: &Path,
    place: &Place<'_>,
    (case, version): (&Case, Version),
    seconds: u32,
    row: &mut Row,
) -> Result<(), Hindrance> {
    let live = Live::start(place, case, version)?;
    let pid = live.pid().to_string();
    let (length, every) = (format!("{seconds}s"), format!("{}s", (seconds / INTERVALS).max(1)));
    let mut census = as_root(program)?;
    census.args(["--quiet", "census", "-p", &pid, "--every", &every, "-d", &length, "-f", "json"]);
    let text = bounded(&census, seconds.saturating_add(GRACE))?;
    let census: Census = serde_json::from_str(&text).context("this is no census")?;
    judge_types(case, &census, row);
    if case.is_silent(version) {
        row.outcome = judge_silence(case, &census);
        return Ok(());
    }
    let mut complaint = None;
    for asked in subjects(case, row) {
        let mut who = as_root(program)?;
        who.args(["--quiet", "who", "-p", &pid, "-f", "json", &asked]);
        match bounded(&who, GRACE) {
            Ok(text) => {
                let retainers = serde_json::from_str(&text).context("these are no holders")?;
                judge_retainer(case, &retainers, row);
                return Ok(());
            }
            Err(error) => complaint = Some(format!("{error:#}")),
        }
    }
    row.note = row.note.take().or(complaint);
    Ok(())
}

/// Is an expected type among the first?
fn judge_types(case: &Case, census: &Census, row: &mut Row) {
    let Some(growth) = &census.growth else {
        row.note = Some("the census judges no growth".to_owned());
        return;
    };
    let first = || growth.iter().take(DEMANDED_RANK);
    let told = |one: &Growth| {
        let sure =
            if one.verdict == "leak" { format!(" {}", one.confidence) } else { String::new() };
        format!("{} {} → {} ({}{sure})", one.name, one.first_count, one.last_count, one.verdict)
    };
    row.growth = first().map(told).collect();
    let is_expected =
        |one: &Growth| case.expected.leaking_types.iter().any(|name| is_type(&one.name, name));
    row.named = first()
        .enumerate()
        .find(|(_, one)| is_expected(one))
        .map(|(at, one)| (at + 1, one.name.clone()));
    row.outcome = if row.named.is_some() { Outcome::Pass } else { Outcome::Fail };
}

/// Is none of the types that leaked accused, and no other at likely or above, as for stacks?
/// Something else that fills up may be a suspect.
fn judge_silence(case: &Case, census: &Census) -> Outcome {
    let leaked =
        |one: &Growth| case.expected.leaking_types.iter().any(|name| is_type(&one.name, name));
    let accused =
        |one: &Growth| one.verdict == "leak" && (one.confidence != "suspect" || leaked(one));
    match census.growth.as_ref().is_some_and(|growth| !growth.iter().any(accused)) {
        true => Outcome::Pass,
        false => Outcome::Fail,
    }
}

/// Whether a type is meant by a name: people name a class by where it is imported from, or without
/// its module.
fn is_type(class: &str, name: &str) -> bool {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    let package = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
    class == name
        || last(class) == last(name) && (!name.contains('.') || package(class) == package(name))
}

/// Whose retainers to ask for: a type of the case's own rather than one of the language, whatever
/// was found first.
fn subjects(case: &Case, row: &Row) -> Vec<String> {
    let found = row.named.iter().map(|(_, name)| name.clone());
    let last = |name: &String| name.rsplit('.').next().unwrap_or(name).to_owned();
    let (own, of_the_language): (Vec<String>, Vec<String>) = found
        .chain(case.expected.leaking_types.iter().cloned())
        .chain(case.expected.leaking_types.iter().map(last))
        .partition(|name| name.contains('.') || name.starts_with(char::is_uppercase));
    own.into_iter().chain(of_the_language).collect()
}

/// Which names of the description are in the paths; the retainer itself is the first of them.
fn judge_retainer(case: &Case, retainers: &Retainers, row: &mut Row) {
    let names = names(&case.expected.retainer);
    for group in retainers.groups.iter().take(PATHS_TO_ROOT) {
        let path_to_root = in_words(group);
        let words: Vec<(String, bool)> = names
            .iter()
            .map(|name| (name.clone(), retainer::has_word(&path_to_root, name)))
            .collect();
        let found = |words: &[(String, bool)]| words.iter().filter(|word| word.1).count();
        if row.path_to_root.is_empty() || found(&words) > found(&row.words) {
            row.is_retainer_named = words.first().is_some_and(|word| word.1);
            (row.path_to_root, row.words) = (path_to_root, words);
        }
    }
}

fn in_words(group: &Group) -> String {
    let steps = group.path_to_root.iter().map(|one| format!("{} → {}", one.via, one.class));
    let steps: Vec<String> = steps.collect();
    format!("{} × {}: {}", group.count, group.root_name, steps.join(" "))
}

fn told(row: &Row) -> String {
    let mark = |word: &(String, bool)| format!("{}{}", if word.1 { "+" } else { "-" }, word.0);
    let words: Vec<String> = row.words.iter().map(mark).collect();
    let held = if row.is_retainer_named { "named" } else { "NOT NAMED" };
    let note = row.note.iter().map(|note| format!("\n    note:   {note}")).collect::<String>();
    let text = format!(
        "{} ({}): {:?}, {:?}\n    growth: {}\n    holder: {}\n    chain:  {}\n    {held}: {}{note}",
        row.case,
        row.version,
        row.outcome,
        row.named,
        row.growth.join("; "),
        row.retainer,
        row.path_to_root,
        words.join(" ")
    );
    // Names come from the processes that were watched, and this goes to a terminal.
    let harmless = |letter: char| letter == '\n' || !letter.is_control();
    text.chars().map(|letter| if harmless(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests;
