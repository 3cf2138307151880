//! First words on one process while its recording goes on.

use super::words::{FirstWords, after};
use crate::cli::live::{Outcome, Watcher};
use crate::cli::progress::ProgressLine;
use crate::history::SharedHistory;
use crate::judge::Judge;
use crate::model::{Document, Note};
use crate::report::answer::{brief, headline};
use crate::session::{Attachment, Status};

/// Progress, and first words.
pub struct EarlyReport<W> {
    line: ProgressLine<W>,
    words: FirstWords,
}

impl<W: std::io::Write> EarlyReport<W> {
    /// Words on what `history` has.
    pub fn new(line: ProgressLine<W>, judge: Judge, history: SharedHistory) -> Self {
        let find = move || {
            let document = history.snapshot().document().ok();
            document.map(|document| words(&judge.judge(document).document)).into_iter().collect()
        };
        Self { line, words: FirstWords::new(find) }
    }

    /// Clears the line, and waits for words that are being found.
    pub fn end(mut self) {
        self.words.end();
        self.line.clear();
    }
}

/// `After 2 min: Perhaps leaking 1.2 MiB a minute. app.Socket, suspect: …`
fn words(document: &Document) -> String {
    let first = document.leaks.first().map(|leak| format!(" {}.", brief::of(leak, document)));
    let state = headline::process(document);
    format!("{}: {state}.{}", after(document), first.unwrap_or_default())
}

impl<W: std::io::Write> Watcher for EarlyReport<W> {
    fn attached(&mut self, target: usize, about: &Attachment) {
        self.line.attached(target, about);
    }

    fn status(&mut self, target: usize, status: &Status) {
        for words in self.words.poll(status.seconds) {
            self.line.words(&words);
        }
        self.line.status(target, status);
    }

    fn noticed(&mut self, target: usize, note: &Note) {
        self.line.noticed(target, note);
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
    fn words_are_the_state_and_the_first_leak() {
        let text = words(&samples::leaking());
        assert!(text.starts_with("After 10 min: LEAKING 1.8 MiB a minute, likely"), "{text}");
        let leak = ". engineio.socket.Socket, likely leak: 900 a minute, 1.8 MiB a minute, 4.3 MiB now; kept in __main__.";
        assert!(text.contains(leak), "{text}");
        assert!(words(&samples::quiet()).ends_with("normal work."));
    }
}
