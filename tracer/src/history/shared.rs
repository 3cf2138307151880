//! A recording in memory that one side fills and another one judges.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::row::{Count, SiteRow, Tick};
use super::{InMemory, Sink};
use crate::model::{Capture, Cohort, Lifetime, Mark, Owned, Target, TypeRetainer, TypeSeries};

/// The same recording for all clones. Each call holds a lock for as long as it takes to put it
/// down.
#[derive(Clone, Debug, Default)]
pub struct SharedHistory(Arc<Mutex<InMemory>>);

impl SharedHistory {
    /// The recording as it is now.
    pub fn snapshot(&self) -> InMemory {
        self.lock().clone()
    }

    /// Whoever panicked while filling it left no row half put down that a document could not be
    /// made of.
    fn lock(&self) -> MutexGuard<'_, InMemory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for SharedHistory {
    type Error = Infallible;

    fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), Infallible> {
        self.lock().begin(target, capture, started)
    }

    fn site(&mut self, site: &SiteRow<'_>) -> Result<(), Infallible> {
        self.lock().site(site)
    }

    fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), Infallible> {
        self.lock().life(key, cohorts, lifetimes)
    }

    fn collection(&mut self, t: f64, count: u64) -> Result<(), Infallible> {
        self.lock().collection(t, count)
    }

    fn searched(&mut self) -> Result<(), Infallible> {
        self.lock().searched()
    }

    fn unreferenced(
        &mut self,
        key: u64,
        looked_for: u64,
        unreachable: u64,
    ) -> Result<(), Infallible> {
        self.lock().unreferenced(key, looked_for, unreachable)
    }

    fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), Infallible> {
        self.lock().types(counts, types)
    }

    fn retainers(
        &mut self,
        types: &[TypeRetainer],
        sites: &[(u64, Owned)],
    ) -> Result<(), Infallible> {
        self.lock().retainers(types, sites)
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Infallible> {
        self.lock().mark(mark)
    }

    fn tick(&mut self, tick: &Tick<'_>) -> Result<(), Infallible> {
        self.lock().tick(tick)
    }

    fn finish(&mut self, capture: &Capture) -> Result<(), Infallible> {
        self.lock().finish(capture)
    }
}
