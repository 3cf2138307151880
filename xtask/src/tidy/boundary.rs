//! Boundaries: which modules may name which foreign crate, touch `/proc`, print, be unsafe.

use super::Finding;
use super::path::{Named, Usage};
use super::scope::{Crate, Scope, Target};
use super::source::{Repository, SOURCES};

/// A name in code, and the modules of `tracer/src` where it may stand.
pub const BOUNDARIES: [(&str, &[&str]); 34] = [
    ("aya", &["probe"]),
    ("aya_log", &["probe"]),
    ("aya_obj", &["probe"]),
    ("blazesym", &["symbolize"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("flate2", &["report"]),
    ("framehop", &["symbolize"]),
    ("gimli", &["elf", "symbolize"]),
    ("globset", &["judge"]),
    // Decoding instructions is pure: where to probe, what a caller calls, where a key is kept.
    ("iced_x86", &["probe", "python", "symbolize"]),
    ("inferno", &["report"]),
    ("jiff", &["report"]),
    ("libc", &["os", "probe"]),
    // Only to hand on what the eBPF programs say.
    ("log", &["probe"]),
    ("memmap2", &["os", "symbolize"]),
    ("notosans", &["plot"]),
    // `os` only implements its trait for sources of bytes.
    ("object", &["elf", "os", "symbolize"]),
    ("plotters", &["plot"]),
    ("png", &["plot"]),
    ("prost", &["report"]),
    ("rusqlite", &["store"]),
    ("tempfile", &["cli"]),
    ("tokio", &["probe", "session", "cli", "main"]),
    ("tracing", &["cli", "probe", "session"]),
    ("tracing_log", &["cli"]),
    ("tracing_subscriber", &["cli"]),
    ("unicode_width", &["report"]),
    ("println", &["cli", "main"]),
    ("print", &["cli", "main"]),
    ("eprintln", &["cli", "main"]),
    ("eprint", &["cli", "main"]),
    // In `session` it is tokio's way to watch a descriptor.
    ("unsafe", &["os", "probe", "session", "symbolize"]),
];

/// Macros that print.
const PRINTING: [&str; 4] = ["println", "print", "eprintln", "eprint"];

/// Modules that only calculate: what they know they are given.
pub const PURE: [&str; 12] = [
    "model",
    "governor",
    "aggregate",
    "elf",
    "python",
    "growth",
    "heap",
    "history",
    "plot",
    "leak_scan",
    "report",
    "judge",
];
/// What no pure module may name: files, clocks, and the rest of the world.
const OUTSIDE: [&[&str]; 7] = [
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];

/// Every foreign name must stay inside its boundary.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let whole = Crate::new(repository, SOURCES);
    whole.scopes.values().flat_map(|scope| file_findings(scope, &whole)).collect()
}

fn file_findings(scope: &Scope<'_>, whole: &Crate<'_>) -> Vec<Finding> {
    let file = scope.file;
    let Some(module) = file.module() else { return Vec::new() };
    let mut findings = Vec::new();
    for named in scope.paths.iter().filter(|named| !named.test) {
        let Target::Outside(path) = scope.target(named, &whole.modules) else { continue };
        for message in messages(module, named, &path) {
            findings.push(Finding::new(&file.path, named.line, message));
        }
    }
    for (number, line) in file.code() {
        if module != "os" && line.text.lines().any(|literal| is_proc(literal, module)) {
            let message = format!("{module} may not read /proc; its boundary is os");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    findings.dedup();
    findings
}

/// What is wrong with a path that leads out of the crate.
fn messages(module: &str, named: &Named, path: &[String]) -> Vec<String> {
    let mut messages = Vec::new();
    for (name, modules) in BOUNDARIES {
        if !modules.contains(&module) && uses(named, path, name) {
            messages.push(format!(
                "{module} may not use {name}; its boundary is {}",
                modules.join(", ")
            ));
        }
    }
    let begins =
        |with: &[&str]| path.len() >= with.len() && path.iter().zip(with).all(|(a, b)| a == b);
    if module != "main" && (begins(&["std", "process", "exit"]) || begins(&["std", "process", "*"]))
    {
        messages.push(format!("{module} may not end the program; only main does"));
    }
    if PURE.contains(&module)
        && let Some(outside) = OUTSIDE.iter().find(|outside| begins(outside))
    {
        let message = format!("{module} is pure and may not name {}", outside.join("::"));
        messages.push(message);
    }
    messages
}

/// Whether a path uses `name`: as the crate that it begins in, as a macro that prints, or as the
/// keyword.
fn uses(named: &Named, path: &[String], name: &str) -> bool {
    let [first, rest @ ..] = path else { return false };
    let is_import = matches!(named.usage, Usage::Import(_));
    if PRINTING.contains(&name) {
        return path.last().is_some_and(|last| last == name)
            && match named.usage {
                Usage::Macro => rest.is_empty() || first == "std",
                _ => is_import && first == "std",
            };
    }
    first == name && (is_import || !rest.is_empty() || name == "unsafe")
}

/// Whether a literal is a path into `/proc`. What `probe` tries out on its own process is no
/// question about a target.
fn is_proc(literal: &str, module: &str) -> bool {
    let tries = module == "probe" && literal.starts_with("/proc/self/");
    (literal == "/proc" || literal.starts_with("/proc/")) && !tries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Rust;

    fn found(path: &str, source: &str) -> Vec<usize> {
        let rust = vec![Rust::new(path.to_owned(), source)];
        let findings = check(&Repository { rust, ..Repository::default() });
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn foreign_names_stay_inside_their_boundary() {
        let source =
            "use libc::getpid;\nlet path = \"/proc/self\";\nunsafe { f() }\nprintln!(\"\");";
        assert_eq!(found("tracer/src/os/process.rs", source), [4]);
        assert_eq!(found("tracer/src/symbolize/site.rs", source), [1, 4, 2]);
        assert_eq!(found("tracer/src/model/site.rs", source), [1, 3, 4, 2]);
        assert_eq!(found("tracer/src/probe/x.rs", "a(\"/proc/self/exe\");\nb(\"/proc/1\");"), [2]);
    }

    #[test]
    fn other_ways_to_write_it_are_found_too() {
        let model = |source: &str| found("tracer/src/model/site.rs", source);
        assert_eq!(model("use libc as c;\nc::getpid();"), [1, 2]);
        assert_eq!(model("use {\n    std::fmt,\n    rusqlite,\n};"), [3]);
        assert_eq!(model("fn f() { ::libc::getpid() }"), [1]);
        assert_eq!(model("extern crate libc;"), [1]);
        assert_eq!(model("println![];\nstd::println! {}\nuse std::println as say;"), [1, 2, 3]);
        assert_eq!(model("Path::new(\"/proc\"), \"x\"\nf(\"x\", \"/proc/1\")"), [1, 2]);
    }

    #[test]
    fn pure_modules_have_no_clock_and_no_files() {
        let source = "use std::time::{Duration, Instant};\nstd::fs::read(x);\nuse std::{env, io};";
        assert_eq!(found("tracer/src/growth/site.rs", source), [1, 2, 3]);
        assert_eq!(found("tracer/src/os/site.rs", source), [0; 0]);
    }

    #[test]
    fn words_that_look_like_it_are_not_it() {
        let source =
            "self.object.read();\nlet object = 1;\nmodel::object::X;\nunsafely();\n// libc::x";
        assert_eq!(found("tracer/src/model/site.rs", source), [0; 0]);
    }

    #[test]
    fn tests_may() {
        assert_eq!(found("tracer/src/model/site.rs", "#[cfg(test)]\nuse libc::getpid;"), [0; 0]);
        assert_eq!(found("tracer/src/model/tests.rs", "use libc::getpid;"), [0; 0]);
    }

    #[test]
    fn only_main_ends_the_program() {
        let cli = |source: &str| found("tracer/src/cli/mod.rs", source);
        assert_eq!(cli("std::process::exit(1);"), [1]);
        assert_eq!(cli("use std::process;\nuse std::process::exit;\nprocess::exit(1)"), [2, 3]);
        assert_eq!(cli("use std::process::*;"), [1]);
    }
}
