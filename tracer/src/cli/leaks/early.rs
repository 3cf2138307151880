//! First words while the recording goes on: from a snapshot of it, in a thread of its own, so that
//! the recorder never waits for it.

use std::thread::JoinHandle;
use std::time::Instant;

use crate::cli::live::{Outcome, Watcher};
use crate::cli::progress::ProgressLine;
use crate::history::SharedHistory;
use crate::judge::Judge;
use crate::model::{Document, Verdict};
use crate::report::{quantity, sentence};
use crate::session::{Attachment, Status};

/// Seconds until the first words, and between them.
const EVERY: f64 = 60.0;
/// Words may cost one part in so many of a core: a recording that takes long to judge is judged
/// less often.
const ONE_PART_IN: f64 = 50.0;

/// What a judgement gave, and how long it took.
struct Early {
    words: Option<String>,
    seconds: f64,
}

/// Progress, and first words.
pub struct EarlyReport<W> {
    line: ProgressLine<W>,
    judge: Judge,
    history: SharedHistory,
    next: f64,
    work: Option<JoinHandle<Early>>,
}

impl<W: std::io::Write> EarlyReport<W> {
    /// Words on what `history` has.
    pub fn new(line: ProgressLine<W>, judge: Judge, history: SharedHistory) -> Self {
        Self { line, judge, history, next: EVERY, work: None }
    }

    /// Clears the line, and waits for words that are being found.
    pub fn end(mut self) {
        if let Some(work) = self.work.take() {
            // Its report would come too late.
            let _ = work.join();
        }
        self.line.clear();
    }

    /// Words that are ready; begins to find the next when their time has come.
    fn poll(&mut self, seconds: f64) -> Option<String> {
        if self.work.as_ref().is_some_and(JoinHandle::is_finished) {
            let early = self.work.take()?.join().ok()?;
            self.next = next(seconds, early.seconds);
            return early.words;
        }
        if self.work.is_none() && seconds >= self.next {
            let (judge, history) = (self.judge.clone(), self.history.clone());
            let judge = move || {
                let begin = Instant::now();
                let document = history.snapshot().document().ok();
                let words = document.map(|document| words(&judge.judge(document).document));
                Early { words, seconds: begin.elapsed().as_secs_f64() }
            };
            // Without a thread there is no early report now, and perhaps later.
            self.work = std::thread::Builder::new().name("words".to_owned()).spawn(judge).ok();
            self.next = next(seconds, 0.0);
        }
        None
    }
}

/// The next full minute, or later after words that took long.
fn next(seconds: f64, took: f64) -> f64 {
    let minute = ((seconds / EVERY).floor() + 1.0) * EVERY;
    minute.max(seconds + took * ONE_PART_IN)
}

/// `After 2 min: Growing by 1.2 MiB per minute, but too early to say why. …`
fn words(document: &Document) -> String {
    let growing = |verdict| matches!(verdict, Verdict::Leak | Verdict::Undetermined);
    let first = document.findings.iter().find(|finding| growing(finding.verdict));
    let finding = first.map(|first| format!(" {}", sentence::finding(first, document)));
    let elapsed = (document.capture.seconds / EVERY).round() * EVERY;
    let state = sentence::process(document);
    format!("After {}: {state}.{}", quantity::duration(elapsed), finding.unwrap_or_default())
}

impl<W: std::io::Write> Watcher for EarlyReport<W> {
    fn attached(&mut self, target: usize, about: &Attachment) {
        self.line.attached(target, about);
    }

    fn status(&mut self, target: usize, status: &Status) {
        if let Some(words) = self.poll(status.seconds) {
            self.line.words(&words);
        }
        self.line.status(target, status);
    }

    fn finishing(&mut self, target: usize) {
        self.line.finishing(target);
    }

    fn done(&mut self, target: usize, outcome: &Outcome) {
        self.line.done(target, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::leaks::samples;

    #[test]
    fn words_come_every_minute_unless_they_cost_too_much() {
        assert_eq!(next(60.2, 0.1), 120.0);
        assert_eq!(next(119.9, 0.0), 120.0);
        assert_eq!(next(61.0, 4.0), 261.0);
    }

    #[test]
    fn words_are_the_state_and_the_first_finding() {
        let text = words(&samples::leaking());
        assert!(text.starts_with("After 10 min: Leaking: at least "), "{text}");
        assert!(text.contains(". `keep` (main.py:12) retains "), "{text}");
        assert!(words(&samples::quiet()).ends_with("normal work."));
    }
}
