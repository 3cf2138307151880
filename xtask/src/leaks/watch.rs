//! leakspy at work on a running case.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::case::{Case, Version};
use super::judge::{Report, Row, judge};
use super::live::{Hindrance, Live, Place};
use crate::command::as_root;

/// Seconds beyond the time of watching that attaching, detaching and thinking may take.
const GRACE: u32 = 180;

/// leakspy, and where its recordings go.
pub struct Watcher {
    /// The program.
    pub program: PathBuf,
    /// Recordings and reports, by case and version.
    pub kept: PathBuf,
}

impl Watcher {
    /// Runs a case for so many seconds while leakspy watches it. A case that cannot be had or
    /// breaks becomes a row too: the others are still to be tried.
    pub fn row(&self, place: &Place<'_>, case: &Case, version: Version, seconds: u32) -> Row {
        match self.watch(place, case, version, seconds) {
            Ok(row) => row,
            Err(Hindrance::Absent(reason)) => Row::not_run(case, version, reason),
            Err(Hindrance::Failed(error)) => Row::broken(case, version, format!("{error:#}")),
        }
    }

    fn watch(
        &self,
        place: &Place<'_>,
        case: &Case,
        version: Version,
        seconds: u32,
    ) -> Result<Row, Hindrance> {
        let live = Live::start(place, case, version)?;
        let recording = self.file(case, version, "leakspy");
        let before = live.operations();
        let json = self.leaks(live.pid(), seconds, &recording)?;
        let operations = live.operations().saturating_sub(before);
        let ended = (!live.is_alive()).then(|| live.last_words());
        drop(live);
        let count = self.file(case, version, "operations");
        fs::write(&count, operations.to_string())
            .with_context(|| format!("cannot write {}", count.display()))?;
        let mut row = self.judged(case, version, &json, operations)?;
        if let Some(words) = ended {
            row.notes.push(format!("the driver ended too early; its log says: {words}"));
        }
        Ok(row)
    }

    /// Judges what an earlier run recorded; `None` when it recorded nothing of this case.
    pub fn row_again(&self, case: &Case, version: Version) -> Option<Row> {
        let operations = fs::read_to_string(self.file(case, version, "operations")).ok()?;
        let judged = || {
            let count =
                operations.trim().parse().context("the count of operations is no number")?;
            let json = self.leaks_again(&self.file(case, version, "leakspy"))?;
            self.judged(case, version, &json, count)
        };
        Some(judged().unwrap_or_else(|error| Row::broken(case, version, format!("{error:#}"))))
    }

    /// The user's own command, and the recording beside it.
    fn leaks(&self, pid: u32, seconds: u32, recording: &Path) -> Result<String> {
        let duration = format!("{seconds}s");
        let mut leaks = as_root(&self.program)?;
        leaks
            .args(["--quiet", "leaks", "--pid", &pid.to_string(), "--duration", &duration])
            .args(["--format", "json", "--force", "--save"])
            .arg(recording);
        bounded(&leaks, seconds.saturating_add(GRACE))
    }

    fn leaks_again(&self, recording: &Path) -> Result<String> {
        // What root recorded may be root's alone.
        let mut leaks = as_root(&self.program)?;
        leaks.arg("leaks").arg(recording).args(["--format", "json"]);
        bounded(&leaks, GRACE)
    }

    fn judged(&self, case: &Case, version: Version, json: &str, operations: u64) -> Result<Row> {
        let kept = self.file(case, version, "json");
        fs::write(&kept, json).with_context(|| format!("cannot write {}", kept.display()))?;
        Ok(judge(case, version, &Report::parse(json)?, operations))
    }

    fn file(&self, case: &Case, version: Version, extension: &str) -> PathBuf {
        self.kept.join(format!("{}-{}.{extension}", case.name, version.name()))
    }
}

/// Runs to the end, but not for more than so many seconds, and returns what was printed.
pub fn bounded(command: &Command, seconds: u32) -> Result<String> {
    let mut timeout = crate::command::command("timeout");
    // In the foreground, so that Ctrl-C reaches leakspy and ends the recording well.
    timeout.args(["--foreground", "--signal=INT", "--kill-after=30", &seconds.to_string()]);
    let output = timeout
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .output()
        .context("cannot start timeout")?;
    let complaint = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    match output.status.code() {
        Some(0) => String::from_utf8(output.stdout).context("leakspy printed no UTF-8"),
        Some(124) => bail!("leakspy did not end within {seconds} s: {complaint}"),
        _ => bail!("leakspy failed ({}): {complaint}", output.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::command;

    #[test]
    fn failures_are_told_in_one_line() {
        let fails = |script| bounded(command("sh").args(["-c", script]), 60);
        assert_eq!(fails("echo fine").expect("output"), "fine\n");
        let error = fails("printf 'a\\nb\\n' >&2; exit 5").expect_err("status 5").to_string();
        assert!(error.starts_with("leakspy failed (") && error.ends_with("): a; b"), "{error}");
    }
}
