//! Readings of what the C library's malloc has, now and then during a recording.
//!
//! They are made on a thread of their own, since a large heap takes a while. The target runs on; see
//! `glibc` for how a reading is checked.

mod source;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::target::TracedTarget;
use crate::model::MallocPoint;
use crate::os;
pub use source::MallocSource;

/// Readings are so far apart at least.
const BETWEEN: Duration = Duration::from_secs(5);
/// They take no more than one part in so many of the time, and are one part in so many of the time since the start
/// apart: a week has some 1,500 of them.
const SHARE: u32 = 100;
const APART: u32 = 200;

/// The readings of one recording.
#[derive(Default)]
pub struct MallocReadings {
    source: Option<Arc<MallocSource>>,
    next: Duration,
    running: Option<JoinHandle<Reading>>,
}

/// What came of a reading, and how long it took.
struct Reading {
    point: Option<MallocPoint>,
    at: Duration,
    took: Duration,
}

impl MallocReadings {
    /// None yet; there will be none where malloc is not glibc's, or cannot be read.
    pub fn new(target: &TracedTarget) -> Self {
        Self { source: MallocSource::of(target).map(Arc::new), ..Self::default() }
    }

    /// What readings are made of, for others.
    pub fn source(&self) -> Option<Arc<MallocSource>> {
        self.source.clone()
    }

    /// Begins a reading, if one is due so long after the start.
    pub fn begin(&mut self, now: Duration) {
        if now < self.next || self.running.is_some() {
            return;
        }
        let Some(source) = self.source.clone() else { return };
        let work = move || {
            os::usage::yield_to_others();
            Reading::make(&source, now)
        };
        let spawned = std::thread::Builder::new().name("leakspy-malloc".to_owned()).spawn(work);
        self.running = spawned.ok();
        self.next = now + BETWEEN.max(now / APART);
    }

    /// A reading that is complete; with `wait` one that is to be.
    pub fn take(&mut self, wait: bool) -> Option<MallocPoint> {
        let running = self.running.take_if(|running| wait || running.is_finished())?;
        let reading = running.join().ok()?;
        self.next = self.next.max(reading.at + reading.took.saturating_mul(SHARE));
        reading.point
    }

    /// The last readings; there are none after it.
    pub fn last(&mut self, now: Duration) -> Vec<MallocPoint> {
        let before = self.take(true);
        self.next = Duration::ZERO;
        self.begin(now);
        self.source = None;
        before.into_iter().chain(self.take(true)).collect()
    }
}

impl Reading {
    fn make(source: &MallocSource, at: Duration) -> Self {
        let begun = Instant::now();
        let point = source.point(at.as_secs_f64());
        let took = begun.elapsed();
        tracing::debug!("read malloc in {took:?}: {point:?}");
        Self { point, at, took }
    }
}
