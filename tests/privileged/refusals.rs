//! `census` and `who` where something is wrong: one line and the right exit code; names that are
//! meant to harm whoever prints them, and strings that are nobody's business.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::{Ending, Process};
use leakspy_tests::tracer::run;
use leakspy_tests::workload::Workload;
use serde_json::Value;

leakspy_tests::on_every_interpreter!(names_do_no_harm, strings_are_told_only_when_asked);

/// One line of error, this code, these words, and nothing printed.
fn refused(ending: &Ending, code: i32, words: &[&str]) -> Result<()> {
    ensure!(ending.code() == Some(code), "expected exit code {code}: {ending}");
    ensure!(ending.stdout.is_empty(), "half a report: {ending}");
    ensure!(ending.stderr.len() == 1, "one line, please: {ending}");
    for word in words {
        ensure!(ending.stderr[0].contains(word), "the message does not say {word:?}: {ending}");
    }
    Ok(())
}

/// What the program prints when all is well.
fn printed(arguments: &[&str]) -> Result<String> {
    let ending = run(arguments)?;
    ensure!(ending.code() == Some(0), "{arguments:?}: {ending}");
    Ok(ending.stdout.join("\n"))
}

fn hostile(interpreter: &Interpreter) -> Result<Workload> {
    let mut target = Workload::python(interpreter, "hostile")?;
    target.go()?;
    Ok(target)
}

/// No control character reaches a terminal, and a name of 10 kB floods none; the objects are
/// counted all the same.
fn names_do_no_harm(interpreter: &Interpreter) -> Result<()> {
    let mut target = hostile(interpreter)?;
    let pid = target.pid().to_string();
    let page = printed(&["--quiet", "census", "-p", &pid, "-n", "5000"])?;
    harmless(&page)?;
    ensure!(page.contains("hostile.Red"), "the class is not told: {page}");
    let census: Value = serde_json::from_str(&printed(&["-q", "census", "-p", &pid, "-j"])?)?;
    for begin in ["hostile.Red", "hostile.Long"] {
        let rows = census["types"].as_array().context("types")?;
        let named = |row: &&Value| row["name"].as_str().is_some_and(|name| name.starts_with(begin));
        let row = rows.iter().find(named).with_context(|| format!("no {begin}"))?;
        ensure!(row["count"] == 3, "{begin}: {row}");
    }
    // By address: the longest name is longer than what can be asked for.
    let facts = target.facts()?;
    for address in facts["hostile"].as_array().context("addresses")? {
        let page = printed(&["who", "-p", &pid, address.as_str().context("an address")?])?;
        ensure!(page.contains("hostile."), "the class is not told: {page}");
        harmless(&page)?;
    }
    target.quit()
}

fn harmless(page: &str) -> Result<()> {
    for line in page.lines() {
        ensure!(!line.chars().any(char::is_control), "controls the terminal: {line:?}");
        ensure!(line.chars().count() < 1000, "floods the terminal: {} characters", line.len());
    }
    Ok(())
}

fn strings_are_told_only_when_asked(interpreter: &Interpreter) -> Result<()> {
    let target = hostile(interpreter)?;
    let pid = target.pid().to_string();
    let whole = format!("the password is swordfish {}", "x".repeat(60));
    for asked in [&["-q", "census", "-p", &pid, "-j"][..], &["who", "-p", &pid, "Vault", "-j"]] {
        ensure!(!printed(asked)?.contains(&whole), "{asked:?} tells a string");
    }
    let all = printed(&["who", "-p", &pid, "Vault", "-j", "--values"])?;
    ensure!(all.contains(&whole), "--values does not tell it: {all}");
    target.quit()
}

/// By address: an object, its middle, and nothing at all; by name: neither a type nor a module.
#[test]
fn what_is_not_there() -> Result<()> {
    let mut target = hostile(&Interpreter::find("3.12")?)?;
    let pid = target.pid().to_string();
    let address = target.facts()?["address"].as_str().context("an address")?.to_owned();
    printed(&["who", "-p", &pid, &address])?;
    let middle = u64::from_str_radix(address.trim_start_matches("0x"), 16)? + 8;
    for asked in [format!("{middle:#x}"), "0x10".to_owned(), "0xffffffffffffffff".to_owned()] {
        refused(&run(&["who", "-p", &pid, &asked])?, 1, &[&asked, "no object"])?;
    }
    for asked in ["NoSuchTypeAnywhere", "no.such.module", "\x1b[31mred"] {
        let ending = run(&["who", "-p", &pid, asked])?;
        refused(&ending, 1, &["no type"])?;
        ensure!(!ending.stderr[0].contains('\x1b'), "{ending}");
    }
    refused(&run(&["who", "-p", &pid, "hostile.Vaul"])?, 1, &["Vault"])?;
    target.quit()
}

/// A name that a module and a type have: which one is meant is said, and how to ask for the other.
#[test]
fn a_name_of_two_things() -> Result<()> {
    let target = hostile(&Interpreter::find("3.11")?)?;
    let pid = target.pid().to_string();
    let ending = run(&["who", "-p", &pid, "truth"])?;
    let said = ending.stderr.join("\n");
    ensure!(ending.code() == Some(0) && ending.stdout[0].contains("module truth"), "{ending}");
    let other =
        "this answers about the module truth; for objects of the type ask for __main__.truth";
    ensure!(said.contains(other), "{ending}");
    let ending = run(&["who", "-p", &pid, "__main__.truth"])?;
    ensure!(ending.stdout[0].contains("1 object of the type __main__.truth"), "{ending}");
    ensure!(ending.stderr.is_empty(), "{ending}");
    target.quit()
}

#[test]
fn no_python_and_no_process() -> Result<()> {
    let mut other = Process::start("cat", &mut Command::new("cat"))?;
    other.say("hello")?;
    // It runs cat itself as soon as it answers.
    other.hear(|line| line == "hello")?;
    let pid = other.pid().to_string();
    refused(&run(&["-q", "census", "-p", &pid])?, 1, &[&pid])?;
    refused(&run(&["who", "-p", &pid, "dict"])?, 1, &[&pid])?;
    other.kill()?;
    refused(&run(&["-q", "census", "-p", &pid])?, 1, &[&pid])?;
    refused(&run(&["who", "-p", &pid, "dict"])?, 1, &[&pid])
}
