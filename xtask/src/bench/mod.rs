//! What a tracer costs a server, and what it answers: servers with a planted leak, each with and without every tool
//! in turn.
//!
//! Windows with and without alternate, so that a machine that gets slower or faster in the meantime hits both alike;
//! what is told is the median of the ratios of neighbours, between the least and the greatest that can hold it.

mod cost;
mod document;
mod load;
mod round;
mod server;
mod statistics;
mod tool;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{command, is_root, run, target_dir};
use document::Row;
use round::Round;
use server::{SERVERS, Server};
use tool::{TOOLS, Tool};

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Options {
    /// Only this server; may be repeated
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<String>,
    /// Only this tool; may be repeated [default: leakspy, and what else is installed]
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
    /// Pairs of windows, one without the tool and one with it
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..1000))]
    rounds: u32,
    /// Seconds of each window, of which the first 15 with a tool are told apart
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u64).range(25..3600))]
    seconds: u64,
    /// Write the table to docs/cost.md
    #[arg(long)]
    write: bool,
}

/// Where recordings, environments and outputs go.
pub fn place() -> PathBuf {
    target_dir().join("leakspy-bench")
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    ensure!(is_root(), "attaching to a process needs root: run `cargo xtask bench` as root");
    let servers = chosen("server", &options.servers, SERVERS, |server| server.name)?;
    let tools = chosen("tool", &options.tools, TOOLS, |tool| tool.name)?;
    fs::create_dir_all(place()).with_context(|| format!("cannot make {}", place().display()))?;
    run(command("cargo").args(["build", "--release", "--package", "leakspy"]))?;
    let (present, absent): (Vec<&Tool>, Vec<&Tool>) =
        tools.into_iter().partition(|tool| tool.is_installed());
    for tool in absent {
        println!("NOT RUN: {}, which is not installed ({})", tool.name, tool.from);
    }
    let mut rows = Vec::new();
    for server in servers {
        let environment = server.environment()?;
        for tool in present.iter().filter(|tool| tool.can_trace(server)) {
            let row = measure(options, server, tool, &environment)?;
            println!("{}", row.brief());
            rows.push(row);
        }
    }
    let table = document::table(&rows, options.rounds, options.seconds);
    println!("\n{table}");
    match options.write {
        true => document::write(&table),
        false => Ok(()),
    }
}

fn measure(
    options: &Options,
    server: &'static Server,
    tool: &'static Tool,
    environment: &std::path::Path,
) -> Result<Row> {
    println!("{} with {}, {} rounds", server.name, tool.name, options.rounds);
    let live = server.start(environment)?;
    live.warm_up(server.warm_up)?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let round = Round::measure(&live, tool, options.seconds)?;
        println!("    round {number}: {}", round.brief());
        rounds.push(round);
    }
    Ok(Row { server, tool, rounds })
}

/// The rows that are named, or all.
fn chosen<'a, T>(
    what: &str,
    names: &[String],
    all: &'a [T],
    name_of: impl Fn(&T) -> &str,
) -> Result<Vec<&'a T>> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |name: &String| {
        let found = all.iter().find(|row| name_of(row) == name);
        let Some(found) = found else {
            let known: Vec<&str> = all.iter().map(&name_of).collect();
            bail!("no {what} is called {name:?}; there are: {}", known.join(", "))
        };
        Ok(found)
    };
    names.iter().map(find).collect()
}
