//! Time in which nobody watched, as a recording says it.

use std::time::Duration;

use super::super::error::SessionError;
use super::super::stalls::{self, Reading};
use super::Recorder;
use crate::history::Sink as _;
use crate::os;

impl Recorder {
    /// Sees what the time since the last tick was, and notes what was not like others. After the
    /// end there is none.
    pub(super) fn notice_gaps(&mut self, now: Duration) -> Result<(), SessionError> {
        let Some((cpu, stopped)) = self.target.activity().filter(|_| self.ended.is_none()) else {
            return Ok(());
        };
        let asleep = os::clock::asleep_ns().saturating_sub(self.asleep);
        let asleep = Duration::from_nanos(asleep);
        let before = self.capture.notes.clone();
        stalls::tell_sleep(&mut self.capture.notes, asleep);
        let reading = Reading { now, cpu: Some(cpu), stopped };
        if let Some(stall) = self.stalls.notice(reading) {
            if stall.still {
                self.snapshots.stood_still(stall.from, stall.to);
            }
            stalls::tell(&mut self.capture.notes, stall);
        }
        if self.capture.notes != before {
            self.sinks.notes(&self.capture.notes)?;
        }
        Ok(())
    }
}
