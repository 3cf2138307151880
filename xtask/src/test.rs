//! Every check and every test, in the order in which a fault is cheapest to find.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{command, is_root, run, target_dir};
use crate::ebpf::toolchain::Toolchain;
use crate::{ebpf, leaks, setup, tidy};

/// Without root, these run the privileged test programs; the build stays the user's.
const AS_ROOT: &str = "target.'cfg(target_os = \"linux\")'.runner=['sudo','-E']";

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Options {
    /// Leave out the tests that need root, and say so; installs nothing.
    #[arg(long)]
    unprivileged: bool,
    /// Install nothing: run with what is there. What is missing fails its tests.
    #[arg(long)]
    no_setup: bool,
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    if options.unprivileged {
        checks()?;
        ebpf::run_task(&ebpf::Options::stamp_only())?;
        return unprivileged();
    }
    if !options.no_setup {
        timed("setup: what the tests need (--no-setup leaves this out)", setup::for_tests)?;
    }
    let missing = setup::missing();
    for lack in &missing {
        println!("MISSING, its tests will fail: {lack}");
    }
    let result = checks().and_then(|()| object()).and_then(|()| privileged());
    if missing.is_empty() {
        return result;
    }
    result.with_context(|| format!("missing from the start: {}", missing.join("; ")))
}

/// What needs no test to run.
fn checks() -> Result<()> {
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    step("clippy", workspace(&["clippy", "--all-targets"], &["--", "-D", "warnings"]))?;
    let mut docs = workspace(&["doc", "--no-deps", "--document-private-items"], &[]);
    // Private modules are documented too, and may be linked to.
    docs.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    step("documentation", docs)?;
    timed("rules", || tidy::run_task(&tidy::Options::default()))?;
    // The tests outside drive the program itself, which `cargo test` would not build for them.
    step("program", workspace(&["build", "--bins"], &[]))?;
    step("unit tests", workspace(&["test", "--lib", "--bins"], &[]))?;
    step("documentation's tests", workspace(&["test", "--doc"], &[]))
}

/// Whether the committed eBPF object is what its sources make; without a compiler, whether it fits
/// its stamp.
fn object() -> Result<()> {
    if Toolchain::find(None).is_ok() {
        return timed("eBPF object, built again", || {
            ebpf::run_task(&ebpf::Options::rebuild_and_compare())
        });
    }
    ebpf::run_task(&ebpf::Options::stamp_only())?;
    println!("NOT RUN: building the eBPF object again, for its compiler is not installed");
    Ok(())
}

/// The tests from outside that need no root.
fn unprivileged() -> Result<()> {
    let mut tests = cargo(&["test", "--workspace", "--test", "*"]);
    tests.env("LEAKSPY_BIN", target_dir().join("debug/leakspy"));
    step("tests from outside", tests)?;
    println!(
        "\nNOT RUN: the tests that need root, real leaks among them (left out by --unprivileged)"
    );
    Ok(())
}

/// The suites whose tests wait for most of their time, so that more of them than there are processors run at once.
const WAITING: [&str; 3] = ["leaks", "fields", "surplus"];
const AT_ONCE: &str = "4";

/// The names of all test programs of the workspace.
fn suites() -> Result<Vec<String>> {
    let listed = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    ensure!(listed.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&listed.stderr));
    let metadata: Value = serde_json::from_slice(&listed.stdout)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.filter_map(|package| package["targets"].as_array()).flatten();
    let tests = targets.filter(|target| target["kind"][0] == "test");
    Ok(tests.filter_map(|test| test["name"].as_str()).map(String::from).collect())
}

/// These test programs, on the program that was built, with root.
fn from_outside(suites: &[String]) -> Command {
    let mut tests = workspace(&["test", "--no-fail-fast"], &[]);
    tests.args(suites.iter().flat_map(|suite| ["--test", suite]));
    tests.env("LEAKSPY_BIN", target_dir().join("debug/leakspy"));
    if !is_root() {
        tests.args(["--config", AS_ROOT]);
    }
    tests
}

/// The tests from outside, with those that attach to live processes.
fn privileged() -> Result<()> {
    if !is_root() {
        println!("\nNot root: the tests that attach to processes run under sudo.");
    }
    let (waiting, others): (Vec<String>, Vec<String>) =
        suites()?.into_iter().partition(|suite| WAITING.contains(&suite.as_str()));
    // Both run, whatever the first finds.
    let ends = [
        step("tests from outside, with root", from_outside(&others)),
        step("those that watch for minutes", {
            let mut tests = from_outside(&waiting);
            tests.args(["--", "--test-threads", AT_ONCE]);
            tests
        }),
    ];
    ends.into_iter().collect::<Result<()>>()?;
    // They stop interpreters in gdb, so `cargo test` alone leaves them out.
    let stacks = workspace(&["test", "--test", "python_stacks"], &["--", "--ignored"]);
    step("stacks against gdb's", stacks)?;
    timed("real leaks", || leaks::test(target_dir().join("debug/leakspy")))
}

fn step(name: &str, mut command: Command) -> Result<()> {
    timed(name, || run(&mut command))
}

/// Says what runs, and at its end how long it took.
fn timed(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let began = Instant::now();
    let result = work();
    println!("== {name}: {} s", began.elapsed().as_secs());
    result
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
