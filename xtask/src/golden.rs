//! Rewrites what tests compare with.

use std::fs;

use anyhow::{Context, Result};

use crate::command::{command, root, run};
use crate::tidy;

/// Runs the task.
pub fn run_task() -> Result<()> {
    tidy::bless()?;
    // What no test writes again is gone with it.
    let folder = root().join("tracer/golden");
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    run(command("cargo").args(["test", "--package", "leakspy", "--lib"]).env("LEAKSPY_BLESS", "1"))
}
