//! What the probes cost the target, second by second, and what is recorded so that it stays within the budget.

use std::time::Duration;

use leakspy_ebpf::wire::counter::Counter;

use super::super::error::SessionError;
use super::Recorder;
use crate::governor::{Activity, Governor, MeanRun, Summary};
use crate::model::Note;
use crate::probe::{ProbeError, ProgramTimes, RunTime, Tables};

/// The kernel times its programs for the first so many looks,
const TIMED_FIRST: u32 = 3;
/// and then for one in so many: it makes each run some 50 ns longer.
const TIMED_ONE_IN: u32 = 16;

/// The cost of one target's probes.
#[derive(Debug)]
pub struct Cost {
    governor: Governor,
    before: Option<(Duration, Counts)>,
    looks: u32,
    /// What the programs took until they were timed last; none while they are not.
    timed: Option<ProgramTimes>,
}

/// Counters at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    left_out: u64,
    bytes: u64,
    frees: u64,
}

impl Counts {
    fn read(tables: &dyn Tables) -> Result<Self, ProbeError> {
        let counters = tables.counters()?;
        let count = |counter: Counter| counters.get(counter as usize).copied().unwrap_or(0);
        Ok(Self {
            calls: count(Counter::AllocCalls),
            left_out: count(Counter::AllocLeftOut),
            bytes: count(Counter::AllocBytes),
            frees: count(Counter::FreeCalls),
        })
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            left_out: self.left_out.saturating_sub(before.left_out),
            bytes: self.bytes.saturating_sub(before.bytes),
            frees: self.frees.saturating_sub(before.frees),
        }
    }
}

impl Cost {
    /// Before accounting is turned on.
    pub fn new(governor: Governor) -> Self {
        Self { governor, before: None, looks: 0, timed: None }
    }

    /// Says what is to be recorded from the first moment on.
    pub fn begin(&mut self, tables: &dyn Tables) -> Result<(), ProbeError> {
        self.time(tables, true);
        self.before = Some((Duration::ZERO, Counts::default()));
        tables.set_period(self.governor.period())
    }

    /// Sees what the target did until `now`, time since the start, and chooses what is recorded from now on.
    pub fn look(&mut self, tables: &dyn Tables, now: Duration) -> Result<(), ProbeError> {
        let counts = Counts::read(tables)?;
        let Some((then, before)) = self.before.replace((now, counts)) else { return Ok(()) };
        let [alloc_run, free_run] = self.runs(tables);
        let Counts { calls, left_out, bytes, frees } = counts.since(&before);
        let period = self.governor.period();
        self.governor.observe(Activity {
            seconds: now.saturating_sub(then).as_secs_f64(),
            calls: as_f64(calls),
            recorded: as_f64(calls.saturating_sub(left_out)),
            bytes: as_f64(bytes),
            frees: as_f64(frees),
            alloc_run,
            free_run,
        });
        if self.governor.period() != period {
            tracing::debug!("one allocation in {} bytes is recorded", self.governor.period());
            tables.set_period(self.governor.period())?;
        }
        self.looks += 1;
        self.time(tables, self.looks < TIMED_FIRST || self.looks.is_multiple_of(TIMED_ONE_IN));
        Ok(())
    }

    /// Mean bytes between two allocations that are recorded from now on; 0: all are.
    pub fn period(&self) -> u32 {
        self.governor.period()
    }

    /// By how much a sum of live bytes may be wrong, because some blocks stand for others: four standard errors.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub fn uncertain(&self, bytes: u64) -> u64 {
        let sampled = self.governor.summary().filter(Summary::is_sampled);
        let period = sampled.map_or(0, |cost| cost.longest);
        (4.0 * (as_f64(period.into()) * as_f64(bytes)).sqrt()) as u64
    }

    /// Runs at allocations and at releases since they are timed.
    fn runs(&self, tables: &dyn Tables) -> [Option<MeanRun>; 2] {
        let times = self.timed.and_then(|before| Some((before, tables.program_times().ok()?)));
        let Some((before, now)) = times else { return [None, None] };
        [mean(before.alloc, now.alloc), mean(before.free, now.free)]
    }

    fn time(&mut self, tables: &dyn Tables, on: bool) {
        let done = tables.time_programs(on);
        if let Err(error) = &done {
            tracing::debug!("programs are not timed: {error}");
        }
        let is_timed = on && done.is_ok();
        self.timed = is_timed.then(|| tables.program_times().ok()).flatten();
    }
}

#[allow(clippy::cast_precision_loss, reason = "amounts of a second")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

fn mean(before: RunTime, now: RunTime) -> Option<MeanRun> {
    let runs = as_f64(now.runs.saturating_sub(before.runs));
    let ns = as_f64(now.ns.saturating_sub(before.ns));
    (runs > 0.0).then(|| MeanRun { ns: ns / runs, runs })
}

impl Recorder {
    /// Keeps the cost of the probes within the budget; about once a second.
    pub fn govern(&mut self) -> Result<(), SessionError> {
        let now = self.now();
        self.cost.look(&*self.tables, now)?;
        self.tell_cost();
        Ok(())
    }

    /// What it has come to so far.
    pub(super) fn tell_cost(&mut self) {
        let Some(cost) = self.cost.governor.summary() else { return };
        self.capture.cost_ratio = Some(cost.average);
        self.capture
            .notes
            .retain(|note| !matches!(note, Note::Sampled { .. } | Note::BudgetExceeded { .. }));
        if cost.is_sampled() {
            "sampled".clone_into(&mut self.capture.mode);
            self.note(Note::Sampled {
                seconds: cost.sampled_seconds,
                period: cost.longest.into(),
                exact: cost.exact,
            });
        }
        if let Some(budget) = self.capture.budget.filter(|_| !self.cost.governor.is_kept()) {
            self.note(Note::BudgetExceeded { most: cost.most, budget });
        }
    }
}
