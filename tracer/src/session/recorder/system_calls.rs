//! Whether mappings that the target makes by system calls of its own must be counted, and since when they
//! are.

use super::super::error::SessionError;
use super::super::unexplained::{MemoryReading, UnexplainedGrowth};
use super::Recorder;
use crate::history::{Sink as _, SiteTotals};
use crate::model::Note;
use crate::os::usage::{self, Resident};
use crate::probe::ProbeError;

/// Whether they must be counted.
#[derive(Debug, Default)]
pub struct SystemCalls {
    growth: UnexplainedGrowth,
    /// How much memory has no explanation, when that is too much.
    unexplained: Option<u64>,
    /// Whether the kernel side was asked to count them.
    asked: bool,
}

impl Recorder {
    /// Memory of the target; nothing when it is not `there` any more.
    pub(super) fn memory(&self, there: bool) -> Option<Resident> {
        there.then(|| usage::resident(self.target.pid()).ok()).flatten()
    }

    /// Compares the growth of memory with what is live.
    pub(super) fn notice_growth(
        &mut self,
        memory: Option<Resident>,
        live: u64,
        sites: &[SiteTotals],
    ) {
        let Some(memory) = memory.filter(|_| !self.system_calls.asked) else { return };
        let touched = memory.anonymous.saturating_add(memory.swap.unwrap_or(0));
        let sum = |of: fn(&SiteTotals) -> u64| sites.iter().map(of).fold(0, u64::saturating_add);
        self.system_calls.unexplained = self.system_calls.growth.notice(MemoryReading {
            touched,
            mapped: memory.writable.unwrap_or(touched),
            live,
            blocks: sum(|site| site.totals.live().count),
            allocated: sum(|site| site.totals.allocated.bytes),
            uncertain: self.cost.uncertain(live),
        });
    }

    /// How much memory has no explanation, when the kernel is to count system calls for that; once.
    pub fn needs_system_calls(&mut self) -> Option<u64> {
        let unexplained = self.system_calls.unexplained.take()?;
        self.system_calls.asked = true;
        Some(unexplained)
    }

    /// Notes that they are counted from now on, for so much memory, or that they cannot be.
    ///
    /// # Errors
    /// The recording cannot be written.
    pub fn sees_system_calls(
        &mut self,
        seen: Result<(), ProbeError>,
        bytes: u64,
    ) -> Result<Note, SessionError> {
        let note = match seen {
            Ok(()) => Note::SystemCallsSeen { from: self.now().as_secs_f64(), bytes },
            Err(error) => {
                tracing::debug!("mappings are seen in the C library only: {error}");
                Note::SystemCallsNotSeen
            }
        };
        self.note(note.clone());
        self.sinks.notes(&self.capture.notes)?;
        Ok(note)
    }
}
