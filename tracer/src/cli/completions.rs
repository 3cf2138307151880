//! `leakspy completions`

use std::io::Write;

use anyhow::Result;
use clap::{Args, Command};

use super::exit::Exit;
use super::output::Output;

/// Options of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Prints a completion script for `program`.
pub fn run(args: &CompletionsArgs, program: Command) -> Result<Exit> {
    let mut output = Output::standard();
    // Into memory first: clap_complete panics when its writer fails, and pipes do.
    output.write_all(&script(args.shell, program))?;
    output.finish()?;
    Ok(Exit::Fine)
}

/// The script for a shell.
pub fn script(shell: clap_complete::Shell, mut program: Command) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "leakspy", &mut script);
    script
}
