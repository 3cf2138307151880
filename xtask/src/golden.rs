//! Rewrites what tests compare with.

use anyhow::Result;

use crate::command::{command, run};
use crate::tidy;

/// Runs the task.
pub fn run_task() -> Result<()> {
    tidy::bless()?;
    run(command("cargo").args(["test", "--package", "leakspy", "--lib"]).env("LEAKSPY_BLESS", "1"))
}
