//! The repository's own program. `cargo xtask` lists what it does.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for the terminal

mod command;
mod ebpf;

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
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Ebpf(options) => ebpf::run_task(&options),
    }
}
