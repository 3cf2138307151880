//! When first words are found while a recording goes on: now and then, in a thread of their own, so
//! that the recorder never waits for them.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crate::model::Document;
use crate::report::quantity;

/// Seconds until the first words, and between them.
const EVERY: f64 = 60.0;
/// Words may cost one part in so many of a core: a recording that takes long to judge is judged
/// less often.
const ONE_PART_IN: f64 = 50.0;

/// Finds words on the state of a recording, or of several.
type Find = dyn Fn() -> Vec<String> + Send + Sync;

/// What a judgement gave, and how long it took.
struct Found {
    words: Vec<String>,
    seconds: f64,
}

/// Words that are found now and then.
pub struct FirstWords {
    find: Arc<Find>,
    next: f64,
    work: Option<JoinHandle<Found>>,
}

impl FirstWords {
    /// Words that `find` finds, a line each.
    pub fn new(find: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self { find: Arc::new(find), next: EVERY, work: None }
    }

    /// Words that are ready; begins to find the next when their time has come.
    pub fn poll(&mut self, seconds: f64) -> Vec<String> {
        if self.work.as_ref().is_some_and(JoinHandle::is_finished) {
            let found = self.work.take().and_then(|work| work.join().ok());
            let Some(Found { words, seconds: took }) = found else { return Vec::new() };
            // With several targets the one that asks now may be younger than the one that began.
            self.next = self.next.max(next(seconds, took));
            return words;
        }
        if self.work.is_none() && seconds >= self.next {
            let find = Arc::clone(&self.find);
            let work = move || {
                let begin = Instant::now();
                let words = find();
                Found { words, seconds: begin.elapsed().as_secs_f64() }
            };
            // Without a thread there is no early report now, and perhaps later.
            self.work = std::thread::Builder::new().name("words".to_owned()).spawn(work).ok();
            self.next = next(seconds, 0.0);
        }
        Vec::new()
    }

    /// Waits for words that are being found: they would come too late.
    pub fn end(&mut self) {
        if let Some(work) = self.work.take() {
            let _ = work.join();
        }
    }
}

/// The next full minute, or later after words that took long.
fn next(seconds: f64, took: f64) -> f64 {
    let minute = ((seconds / EVERY).floor() + 1.0) * EVERY;
    minute.max(seconds + took * ONE_PART_IN)
}

/// `After 2 min`: how long a recording has gone on, to the minute.
pub fn after(document: &Document) -> String {
    let elapsed = (document.capture.seconds / EVERY).round() * EVERY;
    format!("After {}", quantity::duration(elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_every_minute_unless_they_cost_too_much() {
        assert_eq!(next(60.2, 0.1), 120.0);
        assert_eq!(next(119.9, 0.0), 120.0);
        assert_eq!(next(61.0, 4.0), 261.0);
    }

    #[test]
    fn nothing_is_found_before_its_time_and_nothing_is_lost() {
        let mut words = FirstWords::new(|| vec!["one".to_owned(), "two".to_owned()]);
        assert!(words.poll(59.0).is_empty() && words.work.is_none());
        assert!(words.poll(60.0).is_empty());
        while !words.work.as_ref().is_some_and(JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        assert_eq!(words.poll(61.0), ["one", "two"]);
        assert!(words.poll(62.0).is_empty() && words.work.is_none());
    }

    /// Targets ask in turn, and are not equally old.
    #[test]
    fn a_minute_comes_once() {
        let mut words = FirstWords::new(|| vec!["one".to_owned()]);
        assert!(words.poll(60.0).is_empty());
        while !words.work.as_ref().is_some_and(JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        assert_eq!(words.poll(59.5), ["one"]);
        assert!(words.poll(60.5).is_empty() && words.work.is_none());
    }
}
