//! A live process, and where its interpreter's symbols are.

use anyhow::{Context, Result, anyhow};
use leakspy::model::{Memory, RuntimeSymbols};
use leakspy::os::{Modules, Process, interpreter};
use leakspy::python::{self, Python};

/// The process with this id and the symbols of its interpreter.
pub fn open(pid: &str) -> Result<(Process, RuntimeSymbols)> {
    let process = Process::open(pid.parse()?)?;
    let modules = Modules::of_process(&process)?;
    let candidates = interpreter::find(&modules, process.memory());
    let candidate = candidates.into_iter().next().context("no interpreter in it")?;
    Ok((process, candidate.symbols))
}

/// What is known of an interpreter.
pub fn attach(memory: &dyn Memory, symbols: &RuntimeSymbols) -> Result<Python> {
    python::attach(memory, symbols).map_err(|refusal| anyhow!("not understood: {refusal:?}"))
}
