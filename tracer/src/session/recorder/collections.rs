//! What the interpreter's garbage collector says of itself: how often it ran over everything, and whether it is
//! switched off.

use std::time::Duration;

use super::super::error::SessionError;
use super::Recorder;
use crate::history::Sink as _;
use crate::model::{Address, Note};
use crate::python::{CollectionOff, Collector};

/// Programs switch it off for a moment: so many readings in a row say that it stays off.
const READINGS: u32 = 5;

/// What was read of it.
#[derive(Debug)]
pub struct Collections {
    /// Where it is, when that was found.
    collector: Option<Collector>,
    /// Full collections, as it said last.
    all: Option<u64>,
    off: OffReadings,
    frozen: FrozenReadings,
}

/// Readings in a row at which it was off.
#[derive(Clone, Copy, Debug, Default)]
struct OffReadings(u32);

impl Collections {
    pub fn new(collector: Option<Collector>) -> Self {
        Self {
            collector,
            all: None,
            off: OffReadings::default(),
            frozen: FrozenReadings::default(),
        }
    }
}

impl OffReadings {
    /// What is noted after one more reading: once, when there were enough.
    fn notice(&mut self, off: Option<CollectionOff>) -> Option<Note> {
        self.0 = off.map_or(0, |_| self.0.saturating_add(1));
        let threshold = match off? {
            CollectionOff::Disabled => None,
            CollectionOff::Threshold(objects) => Some(objects),
        };
        (self.0 == READINGS).then_some(Note::CollectionOff { threshold })
    }
}

/// The last objects that are never collected, and at how many readings in a row there were others.
#[derive(Clone, Debug, Default)]
struct FrozenReadings {
    last: Vec<Address>,
    times: u32,
}

impl FrozenReadings {
    /// What is noted after one more reading: once, when `gc.freeze` goes on being called.
    fn notice(&mut self, froze: bool) -> Option<Note> {
        self.times = if froze { self.times.saturating_add(1) } else { 0 };
        (self.times == READINGS).then_some(Note::CollectionFrozen)
    }
}

impl Recorder {
    /// Counts full collections since the last reading, and notices when there are to be none.
    pub(super) fn read_collector(&mut self, now: Duration) -> Result<(), SessionError> {
        let Some(collector) = &self.collections.collector else { return Ok(()) };
        let off = collector.off(self.target.memory());
        let all = collector.full_collections(self.target.memory());
        let froze = collector.froze(self.target.memory(), &mut self.collections.frozen.last);
        let frozen = self.collections.frozen.notice(froze);
        let noted: Vec<Note> = self.collections.off.notice(off).into_iter().chain(frozen).collect();
        if !noted.is_empty() {
            noted.into_iter().for_each(|note| self.note(note));
            self.sinks.notes(&self.capture.notes)?;
        }
        let Some(all) = all else { return Ok(()) };
        let before = self.collections.all.replace(all).unwrap_or(all);
        Ok(self.sinks.collection(now.as_secs_f64(), all.saturating_sub(before))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_frozen_again_and_again_is_noted() {
        let mut readings = FrozenReadings::default();
        for froze in [true, true, true, true, false, true, true, true, true] {
            assert_eq!(readings.notice(froze), None);
        }
        assert_eq!(readings.notice(true), Some(Note::CollectionFrozen));
        assert_eq!(readings.notice(true), None, "once");
    }

    #[test]
    fn only_what_stays_off_is_noted() {
        let mut readings = OffReadings::default();
        let off = Some(CollectionOff::Threshold(0));
        for off in [off, off, off, off, None, off, off, off, off] {
            assert_eq!(readings.notice(off), None);
        }
        assert_eq!(readings.notice(off), Some(Note::CollectionOff { threshold: Some(0) }));
        assert_eq!(readings.notice(off), None, "once");
    }
}
