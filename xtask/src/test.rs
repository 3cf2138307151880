//! Every check and every test, in the order in which a fault is cheapest to find.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{command, find, is_root, run, target_dir};
use crate::{ebpf, leaks, tidy};

/// Without root, these run the privileged test programs; the build stays the user's.
const AS_ROOT: &str = "target.'cfg(target_os = \"linux\")'.runner=['sudo','-E']";

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Options {
    /// Leave out the tests that need root, and say so.
    #[arg(long)]
    unprivileged: bool,
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    step("clippy", workspace(&["clippy", "--all-targets"], &["--", "-D", "warnings"]))?;
    let mut docs = workspace(&["doc", "--no-deps", "--document-private-items"], &[]);
    // Private rooms are documented too, and may be linked to.
    docs.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    step("documentation", docs)?;
    println!("\n== house rules");
    tidy::run_task(&tidy::Options::default())?;
    ebpf::run_task(&ebpf::Options::stamp_only())?;
    // The tests outside drive the program itself, which `cargo test` would not build for them.
    step("program", workspace(&["build", "--bins"], &[]))?;
    step("unit tests", workspace(&["test", "--lib", "--bins"], &[]))?;
    step("documentation's tests", workspace(&["test", "--doc"], &[]))?;
    if options.unprivileged {
        let mut tests = cargo(&["test", "--workspace", "--test", "*"]);
        tests.env("LEAKSPY_BIN", target_dir().join("debug/leakspy"));
        step("tests from outside", tests)?;
        println!(
            "\nNOT RUN: the tests that need root, real leaks among them (left out by --unprivileged)"
        );
        return Ok(());
    }
    privileged()
}

/// The tests from outside, with those that attach to live processes.
fn privileged() -> Result<()> {
    let mut tests = workspace(&["test", "--no-fail-fast", "--test", "*"], &[]);
    tests.env("LEAKSPY_BIN", target_dir().join("debug/leakspy"));
    if !is_root() {
        if find("sudo").is_none() {
            bail!("the tests that attach to processes need root: run `cargo xtask test` as root");
        }
        println!("\nNot root: the tests that attach to processes run under sudo.");
        tests.args(["--config", AS_ROOT]);
    }
    step("tests from outside, with root", tests)?;
    // They stop interpreters in gdb, so `cargo test` alone leaves them out.
    let stacks = workspace(&["test", "--test", "python_stacks"], &["--", "--ignored"]);
    step("stacks against gdb's", stacks)?;
    println!("\n== real leaks");
    leaks::test(target_dir().join("debug/leakspy"))
}

fn step(name: &str, mut command: Command) -> Result<()> {
    println!("\n== {name}");
    run(&mut command)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command("cargo");
    cargo.args(arguments);
    cargo
}

/// Always the same packages and features, so that each step finds the one before it built.
fn workspace(verb: &[&str], rest: &[&str]) -> Command {
    let mut cargo = cargo(verb);
    cargo.args(["--workspace", "--features", "leakspy-tests/privileged"]).args(rest);
    cargo
}
