//! A recording in memory. It stores what the file stores and thins out what the file thins out, so
//! that both lead to the same document; a test in `store` compares them.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use super::remarks::Remarks;
use super::row::{Count, SiteRetained, SiteRow, SiteTotals, Tick};
use super::thin::{Bounds, Thinning};
use super::{RecordingEvent, Sink, bounded, finite};
use crate::model::{
    CallStack, Capture, Cohort, Collection, Domain, FieldContrast, GrownContainer, Lifetime, Loss,
    LostMemory, MallocPoint, Mark, Owned, ProcessPoint, RetainedPlace, StackNote, Target,
    TypeRetainer, TypeSeries, UnreachableBlocks,
};

mod objects;
mod read;
mod thinned;

/// A recording in memory. A clone is a snapshot: it shares what is large, and costs a few
/// milliseconds for a server with 20,000 sites. Within the bounds of the file it takes about as
/// much memory as the history of the document.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    head: Option<Head>,
    sites: Vec<KnownSite>,
    /// Places in `sites`, by their keys in the kernel.
    places: HashMap<u64, usize>,
    counters: BTreeMap<Arc<str>, Loss>,
    thinning: Thinning,
    kept: Kept,
    remarks: Remarks,
    marks: Vec<Mark>,
    counts: Arc<[Count]>,
    types: Arc<[TypeSeries]>,
    type_retainers: Arc<[TypeRetainer]>,
    containers: Arc<[GrownContainer<u64>]>,
    retained_sizes: Arc<[RetainedPlace]>,
    malloc: Vec<MallocPoint>,
    contrasts: Arc<[FieldContrast]>,
    lost: Option<LostMemory>,
    next_tick: i64,
}

/// Who is recorded.
#[derive(Clone, Debug)]
struct Head {
    target: Target,
    capture: Capture,
    finished: bool,
}

/// What thins out, by the numbers of ticks and of rows about collections.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// The process, and live blocks where somebody looked.
    ticks: BTreeMap<i64, (ProcessPoint, Option<u64>)>,
    sums: BTreeMap<i64, Rows<SiteTotals>>,
    retained: BTreeMap<i64, Rows<SiteRetained>>,
    collections: BTreeMap<i64, Collection>,
}

/// Rows of one tick, with the places of their sites, in the order of those.
type Rows<T> = Arc<[(u32, T)]>;

/// A site.
#[derive(Clone, Debug)]
struct KnownSite {
    domain: Domain,
    size_class: u64,
    allocator: Arc<str>,
    stack: CallStack,
    notes: Arc<[StackNote]>,
    totals: SiteTotals,
    retained: SiteRetained,
    cohorts: Arc<[Cohort]>,
    lifetimes: Arc<[Lifetime]>,
    unreferenced: Option<UnreachableBlocks>,
    owned: Option<Arc<Owned>>,
}

impl InMemory {
    /// Changes how much is kept.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.thinning.set_bounds(bounds);
    }

    /// The place of the site with this key, made when there is none.
    fn place(&mut self, key: u64) -> usize {
        *self.places.entry(key).or_insert_with(|| {
            self.sites.push(KnownSite {
                domain: Domain::Malloc,
                size_class: 0,
                allocator: "".into(),
                stack: CallStack::default(),
                notes: [].into(),
                totals: SiteTotals { key, ..SiteTotals::default() },
                retained: SiteRetained { key, ..SiteRetained::default() },
                cohorts: [].into(),
                lifetimes: [].into(),
                unreferenced: None,
                owned: None,
            });
            self.sites.len() - 1
        })
    }

    fn known(&mut self, key: u64) -> (usize, &mut KnownSite) {
        let place = self.place(key);
        (place, &mut self.sites[place])
    }

    /// Totals that have changed.
    fn put_totals(&mut self, all: &[SiteTotals]) -> Vec<(u32, SiteTotals)> {
        let mut changed = Vec::new();
        for new in all {
            let (place, known) = self.known(new.key);
            if known.totals != *new {
                known.totals = *new;
                changed.push((number(place), *new));
            }
        }
        changed
    }

    /// Old blocks that have changed. The age alone is no change while there is nothing.
    fn put_retained(&mut self, all: &[SiteRetained]) -> Vec<(u32, SiteRetained)> {
        let mut changed = Vec::new();
        for new in all {
            let (place, known) = self.known(new.key);
            if new.differs(&known.retained) {
                known.retained = *new;
                changed.push((number(place), SiteRetained { age: finite(new.age), ..*new }));
            }
        }
        changed
    }

    fn put_remarks(&mut self) {
        let remarks = std::mem::take(&mut self.remarks);
        for (t, count) in remarks.collections {
            let number = self.thinning.add_collections(count);
            self.kept.collections.insert(number, Collection { t: finite(t), count });
        }
        if remarks.searched {
            self.sites.iter_mut().for_each(|site| site.unreferenced = None);
        }
        for (key, found) in remarks.unreferenced {
            self.known(key).1.unreferenced = Some(found);
        }
    }
}

impl Sink for InMemory {
    type Error = Infallible;

    fn take(&mut self, event: RecordingEvent<'_>) -> Result<(), Infallible> {
        use RecordingEvent as Event;
        match event {
            Event::Begin { target, capture, started } => self.put_begin(target, capture, started),
            Event::Site(site) => self.put_site(site),
            Event::Life { key, cohorts, lifetimes } => self.put_life(key, cohorts, lifetimes),
            Event::Collection { t, count } => {
                self.remarks.collection(t, count, self.thinning.bounds().collections);
            }
            Event::Searched => self.remarks.searched(),
            Event::Unreferenced { key, found } => {
                self.remarks.unreferenced.insert(key, found);
            }
            Event::Types { counts, types } => self.put_types(counts, types),
            Event::Retainers { types, sites } => self.put_retainers(types, sites),
            Event::Containers(containers) => self.put_containers(containers),
            Event::RetainedSizes(places) => self.put_retained_sizes(places),
            Event::Malloc(point) => {
                self.malloc.push(MallocPoint { t: finite(point.t), ..*point });
            }
            Event::Contrasts(contrasts) => self.put_contrasts(contrasts),
            Event::Lost(lost) => self.put_lost(lost),
            Event::Notes(notes) => {
                if let Some(head) = &mut self.head {
                    head.capture.notes = notes.to_vec();
                }
            }
            Event::Mark(mark) => self.put_mark(mark),
            Event::Tick(tick) => self.put_tick(tick),
            Event::Finish(capture) => self.put_finish(capture),
        }
        Ok(())
    }
}

impl InMemory {
    fn put_begin(&mut self, target: &Target, capture: &Capture, started: f64) {
        let started = std::time::Duration::try_from_secs_f64(started);
        let capture = Capture {
            started: started.map_or(0, |time| time.as_secs()),
            seconds: 0.0,
            notes: Vec::new(),
            ..capture.clone()
        };
        self.head = Some(Head { target: target.clone(), capture, finished: false });
    }

    fn put_site(&mut self, site: &SiteRow<'_>) {
        let (_, known) = self.known(site.key);
        (known.domain, known.size_class) = (site.domain, site.size_class);
        known.allocator = bounded(site.allocator).into();
        known.stack = site.stack.clone();
        known.notes = site.notes.into();
    }

    fn put_life(&mut self, key: u64, cohorts: &[Cohort], lifetimes: &[Lifetime]) {
        let (_, known) = self.known(key);
        (known.cohorts, known.lifetimes) = (cohorts.into(), lifetimes.into());
    }

    fn put_retainers(&mut self, types: &[TypeRetainer], sites: &[(u64, Owned)]) {
        self.put_type_retainers(types);
        self.sites.iter_mut().for_each(|site| site.owned = None);
        for (key, owned) in sites {
            self.known(*key).1.owned = Some(Arc::new(objects::bounded_owners(owned)));
        }
    }

    fn put_mark(&mut self, mark: &Mark) {
        let at = self.marks.partition_point(|known| known.t <= mark.t);
        self.marks.insert(at, mark.clone());
    }

    fn put_tick(&mut self, tick: &Tick<'_>) {
        self.next_tick += 1;
        let number = self.next_tick;
        for loss in tick.counters {
            let name = bounded(loss.counter.name());
            let known = self.counters.entry(name.into()).or_insert_with(|| loss.clone());
            known.count = loss.count;
        }
        let (sums, looked) = (self.put_totals(tick.sites), tick.snapshot);
        let retained = self.put_retained(looked.map_or(&[], |snapshot| snapshot.retained));
        self.put_remarks();
        let process = ProcessPoint { t: finite(tick.process.t), ..tick.process };
        self.kept.ticks.insert(number, (process, looked.map(|snapshot| snapshot.blocks)));
        let rows =
            self.kept.put(number, if tick.keep_history { sums } else { Vec::new() }, retained);
        self.thinning.add_tick(number, rows);
        let Ok(()) = self.thinning.apply(&mut self.kept);
    }

    fn put_finish(&mut self, capture: &Capture) {
        if let Some(head) = &mut self.head {
            let started = head.capture.started;
            let seconds = finite(capture.seconds);
            head.capture = Capture { started, seconds, ..capture.clone() };
            head.finished = true;
        }
    }
}

/// Kernel tables, and so sites, are far fewer.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
