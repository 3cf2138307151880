//! A live process, and where its interpreter's symbols are.

use anyhow::{Context, Result};
use leakspy::model::RuntimeSymbols;
use leakspy::os::{Modules, Process, interpreter};

/// The process with this id and the symbols of its interpreter.
pub fn open(pid: &str) -> Result<(Process, RuntimeSymbols)> {
    let process = Process::open(pid.parse()?)?;
    let modules = Modules::of_process(&process)?;
    let candidates = interpreter::find(&modules, process.memory());
    let candidate = candidates.into_iter().next().context("no interpreter in it")?;
    Ok((process, candidate.symbols))
}
