//! The repository's own program. `cargo xtask` lists what it does.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for the terminal

mod command;
mod ebpf;
mod setup;

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
    /// Build the eBPF object that is committed under tracer/object.
    Ebpf(ebpf::Options),
    /// Install what a rebuild of the eBPF object needs, on Debian and Ubuntu; say what to do elsewhere.
    Setup(setup::Options),
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
        Task::Ebpf(options) => ebpf::run_task(options),
        Task::Setup(options) => setup::run_task(options),
    }
}
