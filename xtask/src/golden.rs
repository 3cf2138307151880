//! Rewrites what tests compare with.

use std::fs;

use anyhow::{Context, Result};

use crate::command::{command, root, run};
use crate::tidy;

/// Runs the task.
pub fn run_task() -> Result<()> {
    tidy::bless()?;
    // Only when the tests can be built, since they write it all again: what none does is gone.
    run(command("cargo").args(["test", "--package", "leakspy", "--lib", "--no-run"]))?;
    let folder = root().join("tracer/golden");
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    run(command("cargo").args(["test", "--package", "leakspy", "--lib"]).env("LEAKSPY_BLESS", "1"))
}
