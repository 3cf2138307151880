//! Keeps what the probes cost a target within a budget.
//!
//! The cost is the traps, by a price measured at the attach, and the processor time of the programs, as the kernel
//! measures it. From what a second of the target had to do, the governor predicts what each rung of a ladder would
//! cost, and takes the most exact one that fits: all allocations recorded, or one in each so many bytes
//! ([`leakspy_ebpf::sampling`]). It steps down at once and up slowly.

mod price;
mod spent;

pub use price::{Activity, MeanRun, Prices};

use price::PERIODS;
use spent::Spent;

/// Part of the budget that a rung may need by prediction: the rest is for what comes unforeseen.
const PLANNED: f64 = 0.8;
/// To a more exact rung only when it would need less than this part: else it would be left again soon.
const ROOM: f64 = 0.5;
/// And only after so many seconds.
const REST: u32 = 10;
/// Weight of the last second in the averages.
const NEW: f64 = 0.2;
/// The rung of the first second.
const FIRST: usize = 2;
/// Seconds of the beginning, when nobody knows yet what the target does.
const BEGINNING: f64 = 1.5;

/// What the governor of one target knows.
#[derive(Clone, Debug)]
pub struct Governor {
    /// Share of a core; `None`: exact, whatever it costs.
    budget: Option<f64>,
    prices: Prices,
    /// What a second has to do, on average of late.
    usual: Option<Activity>,
    rung: usize,
    /// Seconds on this rung.
    stayed: u32,
    spent: Spent,
}

/// What came of a target's cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Share of a core on average.
    pub average: f64,
    /// Of the dearest ten seconds.
    pub most: f64,
    /// What it would have been with all allocations recorded, by prediction; the average.
    pub exact: f64,
    /// Seconds in which all allocations were recorded.
    pub exact_seconds: f64,
    /// Seconds in which only some were.
    pub sampled_seconds: f64,
    /// The longest period, bytes.
    pub longest: u32,
}

impl Summary {
    /// Whether only some allocations were recorded for longer than the beginning.
    pub fn is_sampled(&self) -> bool {
        self.sampled_seconds >= BEGINNING
    }
}

impl Governor {
    /// For a share of a core, or for exactness whatever it costs.
    pub fn new(budget: Option<f64>, prices: Prices) -> Self {
        let rung = usize::from(budget.is_some()) * FIRST;
        Self { budget, prices, usual: None, rung, stayed: 0, spent: Spent::default() }
    }

    /// Mean bytes between two recorded allocations; 0 when all are recorded.
    pub fn period(&self) -> u32 {
        PERIODS[self.rung]
    }

    /// Takes down what the target did since the last time, and chooses the rung for what comes.
    pub fn observe(&mut self, work: Activity) {
        if work.seconds <= 0.0 {
            return;
        }
        self.prices.learn(&work);
        let usual = self.usual.map_or(work, |usual| usual.mixed(&work, NEW));
        self.usual = Some(usual);
        let exact = self.prices.rate(&work, 0);
        self.spent.add(work.seconds, self.prices.cost(&work), exact, self.period());
        self.stayed += 1;
        if let Some(budget) = self.budget {
            self.choose(budget, &usual, &work);
        }
    }

    fn choose(&mut self, budget: f64, usual: &Activity, last: &Activity) {
        let fits = |rung: usize, work: &Activity, part: f64| {
            let period = PERIODS[rung];
            self.prices.rate(work, period) <= budget * part
                || self.prices.saves_little(work, period)
        };
        let least = |work: &Activity, part: f64| {
            (0..PERIODS.len()).find(|&rung| fits(rung, work, part)).unwrap_or(PERIODS.len() - 1)
        };
        let planned = least(usual, PLANNED);
        // What is left of ten seconds decides when it is short.
        let left = self.spent.left(budget);
        let needed = if left < budget { least(last, left / budget) } else { 0 };
        let rung = planned.max(needed);
        let begins = self.spent.seconds() < BEGINNING;
        if rung > self.rung || (rung < self.rung && begins) {
            (self.rung, self.stayed) = (rung, 0);
        } else if rung < self.rung && self.stayed >= REST {
            let roomy = least(usual, ROOM);
            if roomy < self.rung {
                (self.rung, self.stayed) = (roomy, 0);
            }
        }
    }

    /// Whether the budget is kept; not when the traps alone cost more.
    pub fn is_kept(&self) -> bool {
        self.budget.is_none_or(|budget| self.spent.most() <= budget)
    }

    /// What it came to; `None` before the first second.
    pub fn summary(&self) -> Option<Summary> {
        self.spent.summary()
    }
}

#[cfg(test)]
mod tests;
