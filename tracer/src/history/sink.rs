//! The receivers of the events of a recording.

use super::row::{Count, SiteRow, Tick};
use crate::model::{Capture, Cohort, Lifetime, Mark, Owned, Target, TypeRetainer, TypeSeries};

/// Something that stores a recording. What is reported between two ticks counts from the next one
/// on.
pub trait Sink {
    /// Why it cannot be kept; nothing more is taken after that.
    type Error;

    /// Who is recorded and how. `capture.seconds` and `capture.notes` are left to [`Sink::finish`].
    /// `started` is what `capture.started` says, with the fraction of the second; all times count
    /// from it.
    fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), Self::Error>;

    /// A site, new or known better than before.
    fn site(&mut self, site: &SiteRow<'_>) -> Result<(), Self::Error>;

    /// What a site's blocks did by the time of their birth, and how old they got; in place of what
    /// was said before.
    fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), Self::Error>;

    /// Full garbage collections that were noticed `t` seconds after the start.
    fn collection(&mut self, t: f64, count: u64) -> Result<(), Self::Error>;

    /// A search for pointers was completed: what earlier ones found no longer holds. Comes before
    /// what this one found.
    fn searched(&mut self) -> Result<(), Self::Error>;

    /// What came of a search for pointers to old blocks of a site: blocks that were looked for, and
    /// those that no pointer leads to.
    fn unreferenced(
        &mut self,
        key: u64,
        looked_for: u64,
        unreachable: u64,
    ) -> Result<(), Self::Error>;

    /// When Python objects were counted, and what their types did so far, in place of what was said
    /// before; only types that changed. All have a point for each count.
    fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), Self::Error>;

    /// What keeps objects of types that were given, and which objects own blocks of which site.
    fn retainers(
        &mut self,
        types: &[TypeRetainer],
        sites: &[(u64, Owned)],
    ) -> Result<(), Self::Error>;

    /// A moment that somebody named.
    fn mark(&mut self, mark: &Mark) -> Result<(), Self::Error>;

    /// The state at one moment, and everything since the last tick.
    fn tick(&mut self, tick: &Tick<'_>) -> Result<(), Self::Error>;

    /// The end: how long it took and what was noticed.
    fn finish(&mut self, capture: &Capture) -> Result<(), Self::Error>;
}

/// Two sinks that get the same events. The first one may fail; then the second does not get the
/// event.
#[derive(Clone, Debug, Default)]
pub struct Tee<A, B>(
    /// Gets each event first.
    pub A,
    /// Gets it then.
    pub B,
);

/// One that may not be there.
impl<S: Sink> Sink for Option<S> {
    type Error = S::Error;

    fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.begin(target, capture, started))
    }

    fn site(&mut self, site: &SiteRow<'_>) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.site(site))
    }

    fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.life(key, cohorts, lifetimes))
    }

    fn collection(&mut self, t: f64, count: u64) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.collection(t, count))
    }

    fn searched(&mut self) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), Sink::searched)
    }

    fn unreferenced(
        &mut self,
        key: u64,
        looked_for: u64,
        unreachable: u64,
    ) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.unreferenced(key, looked_for, unreachable))
    }

    fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.types(counts, types))
    }

    fn retainers(
        &mut self,
        types: &[TypeRetainer],
        sites: &[(u64, Owned)],
    ) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.retainers(types, sites))
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.mark(mark))
    }

    fn tick(&mut self, tick: &Tick<'_>) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.tick(tick))
    }

    fn finish(&mut self, capture: &Capture) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.finish(capture))
    }
}

/// An infallible result as one of another kind.
fn done<E>(result: Result<(), std::convert::Infallible>) -> Result<(), E> {
    result.map_err(|never| match never {})
}

impl<A, B> Sink for Tee<A, B>
where
    A: Sink,
    B: Sink<Error = std::convert::Infallible>,
{
    type Error = A::Error;

    fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), Self::Error> {
        self.0.begin(target, capture, started)?;
        done(self.1.begin(target, capture, started))
    }

    fn site(&mut self, site: &SiteRow<'_>) -> Result<(), Self::Error> {
        self.0.site(site)?;
        done(self.1.site(site))
    }

    fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), Self::Error> {
        self.0.life(key, cohorts, lifetimes)?;
        done(self.1.life(key, cohorts, lifetimes))
    }

    fn collection(&mut self, t: f64, count: u64) -> Result<(), Self::Error> {
        self.0.collection(t, count)?;
        done(self.1.collection(t, count))
    }

    fn searched(&mut self) -> Result<(), Self::Error> {
        self.0.searched()?;
        done(self.1.searched())
    }

    fn unreferenced(
        &mut self,
        key: u64,
        looked_for: u64,
        unreachable: u64,
    ) -> Result<(), Self::Error> {
        self.0.unreferenced(key, looked_for, unreachable)?;
        done(self.1.unreferenced(key, looked_for, unreachable))
    }

    fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), Self::Error> {
        self.0.types(counts, types)?;
        done(self.1.types(counts, types))
    }

    fn retainers(
        &mut self,
        types: &[TypeRetainer],
        sites: &[(u64, Owned)],
    ) -> Result<(), Self::Error> {
        self.0.retainers(types, sites)?;
        done(self.1.retainers(types, sites))
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Self::Error> {
        self.0.mark(mark)?;
        done(self.1.mark(mark))
    }

    fn tick(&mut self, tick: &Tick<'_>) -> Result<(), Self::Error> {
        self.0.tick(tick)?;
        done(self.1.tick(tick))
    }

    fn finish(&mut self, capture: &Capture) -> Result<(), Self::Error> {
        self.0.finish(capture)?;
        done(self.1.finish(capture))
    }
}
