//! The receivers of the events of a recording.

use std::convert::Infallible;

use super::row::{Count, SiteRow, Tick};
use crate::model::{
    Capture, Cohort, FieldContrast, GrownContainer, Lifetime, LostMemory, MallocPoint, Mark, Note,
    Owned, RetainedPlace, Target, TypeRetainer, TypeSeries, UnreachableBlocks,
};

/// Something that happens in a recording. What is reported between two ticks counts from the next
/// one on.
#[derive(Clone, Copy, Debug)]
pub enum RecordingEvent<'a> {
    /// As [`Sink::begin`].
    Begin {
        /// Who is recorded.
        target: &'a Target,
        /// How.
        capture: &'a Capture,
        /// Since when, seconds since the epoch.
        started: f64,
    },
    /// As [`Sink::site`].
    Site(&'a SiteRow<'a>),
    /// As [`Sink::life`].
    Life {
        /// The site.
        key: u64,
        /// Its blocks by the time of their birth.
        cohorts: &'a [Cohort],
        /// Its blocks by the age that they reached.
        lifetimes: &'a [Lifetime],
    },
    /// As [`Sink::collection`].
    Collection {
        /// Seconds since the start.
        t: f64,
        /// How many.
        count: u64,
    },
    /// As [`Sink::searched`].
    Searched,
    /// As [`Sink::unreferenced`].
    Unreferenced {
        /// The site.
        key: u64,
        /// What came of the search.
        found: UnreachableBlocks,
    },
    /// As [`Sink::types`].
    Types {
        /// When they were counted.
        counts: &'a [Count],
        /// Those that changed.
        types: &'a [TypeSeries],
    },
    /// As [`Sink::retainers`].
    Retainers {
        /// Of types.
        types: &'a [TypeRetainer],
        /// Owners of blocks, by site.
        sites: &'a [(u64, Owned)],
    },
    /// As [`Sink::containers`].
    Containers(&'a [GrownContainer<u64>]),
    /// As [`Sink::retained_sizes`].
    RetainedSizes(&'a [RetainedPlace]),
    /// As [`Sink::malloc`].
    Malloc(&'a MallocPoint),
    /// As [`Sink::contrasts`].
    Contrasts(&'a [FieldContrast]),
    /// As [`Sink::lost`].
    Lost(&'a LostMemory),
    /// As [`Sink::notes`].
    Notes(&'a [Note]),
    /// As [`Sink::mark`].
    Mark(&'a Mark),
    /// As [`Sink::tick`].
    Tick(&'a Tick<'a>),
    /// As [`Sink::finish`].
    Finish(&'a Capture),
}

/// Something that stores a recording. Who reports calls the method of an event; who stores has one
/// for all of them.
pub trait Sink {
    /// Why it cannot be kept; nothing more is taken after that.
    type Error;

    /// Stores an event.
    fn take(&mut self, event: RecordingEvent<'_>) -> Result<(), Self::Error>;

    /// Who is recorded and how. `capture.seconds` and `capture.notes` are left to [`Sink::finish`].
    /// `started` is what `capture.started` says, with the fraction of the second; all times count
    /// from it.
    fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Begin { target, capture, started })
    }

    /// A site, new or known better than before.
    fn site(&mut self, site: &SiteRow<'_>) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Site(site))
    }

    /// What a site's blocks did by the time of their birth, and how old they got; in place of what
    /// was said before.
    fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Life { key, cohorts, lifetimes })
    }

    /// Everything that was noticed so far, in place of what was before; [`Sink::finish`] says it
    /// all again.
    fn notes(&mut self, notes: &[Note]) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Notes(notes))
    }

    /// Full garbage collections that were noticed `t` seconds after the start.
    fn collection(&mut self, t: f64, count: u64) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Collection { t, count })
    }

    /// A search for pointers was completed: what earlier ones found no longer holds. Comes before
    /// what this one found.
    fn searched(&mut self) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Searched)
    }

    /// What came of a search for pointers to old blocks of a site: blocks that were looked for, and
    /// those that no pointer leads to.
    fn unreferenced(
        &mut self,
        key: u64,
        looked_for: u64,
        unreachable: u64,
    ) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Unreferenced {
            key,
            found: UnreachableBlocks { looked_for, unreachable },
        })
    }

    /// Lost small objects that a search found, in place of what earlier ones did.
    fn lost(&mut self, lost: &LostMemory) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Lost(lost))
    }

    /// When Python objects were counted, and what their types did so far, in place of what was said
    /// before; only types that changed. All have a point for each count.
    fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Types { counts, types })
    }

    /// What keeps objects of types that were given, and which objects own blocks of which site.
    fn retainers(
        &mut self,
        types: &[TypeRetainer],
        sites: &[(u64, Owned)],
    ) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Retainers { types, sites })
    }

    /// Containers of Python objects that grew, in place of what was said before; sites by their keys.
    fn containers(&mut self, containers: &[GrownContainer<u64>]) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Containers(containers))
    }

    /// How much the objects on paths retain, in place of what was said before.
    fn retained_sizes(&mut self, places: &[RetainedPlace]) -> Result<(), Self::Error> {
        self.take(RecordingEvent::RetainedSizes(places))
    }

    /// What malloc had at one moment, later than those before.
    fn malloc(&mut self, point: &MallocPoint) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Malloc(point))
    }

    /// What tells old objects of growing types from new ones, in place of what was said before.
    fn contrasts(&mut self, contrasts: &[FieldContrast]) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Contrasts(contrasts))
    }

    /// A moment that somebody named.
    fn mark(&mut self, mark: &Mark) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Mark(mark))
    }

    /// The state at one moment, and everything since the last tick.
    fn tick(&mut self, tick: &Tick<'_>) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Tick(tick))
    }

    /// The end: how long it took and what was noticed.
    fn finish(&mut self, capture: &Capture) -> Result<(), Self::Error> {
        self.take(RecordingEvent::Finish(capture))
    }
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

    fn take(&mut self, event: RecordingEvent<'_>) -> Result<(), Self::Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.take(event))
    }
}

impl<A, B> Sink for Tee<A, B>
where
    A: Sink,
    B: Sink<Error = Infallible>,
{
    type Error = A::Error;

    fn take(&mut self, event: RecordingEvent<'_>) -> Result<(), Self::Error> {
        self.0.take(event)?;
        let Ok(()) = self.1.take(event);
        Ok(())
    }
}
