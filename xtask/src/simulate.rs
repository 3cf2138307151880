//! The detector against simulated processes, and the document with its table.

use anyhow::{Context, Result};

use crate::command::{command, output, root};

const DOCUMENT: &str = "docs/simulation.md";
/// What is needed for the table that is committed.
const SEEDS: u64 = 50;

/// Options of `cargo xtask simulate`.
#[derive(clap::Args)]
pub struct Options {
    /// Processes of each family; with another number than the usual the document is not written.
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// Only families whose name contains this; the document is not written then.
    #[arg(long, default_value = "")]
    family: String,
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    let mut simulate = command("cargo");
    simulate.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "leakspy-tests",
        "--bin",
        "simulate",
        "--",
    ]);
    simulate.arg(options.seeds.to_string()).arg(&options.family);
    let table = output(&mut simulate)?;
    print!("{table}");
    if options.seeds != SEEDS || !options.family.is_empty() {
        println!("\n{DOCUMENT} is left as it is: it shows {SEEDS} seeds of every family.");
        return Ok(());
    }
    let path = root().join(DOCUMENT);
    let text = format!("{HEAD}{table}");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("\nwritten to {DOCUMENT}");
    Ok(())
}

const HEAD: &str = "# The detector against simulated processes

`cargo xtask simulate` makes this page: 50 processes of each family, from the seeds 1 to 50, so that it comes
out the same everywhere. Each process is a list of blocks with the times of their birth and death
(`tests/src/simulator`). A recording of it, with the same series as a real one, is judged at 1, 2, 3, 5, 7, 10
and 30 minutes, at 1, 2, 3, 4, 6, 8 and 12 hours, and then every 12 hours up to a week. Every process has a
background that does not leak: sessions, caches, garbage, and what a program takes when it starts.

A process can also come to a halt (`stalled.rs`): leakspy, the target or both stop for a while, ticks are late or missing, or the
machine sleeps. The tests demand that a leak keeps its rate and its rank then, and that nothing else is accused more
often; for stacks and for types of objects.

How to read it:

- **found**: the leak was called `leak` at `likely` or surer; *usually* is the median. Times are those of the
  moments of judging, so 4 h means between 3 and 4.
- **confirmed**: the same for `confirmed`, with the median time. Growth alone is confirmed only after seven days; what
  confirms earlier is a steady share of sessions that is retained, or blocks that nothing points to (not simulated).
- **slope covered**: share of the 95 % intervals, over all moments with the verdict `leak`, that contain the true rate.
  **limit covered**: the same for the hours until a limit is reached.
- **false `likely`**: something harmless began to be called `leak` at `likely` or surer. A cache that fills in a
  straight line looks exactly like a leak until it is full; those that take longer than three hours are
  called likely once, and taken back when they begin to evict. They are never confirmed before they are full.

";
