//! What somebody who waits for several recordings sees: a line for each target, redrawn on a
//! terminal.

use std::io::Write;

use super::block::{Block, named};
use super::{Manner, PLAIN_EVERY, line};
use crate::cli::exit;
use crate::cli::live::{Outcome, Watcher};
use crate::model::Note;
use crate::report::notes;
use crate::session::{Attachment, Status};

/// Shows the progress of several targets.
pub struct ManyLines<W> {
    block: Block<W>,
    targets: Vec<Target>,
}

struct Target {
    /// `4711 gunicorn`
    name: String,
    state: State,
    next_plain: f64,
}

enum State {
    Attaching,
    Counting(Status),
    Finishing,
    Over,
}

impl<W: Write> ManyLines<W> {
    /// Shows progress on `out`, of targets that are called so until more is known of them.
    pub fn new(out: W, manner: Manner, names: impl IntoIterator<Item = String>) -> Self {
        let targets = names
            .into_iter()
            .map(|name| Target { name, state: State::Attaching, next_plain: PLAIN_EVERY })
            .collect();
        Self { block: Block::new(out, manner), targets }
    }

    /// Clears the lines, so that something else can be printed.
    pub fn clear(&mut self) {
        self.block.clear();
    }

    /// Lines that stay, unless nobody wants to see any.
    pub fn words(&mut self, lines: &[String]) {
        for line in lines {
            self.block.words(line);
        }
        self.draw();
    }

    fn draw(&mut self) {
        let alive = self.targets.iter().filter(|target| !matches!(target.state, State::Over));
        let lines: Vec<String> = alive.map(Target::line).collect();
        self.block.draw(lines.into_iter());
    }
}

impl Target {
    fn line(&self) -> String {
        let state = match &self.state {
            State::Attaching => "attaching …".to_owned(),
            State::Counting(status) => line(status),
            State::Finishing => "looking up names …".to_owned(),
            State::Over => String::new(),
        };
        named(&self.name, &state)
    }
}

impl<W: Write> Watcher for ManyLines<W> {
    fn attached(&mut self, target: usize, about: &Attachment) {
        if let Some(target) = self.targets.get_mut(target) {
            target.name = format!("{} {}", about.pid, about.comm);
            target.state = State::Counting(Status::default());
        }
        if self.block.manner() != Manner::Quiet {
            self.block.say(&notes::attached(about));
        }
        self.draw();
    }

    fn status(&mut self, target: usize, status: &Status) {
        let manner = self.block.manner();
        let Some(target) = self.targets.get_mut(target) else { return };
        target.state = State::Counting(*status);
        if manner == Manner::Plain && status.seconds >= target.next_plain {
            target.next_plain = (status.seconds / PLAIN_EVERY).floor() * PLAIN_EVERY + PLAIN_EVERY;
            let line = target.line();
            self.block.say(&line);
        }
        self.draw();
    }

    fn noticed(&mut self, target: usize, note: &Note) {
        if let Some(target) = self.targets.get(target) {
            self.words(&[format!("{}: {}", target.name, notes::note(note))]);
        }
    }

    fn finishing(&mut self, target: usize) {
        if let Some(target) = self.targets.get_mut(target) {
            target.state = State::Finishing;
        }
        self.draw();
    }

    /// What went wrong is said at once, whatever the manner: the others go on for a while.
    fn done(&mut self, target: usize, outcome: &Outcome) {
        let Some(target) = self.targets.get_mut(target) else { return };
        target.state = State::Over;
        let name = target.name.clone();
        let why = match outcome {
            Ok(ending) => ending
                .note()
                .map(|note| format!("leakspy: {name}: {}", notes::stopped(&notes::note(&note)))),
            Err(error) => Some(format!("leakspy: {name}: {}", exit::line_of(error))),
        };
        if let Some(why) = why {
            self.block.say(&why);
        }
        self.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::super::COLUMNS;
    use super::super::block::LINES;
    use super::*;
    use crate::report::width;
    use crate::session::Ending;

    fn about(pid: u32) -> Attachment {
        let comm = "pan\u{1b}[31mel".to_owned();
        Attachment { pid, comm, python: None, probes: 14, method: crate::model::AttachMethod::Perf }
    }

    /// Words stay above the lines that are redrawn, in lines that fit.
    #[test]
    fn words_stay() {
        let said = |manner| {
            let mut out = Vec::new();
            let mut lines = ManyLines::new(&mut out, manner, ["11".to_owned()]);
            lines.words(&["leak ".repeat(30)]);
            String::from_utf8(out).expect("text")
        };
        let redrawn = said(Manner::Redrawn);
        assert_eq!(redrawn.lines().count(), 2 + 2, "{redrawn}");
        assert!(redrawn.lines().all(|line| width::columns(line) <= COLUMNS), "{redrawn}");
        assert_eq!(said(Manner::Plain).lines().count(), 1);
        assert_eq!(said(Manner::Quiet), "");
    }

    fn shown(manner: Manner) -> String {
        let mut out = Vec::new();
        let mut lines = ManyLines::new(&mut out, manner, ["11", "12"].map(str::to_owned));
        lines.attached(0, &about(11));
        lines.attached(1, &about(12));
        for seconds in [1.0, 10.2, 11.0] {
            for target in 0..2 {
                lines.status(
                    target,
                    &Status { seconds, live_bytes: 10_000_000, sites: 120, lost: 0, period: 0 },
                );
            }
        }
        lines.finishing(0);
        lines.done(0, &Ok(Ending::Asked));
        lines.done(1, &Ok(Ending::TargetGone(Note::TargetExited)));
        lines.clear();
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_terminal_sees_a_line_for_each() {
        let text = shown(Manner::Redrawn);
        let both = "11 pan\\x1b[31mel       10 s: 9.5 MiB live, 120 sites, nothing lost\n\
                    12 pan\\x1b[31mel       10 s: 9.5 MiB live, 120 sites, nothing lost\n(Ctrl-C ends)\n";
        assert!(text.contains(both), "{text}");
        assert!(text.contains("11 pan\\x1b[31mel       looking up names …\n12 "), "{text}");
        // Every line that was drawn is gone at the end.
        let last = text.rsplit("\x1b[J").next().expect("an end");
        assert!(last.starts_with("leakspy: 12 ") && last.lines().count() == 1, "{text:?}");
        assert!(!text.contains("\u{1b}[31m"));
    }

    #[test]
    fn a_file_gets_a_line_for_each_every_ten_seconds() {
        let text = shown(Manner::Plain);
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "recording pan\\x1b[31mel (pid 11), native stacks only, 14 probes by perf events",
                "recording pan\\x1b[31mel (pid 12), native stacks only, 14 probes by perf events",
                "11 pan\\x1b[31mel       10 s: 9.5 MiB live, 120 sites, nothing lost",
                "12 pan\\x1b[31mel       10 s: 9.5 MiB live, 120 sites, nothing lost",
                "leakspy: 12 pan\\x1b[31mel: the target exited; what was recorded until then is kept",
            ]
        );
    }

    #[test]
    fn quiet_is_quiet_but_for_what_went_wrong() {
        assert_eq!(shown(Manner::Quiet).lines().count(), 1);
    }

    #[test]
    fn many_targets_fit_a_terminal() {
        let mut out = Vec::new();
        let names = (0..100).map(|pid| pid.to_string());
        let mut lines = ManyLines::new(&mut out, Manner::Redrawn, names);
        lines.attached(0, &about(11));
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.lines().count(), 1 + LINES + 2);
        assert!(text.contains("and 80 more"), "{text}");
        assert!(text.lines().all(|line| width::columns(line) <= COLUMNS));
    }
}
