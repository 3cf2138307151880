//! The program under test: `record` and `report`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Ending, PATIENCE, Process};
use crate::report::{Counters, Report};
use crate::{kernel, owner};

/// Path of a built leakspy to test instead of building one.
pub const BIN: &str = "LEAKSPY_BIN";

/// The line of standard error by which `record` says that every probe is in place.
const ATTACHED: &str = "recording";

/// What it says on standard error when it begins to count mappings by system calls.
pub const SYSTEM_CALLS: &str = "more than calls of malloc and mmap explain";

/// The program, built once.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| match std::env::var_os(BIN) {
        Some(path) => Ok(path.into()),
        None => build().map_err(|error| format!("{error:#}")),
    });
    built.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        // As people run it: the tracer has to keep up with its target.
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "leakspy",
            "--bin",
            "leakspy",
            "--message-format=json",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .context("build leakspy")?;
    ensure!(output.status.success(), "build leakspy: {}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Value = serde_json::from_str(line)?;
        if let Some(path) = message["executable"].as_str() {
            return Ok(path.into());
        }
    }
    bail!("cargo build named no executable")
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> Result<Ending> {
    let mut command = Command::new(binary()?);
    Process::start(format!("leakspy {arguments:?}"), command.args(arguments))?.wait()
}

/// A `record` that has attached.
#[derive(Debug)]
pub struct Recording {
    process: Process,
    directory: TempDir,
}

impl Recording {
    /// Attaches to a process, with more flags, and waits until every probe is in place.
    pub fn start(pid: u32, flags: &[&str]) -> Result<Self> {
        let mut recording = Self::launch(pid, flags)?;
        recording.await_attached()?;
        Ok(recording)
    }

    /// The same, but what it loads is taken for another leakspy's ([`owner`]).
    pub fn start_as_another(pid: u32) -> Result<Self> {
        let mut recording = Self::launch_with(pid, &[], owner::disown)?;
        recording.await_attached()?;
        Ok(recording)
    }

    /// Starts `record` and does not wait.
    pub fn launch(pid: u32, flags: &[&str]) -> Result<Self> {
        Self::launch_with(pid, flags, |_| ())
    }

    fn launch_with(pid: u32, flags: &[&str], adjust: impl FnOnce(&mut Command)) -> Result<Self> {
        let directory = tempfile::tempdir().context("make a directory for the recording")?;
        let mut command = Command::new(binary()?);
        command.args(["record", "-p", &pid.to_string(), "-o"]);
        command.arg(directory.path().join("out.leakspy")).args(flags);
        if !flags.contains(&"--budget") && !flags.contains(&"--exact") {
            // Tests count.
            command.arg("--exact");
        }
        adjust(&mut command);
        let process = Process::start(format!("leakspy record -p {pid} {flags:?}"), &mut command)?;
        Ok(Self { process, directory })
    }

    /// Waits until every probe is in place.
    pub fn await_attached(&mut self) -> Result<()> {
        self.process.notice(|line| line.starts_with(ATTACHED)).map(|_| ())
    }

    /// Waits until mappings by system calls are counted.
    pub fn await_system_calls(&mut self) -> Result<()> {
        self.process.notice(|line| line.contains(SYSTEM_CALLS)).map(|_| ())
    }

    /// Process id of the tracer.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where the recording is being written.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("out.leakspy")
    }

    /// Counters by name, as saved some time after this call began. What the target did before it is
    /// in them.
    pub fn counters(&self) -> Result<Counters> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(self.file(), flags)?;
        database.busy_timeout(PATIENCE)?;
        let last = || -> Result<i64> {
            Ok(database.query_row("SELECT coalesce(max(id), 0) FROM tick", [], |row| row.get(0))?)
        };
        // The next tick may have read the kernel's numbers already; the one after it has not.
        let (wanted, deadline) = (last()? + 2, Instant::now() + PATIENCE);
        while last()? < wanted {
            ensure!(Instant::now() < deadline, "the recording gets no ticks");
            std::thread::yield_now();
        }
        let mut statement = database.prepare("SELECT name, count FROM counter")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        let counts: Result<BTreeMap<String, u64>> = rows
            .map(|row| {
                row.map_err(Into::into).and_then(|(name, count)| Ok((name, count.try_into()?)))
            })
            .collect();
        Ok(Counters(counts?))
    }

    /// Asks it to end, as Ctrl-C does, and waits.
    pub fn stop(self) -> Result<Finished> {
        kernel::signal(self.pid(), libc::SIGINT)?;
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(self) -> Result<Finished> {
        let Self { process, directory } = self;
        Ok(Finished { ending: process.wait()?, directory })
    }

    /// Kills it on the spot.
    pub fn kill(self) -> Result<Ending> {
        self.process.kill()
    }
}

/// A recording after its end.
#[derive(Debug)]
pub struct Finished {
    /// How `record` ended.
    pub ending: Ending,
    directory: TempDir,
}

impl Finished {
    /// The recording.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("out.leakspy")
    }

    /// The report of a recording that went well.
    pub fn report(&self) -> Result<Report> {
        ensure!(self.ending.code() == Some(0), "record failed: {}", self.ending);
        report(&self.file())
    }

    /// The report of a recording whose target went away.
    pub fn report_of_vanished(&self) -> Result<Report> {
        ensure!(
            self.ending.code() == Some(4),
            "record must end with 4 when the target vanishes: {}",
            self.ending
        );
        report(&self.file())
    }
}

/// `report FILE -f json`
pub fn report(file: &Path) -> Result<Report> {
    let mut command = Command::new(binary()?);
    let ending =
        Process::start("leakspy report", command.arg("report").arg(file).args(["-f", "json"]))?
            .wait()?;
    ensure!(ending.code() == Some(0), "report failed: {ending}");
    let text = ending.stdout.join("\n");
    serde_json::from_str(&text).with_context(|| format!("not a report: {text}"))
}

/// Records while `work` runs.
pub fn recorded<T>(
    pid: u32,
    flags: &[&str],
    work: impl FnOnce() -> Result<T>,
) -> Result<(Report, T)> {
    let recording = Recording::start(pid, flags)?;
    let value = work()?;
    Ok((recording.stop()?.report()?, value))
}
