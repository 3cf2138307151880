//! What the probes cost so far, second by second.

use std::collections::VecDeque;

use super::Summary;

/// The promise is kept over any so many seconds.
const WINDOW: f64 = 10.0;

/// Costs so far.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    /// Seconds and cost of the last while, seconds of a processor.
    last: VecDeque<(f64, f64)>,
    seconds: f64,
    cost: f64,
    exact: f64,
    exact_seconds: f64,
    longest: u32,
    /// Most in any window, seconds of a processor.
    most: f64,
}

impl Spent {
    /// So much time passed, in which the probes cost so many seconds of a processor; at `exact` of a core that would
    /// have been all allocations.
    pub fn add(&mut self, seconds: f64, cost: f64, exact: f64, period: u32) {
        self.last.push_back((seconds, cost));
        while self.length() - self.last.front().map_or(0.0, |first| first.0) >= WINDOW {
            self.last.pop_front();
        }
        self.seconds += seconds;
        self.cost += cost;
        self.exact += exact * seconds;
        self.exact_seconds += if period == 0 { seconds } else { 0.0 };
        self.longest = self.longest.max(period);
        self.most = self.most.max(self.of_window());
    }

    /// What the last window cost.
    fn of_window(&self) -> f64 {
        self.last.iter().map(|(_, cost)| cost).sum()
    }

    fn length(&self) -> f64 {
        self.last.iter().map(|(seconds, _)| seconds).sum()
    }

    /// Seconds that were looked at.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Seconds of a processor that the next second may cost.
    pub fn left(&self, budget: f64) -> f64 {
        let mut spent = self.of_window();
        // What falls out of the window when the next second comes.
        if self.length() > WINDOW - 1.0 {
            spent -= self.last.front().map_or(0.0, |(_, cost)| *cost);
        }
        (budget * WINDOW - spent).max(0.0)
    }

    /// Share of a core in the dearest window; windows are never shorter, as what came before the attach cost nothing.
    pub fn most(&self) -> f64 {
        self.most / WINDOW
    }

    /// What it came to.
    pub fn summary(&self) -> Option<Summary> {
        (self.seconds > 0.0).then(|| Summary {
            average: self.cost / self.seconds,
            most: self.most(),
            exact: self.exact / self.seconds,
            exact_seconds: self.exact_seconds,
            sampled_seconds: self.seconds - self.exact_seconds,
            longest: self.longest,
        })
    }
}
