//! The command line, without root: help, wrong words, files that are no recordings.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use leakspy::cli::command_names;
use leakspy_tests::process::Ending;
use leakspy_tests::tracer::run;

fn one_line(ending: &Ending, code: i32) -> Result<String> {
    ensure!(ending.code() == Some(code), "expected exit code {code}: {ending}");
    let lines: Vec<&String> = ending.stderr.iter().filter(|line| !line.trim().is_empty()).collect();
    ensure!(lines.len() == 1 && ending.stdout.is_empty(), "one line of error, please: {ending}");
    Ok(lines[0].clone())
}

#[test]
fn help_names_every_command() -> Result<()> {
    let ending = run(&["--help"])?;
    ensure!(ending.code() == Some(0), "{ending}");
    let text = ending.stdout.join("\n");
    let commands = command_names();
    ensure!(commands.iter().any(|command| command == "census"), "{commands:?}");
    for command in &commands {
        let named = |line: &str| line.split_whitespace().next() == Some(command);
        ensure!(text.lines().any(named), "no {command} in the help: {text}");
        let own = run(&[command, "--help"])?;
        ensure!(own.code() == Some(0) && own.stdout.len() > 3, "{command}: {own}");
    }
    ensure!(text.lines().all(|line| line.chars().count() <= 100), "wider than 100 columns: {text}");
    Ok(())
}

#[test]
fn version() -> Result<()> {
    let ending = run(&["--version"])?;
    ensure!(ending.code() == Some(0) && ending.stdout[0].starts_with("leakspy "), "{ending}");
    Ok(())
}

#[test]
fn wrong_words_are_usage_errors() -> Result<()> {
    let wrong: [&[&str]; 13] = [
        &[],
        &["no-such-command"],
        &["record"],
        &["record", "-p", "1", "--no-such-flag"],
        &["record", "-p", "1", "-d", "soon"],
        &["leaks"],
        &["leaks", "-p", "1", "x.leakspy"],
        &["leaks", "x.leakspy", "--min-growth", "fast"],
        &["report"],
        &["report", "x.leakspy", "-f", "no-such-format"],
        &["report", "x.leakspy", "-f", "diff-svg"],
        &["report", "x.leakspy", "--base", "y.leakspy"],
        &["diff", "x.leakspy"],
    ];
    for words in wrong {
        let ending = run(words)?;
        ensure!(ending.code() == Some(2), "{words:?}: {ending}");
        ensure!(!ending.stderr.is_empty(), "{words:?}: says nothing");
    }
    Ok(())
}

#[test]
fn marks_need_a_running_recording() -> Result<()> {
    let line = one_line(&run(&["mark", "now"])?, 2)?;
    ensure!(line.contains("nobody is recording in this folder"), "{line}");
    let line = one_line(&run(&["mark", "now", "missing.leakspy"])?, 1)?;
    ensure!(line.contains("cannot open missing.leakspy"), "{line}");
    ensure!(run(&["mark", " "])?.code() == Some(2), "a mark without a name");
    ensure!(run(&["mark", &"x".repeat(201)])?.code() == Some(2), "a story as a name");
    Ok(())
}

#[test]
fn completions_and_man() -> Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let ending = run(&["completions", shell])?;
        ensure!(ending.code() == Some(0) && ending.stdout.len() > 10, "{shell}: {ending}");
    }
    let ending = run(&["man"])?;
    ensure!(
        ending.code() == Some(0) && ending.stdout.iter().any(|line| line.starts_with(".TH")),
        "{ending}"
    );
    Ok(())
}

fn report(file: &Path) -> Result<Ending> {
    run(&["report", &file.display().to_string()])
}

#[test]
fn files_that_are_no_recordings() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = |name: &str, bytes: &[u8]| -> Result<_> {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let cases = [
        directory.path().join("missing.leakspy"),
        directory.path().to_owned(),
        file("empty.leakspy", b"")?,
        file("text.leakspy", b"no recording\n")?,
        file("magic.leakspy", b"SQLite format 3\0and then nothing of the kind")?,
        file("zeros.leakspy", &[0; 70_000])?,
    ];
    for path in cases {
        let line = one_line(&report(&path)?, 1).with_context(|| path.display().to_string())?;
        ensure!(line.contains(&path.display().to_string()), "which file? {line}");
    }
    Ok(())
}

/// A database of another program, and one that looks like ours from far away.
#[test]
fn databases_of_others() -> Result<()> {
    let directory = tempfile::tempdir()?;
    for (number, statements) in [
        "CREATE TABLE some (thing)",
        "CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('schema', '999')",
        "PRAGMA user_version = 999; CREATE TABLE site (id)",
    ]
    .into_iter()
    .enumerate()
    {
        let path = directory.path().join(format!("{number}.leakspy"));
        rusqlite::Connection::open(&path)?.execute_batch(statements)?;
        let line = one_line(&report(&path)?, 1).context(statements)?;
        ensure!(line.contains(&path.display().to_string()), "which file? {line}");
    }
    Ok(())
}
