//! A child, its lines, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::owner;

/// After this long without the awaited line a test has failed; never a measure of speed.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The lines of one stream, collected by a thread as they come.
#[derive(Debug)]
struct Lines {
    receiver: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut bytes = Vec::new();
            while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                let line = String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
                if sender.send(line).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
        Self { receiver, seen: Vec::new() }
    }

    /// The next line, or nothing at the end of the stream.
    fn next(&mut self, deadline: Instant) -> Result<Option<String>> {
        match self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("waited {PATIENCE:?} in vain"),
        }
    }

    fn drain(&mut self, deadline: Instant) -> Result<()> {
        while self.next(deadline)?.is_some() {}
        Ok(())
    }
}

/// How a child ended and what it said.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Status.
    pub status: ExitStatus,
    /// All lines of standard output.
    pub stdout: Vec<String>,
    /// All lines of standard error.
    pub stderr: Vec<String>,
}

impl Ending {
    /// Exit code; nothing when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; stdout {:#?}; stderr {:#?}", self.status, self.stdout, self.stderr)
    }
}

/// A child with piped streams; killed when dropped before its end.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

impl Process {
    /// Starts it.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Result<Self> {
        let name = name.into();
        owner::claim(command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {name}: {command:?}"))?;
        let stdin = child.stdin.take();
        let stdout = Lines::of(child.stdout.take().context("piped above")?);
        let stderr = Lines::of(child.stderr.take().context("piped above")?);
        Ok(Self { name, child, stdin, stdout, stderr })
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes one line to its standard input.
    pub fn say(&mut self, line: &str) -> Result<()> {
        let stdin =
            self.stdin.as_mut().with_context(|| format!("{} has no input left", self.name))?;
        writeln!(stdin, "{line}").with_context(|| format!("say {line:?} to {}", self.name))
    }

    /// The next line of its standard output that satisfies `wanted`.
    pub fn hear(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.await_line(|process| &mut process.stdout, wanted)
    }

    /// The next line of its standard error that satisfies `wanted`.
    pub fn notice(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.await_line(|process| &mut process.stderr, wanted)
    }

    fn await_line(
        &mut self,
        stream: impl Fn(&mut Self) -> &mut Lines,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match stream(self).next(deadline) {
                Ok(Some(line)) if wanted(&line) => return Ok(line),
                Ok(Some(_)) => {}
                Ok(None) => {
                    let ending = self.ending()?;
                    bail!("{} ended too early: {ending}", self.name)
                }
                Err(error) => return Err(error.context(format!("{}: {}", self.name, self.said()))),
            }
        }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Ending> {
        self.ending()
    }

    /// Kills it on the spot and waits for its end.
    pub fn kill(mut self) -> Result<Ending> {
        self.child.kill().with_context(|| format!("kill {}", self.name))?;
        self.ending()
    }

    fn ending(&mut self) -> Result<Ending> {
        self.stdin = None;
        let deadline = Instant::now() + PATIENCE;
        let drained = self.stdout.drain(deadline).and_then(|()| self.stderr.drain(deadline));
        drained.with_context(|| format!("{} does not end: {}", self.name, self.said()))?;
        let status = self.child.wait().with_context(|| format!("wait for {}", self.name))?;
        Ok(Ending { status, stdout: self.stdout.seen.clone(), stderr: self.stderr.seen.clone() })
    }

    fn said(&self) -> String {
        format!("stdout {:#?}; stderr {:#?}", self.stdout.seen, self.stderr.seen)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the child is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
