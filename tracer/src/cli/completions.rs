//! `leakspy completions`

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::exit::Exit;
use super::output::Output;

/// Prints a completion script.
pub fn run(args: &CompletionsArgs) -> Result<Exit> {
    let mut output = Output::standard();
    // Into memory first: clap_complete panics when its writer fails, and pipes do.
    output.write_all(&script(args.shell))?;
    output.finish()?;
    Ok(Exit::Fine)
}

/// The script for a shell.
pub fn script(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "leakspy", &mut script);
    script
}
