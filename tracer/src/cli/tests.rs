//! What is printed for people who ask how, against files that `LEAKSPY_BLESS=1` rewrites.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use super::args::{Cli, Command};
use super::formats::{self, ReportFormat};
use super::{completions, man};
use crate::report::DIFFERENCES;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn parse(words: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words.split(' '))
}

fn report(words: &str) -> super::report::ReportArgs {
    match parse(words).expect("a command line").command {
        Command::Report(args) => args,
        other => panic!("{other:?}"),
    }
}

fn diff(words: &str) -> super::diff::DiffArgs {
    match parse(words).expect("a command line").command {
        Command::Diff(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clap_finds_no_contradiction() {
    Cli::command().debug_assert();
}

#[test]
fn help_is_as_agreed() {
    let mut different = Vec::new();
    let mut main = Cli::command().term_width(100);
    main.build();
    let mut check = |name: &str, text: String| {
        let path = golden(&format!("help/{name}.txt"));
        if !crate::golden::matches(&path, &text) {
            different.push(path);
        }
    };
    for command in main.get_subcommands() {
        let mut command = command.clone().term_width(100);
        let help = command.render_long_help().to_string();
        check(command.get_name(), help);
    }
    check("leakspy", main.render_long_help().to_string());
    check("leakspy-short", main.render_help().to_string());
    assert!(different.is_empty(), "bless with LEAKSPY_BLESS=1 after reading: {different:?}");
}

#[test]
fn manual_pages_have_their_sections() {
    let pages = man::pages(Cli::command()).expect("pages");
    assert_eq!(pages.len(), 1 + Cli::command().get_subcommands().count());
    for (name, page) in pages {
        let page = String::from_utf8(page).expect("text");
        assert!(name.starts_with("leakspy") && name.ends_with(".8"), "{name}");
        for section in ["NAME", "SYNOPSIS", "EXAMPLES", "\"EXIT STATUS\""] {
            assert_eq!(page.matches(&format!(".SH {section}\n")).count(), 1, "{name} {section}");
        }
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish]
    {
        let script = String::from_utf8(completions::script(shell, Cli::command())).expect("text");
        assert!(script.contains("report") && script.contains("max-live"), "{shell}");
    }
}

#[test]
fn fingers_find_their_flags() {
    let Command::Record(args) =
        parse("leakspy rec -p 4711 -d 10m -o a.leakspy --force --max-live 4M")
            .expect("parsed")
            .command
    else {
        panic!("not record")
    };
    assert_eq!(args.processes.pid, ["4711"]);
    assert_eq!(args.duration.map(|duration| duration.as_secs()), Some(600));
    assert_eq!(args.tables.max_live, 4_000_000);
    assert!(
        parse("leakspy record -p gunicorn -q -vv").is_ok_and(|cli| cli.quiet && cli.verbose == 2)
    );
    for wrong in [
        "leakspy record",
        "leakspy record -p 0",
        "leakspy report",
        "leakspy record -p 1 -d x",
        "leakspy report a -f pdf",
        "leakspy report a --json -f svg",
        "leakspy diff a b --from start",
        "leakspy diff a b -f svg",
        "leakspy diff a b --json -f text",
        "leakspy plot a",
        "leakspy plot a -o b.pdf -f pdf",
        "leakspy plot a -o b.png --size 10x10",
        "leakspy",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_format_follows_the_name_of_the_output() {
    let format = |words: &str| {
        let args = report(words);
        let chosen = formats::chosen_for_report(&args.format, &args.show.output).ok();
        chosen.map(|format| match format {
            ReportFormat::Whole(format) => format.name,
            ReportFormat::Difference(format) => format.name,
        })
    };
    assert_eq!(format("leakspy report a"), Some("text"));
    assert_eq!(format("leakspy report a -o b.svg"), Some("svg"));
    assert_eq!(format("leakspy report a -o b.svg -f json"), Some("json"));
    assert_eq!(format("leakspy report a --json"), Some("json"));
    assert_eq!(format("leakspy report a -o b"), Some("text"));
    assert_eq!(format("leakspy report a -o b.pdf"), None);
    assert_eq!(format("leakspy report a -o /dev/stdout -f folded"), Some("folded"));
    assert_eq!(format("leakspy report b --base a -f diff-svg"), Some("diff-svg"));
    let format = |words: &str| {
        let args = diff(words);
        let chosen = formats::chosen(&args.format, &args.show.output, DIFFERENCES).ok();
        chosen.map(|format| format.name)
    };
    assert_eq!(format("leakspy diff a b"), Some("text"));
    assert_eq!(format("leakspy diff a b -o c.svg"), Some("diff-svg"));
    assert_eq!(format("leakspy diff a --from deploy -j"), Some("json"));
    assert_eq!(format("leakspy diff a b -o c.pb.gz"), None);
}
