//! The words spoken with a workload, and its truth.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::interpreter::Interpreter;
use crate::process::{Ending, Process};
use crate::stage::Stage;

/// One Python frame, as the interpreter itself names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct TrueFrame {
    /// Qualified where the version has it.
    pub function: String,
    /// As compiled.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// Blocks that are alive because of one stack.
#[derive(Clone, Debug, Deserialize)]
pub struct Expectation {
    /// Root first.
    pub frames: Vec<TrueFrame>,
    /// What one block asked for.
    pub block_bytes: u64,
    /// Blocks alive.
    pub count: u64,
    /// Bytes alive.
    pub bytes: u64,
}

/// What a Python workload says about itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Truth {
    /// What must be found.
    pub expect: Vec<Expectation>,
    /// Whatever else it wants known.
    pub facts: BTreeMap<String, Value>,
    /// Live blocks by size, counted by a preloaded library, when there is one.
    pub witness: Option<BTreeMap<String, u64>>,
}

impl Truth {
    /// A number among the facts.
    pub fn number(&self, name: &str) -> Result<u64> {
        self.facts
            .get(name)
            .and_then(Value::as_u64)
            .with_context(|| format!("no number {name}: {:?}", self.facts))
    }
}

/// A running workload that has said that it is ready.
#[derive(Debug)]
pub struct Workload {
    process: Process,
    _stage: Option<Stage>,
}

impl Workload {
    /// Starts `SCRIPT.py`.
    pub fn python(interpreter: &Interpreter, script: &str) -> Result<Self> {
        Self::python_with(interpreter, script, |_, _| Ok(()))
    }

    /// Starts `SCRIPT.py`, after `adjust` had its way with the command.
    pub fn python_with(
        interpreter: &Interpreter,
        script: &str,
        adjust: impl FnOnce(&Stage, &mut Command) -> Result<()>,
    ) -> Result<Self> {
        let stage = Stage::new(interpreter.root.as_deref())?;
        let mut command = interpreter.command(&stage.path(&format!("{script}.py")));
        adjust(&stage, &mut command)?;
        Self::begin(format!("{script} on CPython {}", interpreter.row), &mut command, Some(stage))
    }

    /// Starts a C target.
    pub fn native(program: &Path, arguments: &[&str]) -> Result<Self> {
        Self::begin(program.display().to_string(), Command::new(program).args(arguments), None)
    }

    /// Starts any command that speaks the protocol.
    pub fn begin(name: String, command: &mut Command, stage: Option<Stage>) -> Result<Self> {
        let mut process = Process::start(name, command)?;
        process.hear(|line| line.starts_with("{\"ready\""))?;
        Ok(Self { process, _stage: stage })
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Gives a command and waits until it is done; returns the answer.
    pub fn command(&mut self, command: &str) -> Result<Value> {
        self.process.say(command)?;
        let answer = self.process.hear(|line| line.starts_with("{\"done\""))?;
        serde_json::from_str(&answer).with_context(|| format!("answer {answer:?}"))
    }

    /// Gives a command that has no answer, because the process will not live to give one.
    pub fn last_command(&mut self, command: &str) -> Result<()> {
        self.process.say(command)
    }

    /// Waits until it says that it is ready, again.
    pub fn hear_ready(&mut self) -> Result<()> {
        self.process.hear(|line| line.starts_with("{\"ready\"")).map(|_| ())
    }

    /// Lets it allocate.
    pub fn go(&mut self) -> Result<Value> {
        self.command("go")
    }

    /// Asks a Python workload for its truth.
    pub fn truth(&mut self) -> Result<Truth> {
        let value = self.raw_truth()?;
        serde_json::from_value(value).context("truth of a Python workload")
    }

    /// The facts of a workload that expects nothing of single stacks.
    pub fn facts(&mut self) -> Result<Value> {
        Ok(self.raw_truth()?["facts"].take())
    }

    /// Asks for the truth in whatever form.
    pub fn raw_truth(&mut self) -> Result<Value> {
        self.process.say("truth")?;
        let line = self.process.hear(|line| line.starts_with("{\"expect\""))?;
        serde_json::from_str(&line).with_context(|| format!("truth {line:?}"))
    }

    /// Ends it; it must end well.
    pub fn quit(mut self) -> Result<()> {
        self.process.say("quit")?;
        let ending = self.process.wait()?;
        ensure!(ending.code() == Some(0), "the target was harmed: {ending}");
        Ok(())
    }

    /// Waits for the end that it was told to take.
    pub fn wait(self) -> Result<Ending> {
        self.process.wait()
    }

    /// Kills it.
    pub fn kill(self) -> Result<Ending> {
        let ending = self.process.kill()?;
        if ending.signal() != Some(9) {
            bail!("was dead before it was killed: {ending}");
        }
        Ok(ending)
    }
}
