//! The command line. The only module that names clap, and the only one that prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod census;
mod choice;
mod completions;
mod diff;
mod doctor;
mod examples;
mod exit;
mod formats;
mod leaks;
mod live;
mod logging;
mod man;
mod mark;
mod options;
mod output;
mod plot;
mod progress;
mod record;
mod report;
mod show;
mod targets;
mod units;
mod who;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::args::{Cli, Command};
use self::exit::Exit;
use crate::os;
use crate::probe::{self, GuardProgram};

/// Names of the commands, in the order of the help.
pub fn command_names() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Runs the program; the exit code follows the table in the README.
pub fn main() -> ExitCode {
    os::arenas::limit();
    // Not for people, and hence no command: no help, manual or completion has it.
    if GuardProgram::is_asked_for(std::env::args_os()) {
        return guard();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come here too. When printing fails there is no other way to report
            // it.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    logging::start(cli.verbose);
    let result = match &cli.command {
        Command::Leaks(args) => leaks::run(args, cli.quiet, cli.verbose > 0),
        Command::Record(args) => record::run(args, cli.quiet),
        Command::Report(args) => report::run(args),
        Command::Census(args) => census::run(args, cli.quiet),
        Command::Who(args) => who::run(args),
        Command::Mark(args) => mark::run(args, cli.quiet),
        Command::Diff(args) => diff::run(args),
        Command::Plot(args) => plot::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(args) => man::run(args, Cli::command()),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if exit::is_broken_pipe(&error) => Exit::Fine.into(),
        Err(error) => {
            eprintln!("leakspy: {}", exit::line(&error));
            exit::status_of(&error).into()
        }
    }
}

/// Runs as the guard: the process that holds the probes of another leakspy.
fn guard() -> ExitCode {
    match probe::serve_inherited() {
        Ok(()) => Exit::Fine.into(),
        Err(_) => {
            eprintln!("leakspy: {} is only for leakspy itself", GuardProgram::ARGUMENT);
            Exit::Usage.into()
        }
    }
}
