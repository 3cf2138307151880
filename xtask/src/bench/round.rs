//! One round: a window without a tool, and one with it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::load::Window;
use super::server::Live;
use super::tool::{Tool, Used};

/// The first seconds with a tool, its attach included, are told apart.
const FIRST: Duration = Duration::from_secs(15);
/// After a tool has ended, the server is itself again.
const REST: Duration = Duration::from_secs(2);

/// What was measured.
pub struct Round {
    /// Without.
    pub without: Window,
    /// The first seconds with it.
    pub first: Window,
    /// The rest of the time with it.
    pub after: Window,
    /// What the tool itself used.
    pub used: Used,
}

impl Round {
    /// Measures windows of so many seconds.
    pub fn measure(live: &Live, tool: &Tool, seconds: u64) -> Result<Self> {
        let length = Duration::from_secs(seconds);
        let window = |from: Instant, length: Duration| {
            live.load.wait_until(from + length)?;
            live.load.between(from, from + length + GRACE)
        };
        let without = window(Instant::now(), length)?;
        let began = Instant::now();
        let attached = tool.attach(live)?;
        let first = window(began, FIRST)?;
        let after = window(began + FIRST, length.saturating_sub(FIRST))?;
        let used = attached.stop()?;
        live.load.wait_until(Instant::now() + REST)?;
        Ok(Self { without, first, after, used })
    }

    /// Processor time of an operation with the tool, as parts of that without: first and then.
    pub fn ratios(&self) -> (f64, f64) {
        (self.first.cpu / self.without.cpu, self.after.cpu / self.without.cpu)
    }

    /// What it adds to the cores that the server uses: first and then. A server that cannot do more does less instead,
    /// which is counted as if it did the same.
    pub fn added(&self) -> (f64, f64) {
        let added = |with: &Window| (with.cpu - self.without.cpu) * self.without.rate / 1000.0;
        (added(&self.first), added(&self.after))
    }

    /// In a line.
    pub fn brief(&self) -> String {
        let (first, after) = self.ratios();
        format!(
            "{:.3} ms an operation without, × {first:.3} in the first {} s, × {after:.3} then; attached in {:.2} s; {}",
            self.without.cpu,
            FIRST.as_secs(),
            self.used.attach,
            if self.used.named { "named the leak" } else { "did not name the leak" },
        )
    }
}

/// The line that ends a window comes a moment after it.
const GRACE: Duration = Duration::from_millis(1500);
