//! Time in which nobody watched, as a recording says it.

use std::time::Duration;

use super::super::error::SessionError;
use super::super::stalls::{self, Reading, Stall};
use super::Recorder;
use crate::history::Sink as _;
use crate::model::Note;
use crate::os;

impl Recorder {
    /// Sees what the time since the last tick was, and notes what was not like others. After the
    /// end there is none.
    pub(super) fn notice_gaps(&mut self, now: Duration) -> Result<(), SessionError> {
        let Some(reading) = self.reading(now) else { return Ok(()) };
        let before = self.capture.notes.clone();
        let asleep = os::clock::asleep_ns().saturating_sub(self.asleep);
        stalls::tell_sleep(&mut self.capture.notes, Duration::from_nanos(asleep));
        if let Some(stall) = self.stalls.notice(reading) {
            self.tell_stall(stall);
        }
        self.write_notes(&before)
    }

    /// The same for the time in which a tick was worked on: whoever is halted is so at any moment.
    pub(super) fn notice_gaps_in_work(&mut self) -> Result<(), SessionError> {
        let Some(reading) = self.reading(self.now()) else { return Ok(()) };
        let Some(stall) = self.stalls.done(reading) else { return Ok(()) };
        let before = self.capture.notes.clone();
        self.tell_stall(stall);
        self.write_notes(&before)
    }

    fn reading(&self, now: Duration) -> Option<Reading> {
        let (cpu, stopped) = self.target.activity().filter(|_| self.ended.is_none())?;
        let own_cpu = Duration::from_nanos(os::clock::own_cpu_ns());
        Some(Reading { now, cpu: Some(cpu), own_cpu, stopped })
    }

    fn tell_stall(&mut self, stall: Stall) {
        if stall.still {
            self.snapshots.stood_still(stall.from, stall.to);
        }
        stalls::tell(&mut self.capture.notes, stall);
    }

    fn write_notes(&mut self, before: &[Note]) -> Result<(), SessionError> {
        if self.capture.notes != before {
            self.sinks.notes(&self.capture.notes)?;
        }
        Ok(())
    }
}
