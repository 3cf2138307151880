//! The workloads' own truth, without any tracer: a preloaded library counts the same blocks.

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::native;
use leakspy_tests::workload::Workload;

leakspy_tests::on_every_interpreter!(kept, threads, extension, frees, stacks);

fn kept(interpreter: &Interpreter) -> Result<()> {
    agrees_with_the_witness(interpreter, "kept")
}

fn threads(interpreter: &Interpreter) -> Result<()> {
    agrees_with_the_witness(interpreter, "threads")
}

fn extension(interpreter: &Interpreter) -> Result<()> {
    agrees_with_the_witness(interpreter, "extension")
}

fn frees(interpreter: &Interpreter) -> Result<()> {
    agrees_with_the_witness(interpreter, "frees")
}

fn stacks(interpreter: &Interpreter) -> Result<()> {
    agrees_with_the_witness(interpreter, "stacks")
}

#[test]
fn arrays() -> Result<()> {
    agrees_with_the_witness(&Interpreter::find("venv")?, "arrays")
}

fn agrees_with_the_witness(interpreter: &Interpreter, script: &str) -> Result<()> {
    let witness = native::library("witness")?;
    let mut workload = Workload::python_with(interpreter, script, |stage, command| {
        let library = stage.add(&witness)?;
        command.env("LD_PRELOAD", library).env("LEAKSPY_WITNESS", "1");
        Ok(())
    })?;
    workload.go()?;
    let truth = workload.truth()?;
    let witness = truth.witness.as_ref().context("no witness in the target")?;
    for (size, counted) in witness {
        let size: u64 = size.parse()?;
        let told: u64 =
            truth.expect.iter().filter(|one| one.block_bytes == size).map(|one| one.count).sum();
        ensure!(
            told == *counted,
            "{script}: tells {told} blocks of {size}, the witness counted {counted}"
        );
    }
    ensure!(!witness.is_empty(), "{script} expects nothing");
    workload.quit()
}
