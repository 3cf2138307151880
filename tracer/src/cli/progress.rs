//! Progress of a recording: one line, redrawn on a terminal.

mod block;
mod many;
mod snapshots;

use std::io::{self, IsTerminal, Write};

pub use self::many::ManyLines;
pub use self::snapshots::ManySnapshots;
use super::live::{Outcome, Watcher};
use crate::model::{HeapSnapshot, Note};
use crate::report::quantity::{bytes, count, counted, duration};
use crate::report::{escape, notes, width};
use crate::session::{Attachment, Status};

/// Seconds between two lines where lines cannot be redrawn.
const PLAIN_EVERY: f64 = 10.0;
/// A terminal line that is wrapped cannot be redrawn; hardly any terminal is narrower.
const COLUMNS: usize = 78;
/// Back to the first column, and the line gone.
const REDRAW: &str = "\r\x1b[K";

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Not at all.
    Quiet,
    /// One line after the other.
    Plain,
    /// One line, redrawn.
    Redrawn,
}

impl Manner {
    /// What suits standard error.
    pub fn on_stderr(quiet: bool) -> Self {
        match io::stderr().is_terminal() {
            _ if quiet => Self::Quiet,
            true => Self::Redrawn,
            false => Self::Plain,
        }
    }
}

/// Shows progress.
pub struct ProgressLine<W> {
    out: W,
    manner: Manner,
    next_plain: f64,
}

impl<W: Write> ProgressLine<W> {
    /// Shows progress on `out`.
    pub fn new(out: W, manner: Manner) -> Self {
        Self { out, manner, next_plain: PLAIN_EVERY }
    }

    /// Clears the line, so that something else can be printed.
    pub fn clear(&mut self) {
        if self.manner == Manner::Redrawn {
            self.put(REDRAW);
        }
    }

    /// Progress that cannot be shown is no reason to stop a recording.
    fn put(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// Text that stays: in lines that fit on a terminal, in one line elsewhere.
    pub fn words(&mut self, text: &str) {
        if self.manner != Manner::Redrawn {
            return self.say(text);
        }
        for line in folded(text) {
            self.say(&line);
        }
    }

    /// A line that stays.
    fn say(&mut self, text: &str) {
        self.clear();
        if self.manner != Manner::Quiet {
            self.put(&format!("{}\n", escape::terminal(text)));
        }
    }
}

impl<W: Write> Watcher for ProgressLine<W> {
    fn attached(&mut self, _target: usize, about: &Attachment) {
        self.say(&notes::attached(about));
    }

    fn status(&mut self, _target: usize, status: &Status) {
        match self.manner {
            Manner::Quiet => {}
            Manner::Redrawn => {
                let line = width::cut_end(&format!("{} (Ctrl-C ends)", line(status)), COLUMNS);
                self.put(&format!("{REDRAW}{line}"));
            }
            Manner::Plain if status.seconds >= self.next_plain => {
                self.next_plain =
                    (status.seconds / PLAIN_EVERY).floor() * PLAIN_EVERY + PLAIN_EVERY;
                self.put(&format!("{}\n", line(status)));
            }
            Manner::Plain => {}
        }
    }

    fn noticed(&mut self, _target: usize, note: &Note) {
        self.words(&notes::note(note));
    }

    fn finishing(&mut self, _target: usize) {
        self.say("Looking up names …");
    }

    fn done(&mut self, _target: usize, _outcome: &Outcome) {}
}

/// Text in lines that fit on a terminal, harmless to it; all but the first are indented.
fn folded(text: &str) -> Vec<String> {
    let lines = width::wrap(&escape::terminal(text), COLUMNS - 2).into_iter().enumerate();
    lines.map(|(index, line)| if index == 0 { line } else { format!("  {line}") }).collect()
}

/// Shows the snapshots of a census.
pub struct SnapshotLine<W> {
    line: ProgressLine<W>,
    first: Option<f64>,
}

impl<W: Write> SnapshotLine<W> {
    /// Shows snapshots on `out`.
    pub fn new(out: W, manner: Manner) -> Self {
        Self { line: ProgressLine::new(out, manner), first: None }
    }

    /// Shows one: a line each, or one line that is redrawn.
    pub fn snapshot(&mut self, snapshot: &HeapSnapshot) {
        let first = *self.first.get_or_insert(snapshot.at);
        let text = snapshot_line(snapshot, snapshot.at - first);
        match self.line.manner {
            Manner::Quiet => {}
            Manner::Plain => self.line.put(&format!("{text}\n")),
            Manner::Redrawn => {
                let text = width::cut_end(&format!("{text} (Ctrl-C ends)"), COLUMNS);
                self.line.put(&format!("{REDRAW}{text}"));
            }
        }
    }

    /// Clears the line, so that something else can be printed.
    pub fn clear(&mut self) {
        self.line.clear();
    }
}

/// `1 min 5 s: snapshot 3, 1,234,567 objects, 95.4 MiB, took 2.1 s`
fn snapshot_line(snapshot: &HeapSnapshot, seconds: f64) -> String {
    format!(
        "{}: snapshot {}, {}, {}, took {}",
        elapsed(seconds.max(0.0)),
        count(u64::from(snapshot.snapshots)),
        counted(snapshot.objects, "object", "objects"),
        bytes(snapshot.bytes),
        duration(snapshot.seconds),
    )
}

/// `1 min 5 s: 9.5 MiB live, 120 sites, nothing lost`; after that `, 1 in 64.0 KiB recorded` where not all is.
fn line(status: &Status) -> String {
    let lost = match status.lost {
        0 => "nothing lost".to_owned(),
        lost => format!("{} lost", counted(lost, "call", "calls")),
    };
    let sampled = match status.period {
        0 => String::new(),
        period => format!(", 1 in {} recorded", bytes(period.into())),
    };
    let sites = u64::try_from(status.sites).unwrap_or(u64::MAX);
    format!(
        "{}: {} live, {} {}, {lost}{sampled}",
        elapsed(status.seconds),
        bytes(status.live_bytes),
        count(sites),
        if sites == 1 { "site" } else { "sites" },
    )
}

/// Whole seconds: a line that is redrawn shall not flicker.
fn elapsed(seconds: f64) -> String {
    if seconds < 60.0 { format!("{:.0} s", seconds.floor()) } else { duration(seconds.floor()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(manner: Manner) -> String {
        let mut out = Vec::new();
        let mut progress = ProgressLine::new(&mut out, manner);
        let about = Attachment {
            pid: 4711,
            comm: "\u{1b}[31mpanel".into(),
            python: Some("3.11.7".into()),
            probes: 14,
            method: crate::model::AttachMethod::Perf,
        };
        progress.attached(0, &about);
        for seconds in [1.0, 9.0, 10.2, 11.0, 19.9, 20.0, 65.0] {
            progress.status(
                0,
                &Status { seconds, live_bytes: 10_000_000, sites: 120, lost: 0, period: 0 },
            );
        }
        progress.status(
            0,
            &Status { seconds: 66.0, live_bytes: 0, sites: 1, lost: 1, period: 64 << 10 },
        );
        progress.finishing(0);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_terminal_sees_one_line() {
        let text = shown(Manner::Redrawn);
        assert_eq!(text.matches('\n').count(), 2);
        assert!(text.contains("\r\u{1b}[K1 min 5 s: 9.5 MiB live, 120 sites, nothing lost"));
        assert!(text.contains("0 B live, 1 site, 1 call lost, 1 in 64.0 KiB recorded"));
        assert!(!text.contains("\u{1b}[31m"));
    }

    #[test]
    fn a_file_gets_a_line_every_ten_seconds() {
        let text = shown(Manner::Plain);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "recording \\x1b[31mpanel (pid 4711), CPython 3.11.7, 14 probes by perf events",
                "10 s: 9.5 MiB live, 120 sites, nothing lost",
                "20 s: 9.5 MiB live, 120 sites, nothing lost",
                "1 min 5 s: 9.5 MiB live, 120 sites, nothing lost",
                "Looking up names …",
            ]
        );
    }

    #[test]
    fn words_fit_a_terminal() {
        let said = |manner| {
            let mut out = Vec::new();
            ProgressLine::new(&mut out, manner).words(&"leak ".repeat(40));
            String::from_utf8(out).expect("text").replace(REDRAW, "")
        };
        assert_eq!(said(Manner::Plain).lines().count(), 1);
        assert_eq!(said(Manner::Redrawn).lines().count(), 3);
        assert!(said(Manner::Redrawn).lines().all(|line| width::columns(line) <= COLUMNS));
        assert_eq!(said(Manner::Quiet), "");
    }

    #[test]
    fn every_snapshot_has_its_line() {
        let shown = |manner| {
            let mut out = Vec::new();
            let mut line = SnapshotLine::new(&mut out, manner);
            for (snapshots, at) in [(1, 1_000.0), (2, 1_030.4), (3, 999.0)] {
                let (objects, bytes) = (1_234_567, 100_000_000);
                line.snapshot(&HeapSnapshot {
                    at,
                    snapshots,
                    objects,
                    bytes,
                    seconds: 2.1,
                    ..HeapSnapshot::default()
                });
            }
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            shown(Manner::Plain).lines().collect::<Vec<_>>(),
            [
                "0 s: snapshot 1, 1,234,567 objects, 95.4 MiB, took 2.1 s",
                "30 s: snapshot 2, 1,234,567 objects, 95.4 MiB, took 2.1 s",
                "0 s: snapshot 3, 1,234,567 objects, 95.4 MiB, took 2.1 s",
            ]
        );
        let redrawn = shown(Manner::Redrawn);
        assert_eq!((redrawn.matches(REDRAW).count(), redrawn.matches('\n').count()), (3, 0));
        assert_eq!(shown(Manner::Quiet), "");
    }

    #[test]
    fn quiet_is_quiet() {
        assert_eq!(shown(Manner::Quiet), "");
    }
}
