//! References that C code takes to living objects and never gives back, against a workload that knows: those are told, and
//! references that are only hard to see are not.

use anyhow::{Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::recording::Tables;
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::Workload;

fn only_references_that_nobody_has_are_told(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "surplus")?;
    let recording = Recording::start(target.pid(), &["--census", "1s"])?;
    target.command("go 40")?;
    let taken = target.truth()?.number("taken")?;
    let finished = recording.stop()?;
    let told = Tables::open(&finished.file())?.surplus()?;
    let [(name, references, more)] = &told[..] else { anyhow::bail!("not one type: {told:?}") };
    ensure!(name == "__main__.Config", "{told:?}");
    // The first snapshot may see some of them.
    let right = *references >= taken && *references < taken + 30 && *more > taken / 2;
    ensure!(right, "{told:?}, truly {taken}");
    target.quit()
}

leakspy_tests::on_every_interpreter!(only_references_that_nobody_has_are_told);
