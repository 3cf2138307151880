//! leakspy at work on the server, and what it uses itself.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{command, output, run, target_dir};

/// Where each round's recording goes.
pub fn recording() -> PathBuf {
    target_dir().join("leakspy-bench/panel.leakspy")
}

/// What leakspy used.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From its start until it said that it records.
    pub attach_seconds: f64,
    /// CPU while it recorded, in percent of a core.
    pub cpu_percent: f64,
    /// Most resident memory until its end was asked for.
    pub peak_mib: f64,
}

/// A running recording.
pub struct Recorder {
    process: Child,
    /// Kept open: leakspy goes on talking.
    stderr: BufReader<ChildStderr>,
    attach: Duration,
    ticks_at_start: u64,
    began: Instant,
}

impl Recorder {
    /// Starts to record a process, and waits until probes are in place.
    pub fn start(pid: u32) -> Result<Self> {
        let started = Instant::now();
        let mut process = command(target_dir().join("release/leakspy"))
            .args(["record", "--pid", &pid.to_string(), "--force", "--output"])
            .arg(recording())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start leakspy")?;
        let mut stderr =
            BufReader::new(process.stderr.take().expect("invariant: stderr is a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).context("cannot read from leakspy")?;
        if !line.starts_with("recording ") {
            bail!("leakspy did not attach: {}", line.trim());
        }
        let attach = started.elapsed();
        let ticks_at_start = ticks(process.id())?;
        Ok(Self { process, stderr, attach, ticks_at_start, began: Instant::now() })
    }

    /// Ends the recording as Ctrl-C does.
    pub fn stop(mut self) -> Result<Cost> {
        let pid = self.process.id();
        let status = proc_file(pid, "status")?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.split_ascii_whitespace().next())
            .and_then(|kib| kib.parse::<f64>().ok())
            .context("no VmHWM")?;
        let used = ticks(pid)? - self.ticks_at_start;
        let seconds = self.began.elapsed().as_secs_f64();
        run(command("kill").args(["-INT", &pid.to_string()]))?;
        for line in self.stderr.by_ref().lines() {
            line.context("cannot read from leakspy")?;
        }
        let status = self.process.wait().context("cannot wait for leakspy")?;
        if !status.success() {
            bail!("leakspy ended badly ({status})");
        }
        let per_second: f64 =
            output(command("getconf").arg("CLK_TCK"))?.trim().parse().context("CLK_TCK")?;
        let used = f64::from(u32::try_from(used).unwrap_or(u32::MAX));
        Ok(Cost {
            attach_seconds: self.attach.as_secs_f64(),
            cpu_percent: used / per_second / seconds * 100.0,
            peak_mib: peak / 1024.0,
        })
    }
}

/// CPU of a process, user and system, in ticks.
fn ticks(pid: u32) -> Result<u64> {
    let stat = proc_file(pid, "stat")?;
    // The name in brackets may hold anything, so count from the last bracket.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let numbers: Vec<u64> = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    match numbers[..] {
        [user, system] => Ok(user + system),
        _ => bail!("/proc/{pid}/stat makes no sense: {stat}"),
    }
}

fn proc_file(pid: u32, name: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{name}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}
