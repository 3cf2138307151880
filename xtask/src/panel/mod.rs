//! What recording costs a real server: CPU per session of a Panel app, with and without leakspy.
//!
//! Rounds with and without alternate, so that a machine that gets slower or faster in the meantime
//! hits both alike; the ratio is the median of the ratios of neighbours.

mod recorder;
mod server;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::command::{command, is_root, run, target_dir};
use crate::setup::venv::{self, pyenv_python};
use recorder::{Cost, Recorder};
use server::Server;

const MINOR: &str = "3.11";
const PACKAGES: [&str; 6] =
    ["panel==1.9.4", "bokeh==3.9.2", "holoviews==1.23.2", "hvplot", "pandas", "numpy"];

/// Options of `cargo xtask panel`.
#[derive(clap::Args)]
pub struct Options {
    /// Folder with `panel_app.py` and `panel_client.py`; the client takes URL, pid and sessions,
    /// and prints `cpu_ms_per_session=…`.
    folder: PathBuf,
    /// Pairs of rounds, one without leakspy and one with it.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Sessions in each round.
    #[arg(long, default_value_t = 25)]
    sessions: u32,
}

/// One pair of rounds.
struct Pair {
    /// CPU milliseconds per session without leakspy.
    without: f64,
    /// The same with it.
    with: f64,
    /// What leakspy itself used.
    cost: Cost,
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    ensure!(is_root(), "attaching to a process needs root: run `cargo xtask panel` as root");
    run(command("cargo").args(["build", "--release", "--package", "leakspy"]))?;
    let environment = target_dir().join("leakspy-bench/venv");
    let python = pyenv_python(MINOR).with_context(|| format!("no CPython {MINOR} in pyenv"))?;
    venv::make(&environment, &python, &PACKAGES)?;

    let folder = options.folder.canonicalize().context("no such folder")?;
    let server = Server::start(&environment, &folder)?;
    server.warm_up()?;
    let mut pairs = Vec::new();
    for round in 1..=options.rounds {
        let pair = measure(&server, options.sessions)?;
        println!(
            "round {round}: {:.1} ms without, {:.1} ms with leakspy (× {:.3}); attached in {:.2} s",
            pair.without,
            pair.with,
            pair.with / pair.without,
            pair.cost.attach_seconds
        );
        pairs.push(pair);
    }
    summary(&pairs);
    run(command(target_dir().join("release/leakspy"))
        .args(["report", "--top", "5"])
        .arg(recorder::recording()))
}

fn measure(server: &Server, sessions: u32) -> Result<Pair> {
    let without = server.sessions(sessions)?;
    let recorder = Recorder::start(server.pid())?;
    let with = server.sessions(sessions)?;
    Ok(Pair { without, with, cost: recorder.stop()? })
}

fn summary(pairs: &[Pair]) {
    let median_of = |value: fn(&Pair) -> f64| median(pairs.iter().map(value).collect());
    println!("\nmedians of {} rounds", pairs.len());
    println!("  CPU per session without leakspy  {:8.1} ms", median_of(|pair| pair.without));
    println!("  CPU per session with leakspy     {:8.1} ms", median_of(|pair| pair.with));
    println!(
        "  ratio                            {:8.3}",
        median_of(|pair| pair.with / pair.without)
    );
    println!(
        "  time to attach                   {:8.2} s",
        median_of(|pair| pair.cost.attach_seconds)
    );
    println!(
        "  leakspy's share of a core        {:8.1} %",
        median_of(|pair| pair.cost.cpu_percent)
    );
    println!(
        "  leakspy's most resident memory   {:8.1} MiB\n",
        median_of(|pair| pair.cost.peak_mib)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
