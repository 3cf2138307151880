//! The repository's own program. `cargo xtask` lists what it does.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for the terminal

mod bench;
mod command;
mod demo;
mod ebpf;
mod golden;
mod leaks;
mod setup;
mod simulate;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// What a contributor needs beside `cargo build`.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// See the main job at work: a bundled leaking server is started, recorded and reported.
    Demo(demo::Options),
    /// Measure what tracing costs real servers, with leakspy and with other tools, and which names their leak.
    Bench(bench::Options),
    /// Run leakspy on a folder of leaks that really shipped, and judge what it says.
    Leaks(leaks::Options),
    /// Judge simulated processes, and write the table in docs/simulation.md.
    Simulate(simulate::Options),
    /// Run every check and every test; those that attach to processes need root.
    Test(test::Options),
    /// Build the eBPF object that is committed under tracer/object.
    Ebpf(ebpf::Options),
    /// Install what a rebuild of the eBPF object needs, on Debian and Ubuntu; say what to do
    /// elsewhere.
    Setup(setup::Options),
    /// Check the rules: dependencies between modules, boundaries of foreign crates, links in
    /// documents.
    Tidy(tidy::Options),
    /// Rewrite golden files and generated tables; read the difference before you commit it.
    Golden,
}

fn main() -> ExitCode {
    match run(&Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line with its causes: a backtrace would hide it.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    match task {
        Task::Demo(options) => demo::run_task(options),
        Task::Bench(options) => bench::run_task(options),
        Task::Leaks(options) => leaks::run_task(options),
        Task::Simulate(options) => simulate::run_task(options),
        Task::Test(options) => test::run_task(options),
        Task::Ebpf(options) => ebpf::run_task(options),
        Task::Setup(options) => setup::run_task(options),
        Task::Tidy(options) => tidy::run_task(options),
        Task::Golden => golden::run_task(),
    }
}
