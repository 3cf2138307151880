//! One target being recorded: what is done with each thing that can happen.

mod belief;
mod collections;
mod container_tables;
mod cost;
mod gaps;
mod objects;
mod packages;
mod pointers;
mod system_calls;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use leakspy_ebpf::wire::counter::{Counter, CounterClass};

use belief::Belief;
use collections::Collections;
use system_calls::SystemCalls;

use super::counters::{self, Counters};
use super::error::SessionError;
use super::malloc::{MallocReadings, MallocSource};
use super::names::CodeNames;
use super::progress::Status;
use super::queue::Queue;
use super::snapshots::{SnapshotSummary, Snapshots};
use super::stacks::Stacks;
use super::stalls::Stalls;
use super::surroundings::Surroundings;
use super::target::TracedTarget;
use crate::history::{Count, SharedHistory, Sink, SiteRow, SiteTotals, SnapshotRow, Tee, Tick};
use crate::model::{
    Capture, FieldContrast, GrownContainer, Interner, Note, Owned, ProcessPoint, RetainedPlace,
    StackNote, TypeRetainer, TypeSeries,
};
use crate::os;
use crate::os::usage::Resident;
use crate::probe::{self, Captured, EndedBy, Record, Tables};
use crate::python::Collector;
use crate::store::Writer;
use crate::symbolize::{Resolver, WalkEnd};
use container_tables::ContainerTables;
pub use cost::Cost;

/// Records handled before the loop looks at its other events.
const RECORDS_AT_ONCE: usize = 256;

/// The recorder of one target.
pub struct Recorder {
    target: TracedTarget,
    tables: Arc<dyn Tables>,
    names: CodeNames,
    stacks: Stacks,
    sinks: Sinks,
    /// Frames and stacks that were written.
    interner: Interner,
    capture: Capture,
    /// `CLOCK_MONOTONIC` nanoseconds when accounting was turned on.
    started: u64,
    /// Time since then at which it was turned off.
    ended: Option<Duration>,
    snapshots: Snapshots,
    surroundings: Surroundings,
    /// How far apart ticks are meant to be.
    tick: Duration,
    stalls: Stalls,
    /// How much longer it was since boot when accounting was turned on.
    asleep: u64,
    belief: Belief,
    system_calls: SystemCalls,
    collections: Collections,
    /// Sites whose stack is in the recording.
    written: HashSet<u64>,
    /// Unknown code addresses that made us look for new modules, so that each does so once.
    looked_for: HashSet<u64>,
    /// Records that could not be decoded.
    undecoded: u64,
    /// Records that wait to be handled.
    queue: Arc<Queue>,
    /// Series of types that wait for the next tick.
    types: Option<(Vec<Count>, Vec<TypeSeries>)>,
    /// What keeps types, and which objects own blocks; waits for the next tick too.
    retainers: Option<Retainers>,
    /// Which sites made the tables of containers that grow.
    container_tables: ContainerTables,
    /// Containers that grew; they wait for the next tick, too.
    containers: Option<(Vec<GrownContainer<u64>>, Vec<RetainedPlace>)>,
    malloc: MallocReadings,
    cost: Cost,
    /// What tells old objects from new ones; it waits, too.
    contrasts: Option<Vec<FieldContrast>>,
}

/// Where the recording is stored: in a file, in memory where somebody judges it while it goes on, or
/// in both.
pub type Sinks = Tee<Option<Writer>, Option<SharedHistory>>;

/// Paths by type, and owners by site.
type Retainers = (Vec<TypeRetainer>, Vec<(u64, Owned)>);

impl Recorder {
    /// Takes ownership of the parts; accounting is still off.
    pub fn new(
        mut target: TracedTarget,
        tables: Arc<dyn Tables>,
        queue: Arc<Queue>,
        sinks: Sinks,
        capture: Capture,
        cost: Cost,
        tick: Duration,
    ) -> Self {
        let names = CodeNames::new(target.python().cloned());
        let stacks = target.stacks();
        let python = target.python();
        let collector = python.and_then(|python| Collector::find(target.memory(), python));
        let malloc = MallocReadings::new(&target);
        let belief = Belief::new(target.probing().in_libraries.clone());
        Self {
            belief,
            system_calls: SystemCalls::default(),
            target,
            tables,
            names,
            stacks,
            sinks,
            interner: Interner::default(),
            capture,
            started: 0,
            ended: None,
            snapshots: Snapshots::new(0),
            surroundings: Surroundings::default(),
            tick,
            stalls: Stalls::new(tick),
            asleep: 0,
            collections: Collections::new(collector),
            written: HashSet::new(),
            looked_for: HashSet::new(),
            undecoded: 0,
            queue,
            types: None,
            retainers: None,
            container_tables: ContainerTables::default(),
            containers: None,
            malloc,
            cost,
            contrasts: None,
        }
    }

    /// Turns accounting on; the clock starts.
    pub fn start(&mut self) -> Result<(), SessionError> {
        let document = self.target.document();
        // Before the first block, so that none is older than the capture.
        let epoch = Duration::from_nanos(os::clock::epoch_ns());
        self.started = os::clock::monotonic_ns();
        self.asleep = os::clock::asleep_ns();
        self.snapshots = Snapshots::new(self.started);
        self.capture.started = epoch.as_secs();
        self.sinks.begin(&document, &self.capture, epoch.as_secs_f64())?;
        self.surroundings.refresh_sharing(self.target.pid(), Duration::ZERO, 0, false);
        self.cost.begin(&*self.tables)?;
        self.tables.set_recording(true)?;
        self.notice_growth(self.memory(true), 0, &[]);
        Ok(())
    }

    /// Turns accounting off: the numbers stay as they are now.
    pub fn stop(&mut self) -> Result<(), SessionError> {
        self.tables.set_recording(false)?;
        self.ended = Some(self.now());
        Ok(())
    }

    /// What has turned accounting off in the kernel.
    pub fn ended_by(&self) -> Result<Option<EndedBy>, SessionError> {
        Ok(self.tables.ended()?)
    }

    /// Time since the start, no later than the end.
    fn now(&self) -> Duration {
        let running = || os::clock::monotonic_ns().saturating_sub(self.started);
        self.ended.unwrap_or_else(|| Duration::from_nanos(running()))
    }

    /// The process.
    pub fn target(&self) -> &TracedTarget {
        &self.target
    }

    /// Its malloc, where that can be read.
    pub fn malloc(&self) -> Option<Arc<MallocSource>> {
        self.malloc.source()
    }

    /// Adds a note to the report, once.
    pub fn note(&mut self, note: Note) {
        if !self.capture.notes.contains(&note) {
            self.capture.notes.push(note);
        }
    }

    /// Handles waiting records, a bounded number of them.
    ///
    /// # Errors
    /// Never so far; a job may fail.
    pub fn drain(&mut self) -> Result<(), SessionError> {
        for _ in 0..RECORDS_AT_ONCE {
            let Some(record) = self.queue.take() else { break };
            self.record(&record);
        }
        Ok(())
    }

    fn record(&mut self, record: &[u8]) {
        match probe::decode(record) {
            Some(Record::Site(captured)) => self.site(&captured),
            Some(Record::Audit(captured)) => self.stacks.audit(&captured),
            Some(Record::CodeGone(gone)) => self.names.gone(&gone),
            None => self.undecoded += 1,
        }
    }

    fn site(&mut self, captured: &Captured) {
        if !self.stacks.wants(captured.site) {
            return;
        }
        // First, while the code objects are alive.
        self.names.learn(self.target.memory(), &*self.tables, &captured.words);
        let mut native = self.stacks.unwind(captured);
        if let WalkEnd::UnknownCode { address } = native.end
            && self.looked_for.insert(address)
            && self.target.refresh_modules(&mut self.stacks)
        {
            native = self.stacks.unwind(captured);
        }
        self.stacks.insert(captured, &native);
    }

    /// Saves the state now: counters, memory, what the sites did, and, when it is time for them, a
    /// point in their history and a snapshot of the live table. What has not changed costs nothing.
    /// Returns the state for progress.
    pub fn save(&mut self) -> Result<Status, SessionError> {
        let now = self.now();
        self.notice_gaps(now)?;
        let last = self.ended.is_some();
        let (sites, unsent) = counters::sites(&*self.tables)?;
        let all_counters = self.all_counters(unsent)?;
        let keep_history = self.snapshots.pace().history(now) || last;
        let snapshot = keep_history && (self.snapshots.pace().snapshot(now) || last);
        let seen = if snapshot {
            self.snapshots.snapshot(now, self.tick, &sites, &*self.tables)?
        } else {
            None
        };
        // The memory of what came after would be that of another program, or of none.
        let there = self.ended_by()?.is_none();
        if keep_history && there {
            self.surroundings.refresh(&self.target, now);
            let live_bytes = all_counters.live_bytes();
            self.surroundings.refresh_sharing(self.target.pid(), now, live_bytes, last);
            self.check_libraries(now, last)?;
            self.read_collector(now)?;
        }
        let memory = self.memory(there);
        self.notice_growth(memory, all_counters.live_bytes(), &sites);
        let process = self.process(now, memory, &sites, &all_counters);
        // From here on the recording is locked.
        self.write_stacks()?;
        self.write_objects()?;
        self.read_malloc(now, there, last)?;
        if self.snapshots.pace().write(now) || last {
            self.snapshots.write(&mut self.sinks)?;
        }
        let snapshot = seen
            .as_ref()
            .map(|SnapshotSummary { blocks, retained }| SnapshotRow { blocks: *blocks, retained });
        let counters = &all_counters.losses();
        self.sinks.tick(&Tick { process, counters, sites: &sites, keep_history, snapshot })?;
        self.take_marks()?;
        self.notice_gaps_in_work()?;
        Ok(Status {
            seconds: now.as_secs_f64(),
            live_bytes: all_counters.live_bytes(),
            sites: self.stacks.len(),
            lost: all_counters.sum(CounterClass::Loss),
            period: self.cost.period(),
        })
    }

    /// Other processes name moments in the file; a judge that works from memory needs them, too.
    fn take_marks(&mut self) -> Result<(), SessionError> {
        let Tee(writer, history) = &mut self.sinks;
        let (Some(writer), Some(history)) = (writer, history) else { return Ok(()) };
        for mark in writer.new_marks()? {
            let Ok(()) = history.mark(&mark);
        }
        Ok(())
    }

    /// The counters, with those that user space keeps.
    fn all_counters(&self, unsent: u64) -> Result<Counters, SessionError> {
        let mut all_counters = Counters::open(&*self.tables)?;
        all_counters.set(Counter::CodeUnread, self.names.missed());
        all_counters.set(Counter::RecordsUndecoded, self.undecoded);
        all_counters.set(Counter::SitesUnsent, unsent.saturating_add(self.queue.dropped().sites));
        let audit = self.stacks.audited();
        all_counters.set(Counter::StacksAudited, audit.compared);
        all_counters.set(Counter::StacksMerged, audit.different);
        Ok(all_counters)
    }

    fn process(
        &self,
        now: Duration,
        memory: Option<Resident>,
        sites: &[SiteTotals],
        all_counters: &Counters,
    ) -> ProcessPoint {
        let used = sites.iter().filter(|site| site.totals.allocated.count > 0).count();
        ProcessPoint {
            live_bytes: all_counters.live_bytes(),
            arena_bytes: Some(counters::arena_bytes(sites, |key| self.stacks.maps(key))),
            sites: u64::try_from(used).ok(),
            ..self.surroundings.point(memory, now)
        }
    }

    /// Writes the stacks of sites that are not in the recording yet. Native code has no names so
    /// far: those come at the end, and a recording that is cut off before still tells module and
    /// offset.
    fn write_stacks(&mut self) -> Result<(), SessionError> {
        let (sites, native) = self.stacks.known();
        let resolver =
            Resolver { python: &self.names, native, interpreter: self.target.interpreter() };
        for (&key, site) in sites {
            if self.written.insert(key) {
                let note = self.belief.note(site.probed);
                write_site(&mut self.sinks, &mut self.interner, &resolver, (key, site), note)?;
            }
        }
        Ok(())
    }

    /// Writes what snapshots of Python objects found since the last tick.
    fn write_objects(&mut self) -> Result<(), SessionError> {
        if let Some((counts, types)) = self.types.take() {
            self.sinks.types(&counts, &types)?;
        }
        if let Some((types, sites)) = self.retainers.take() {
            self.sinks.retainers(&types, &sites)?;
        }
        if let Some((containers, retained)) = self.containers.take() {
            self.sinks.containers(&containers)?;
            self.sinks.retained_sizes(&retained)?;
        }
        if let Some(contrasts) = self.contrasts.take() {
            self.sinks.contrasts(&contrasts)?;
        }
        Ok(())
    }

    /// Writes down the reading of malloc that was made since the last tick, and begins the next one; the `last` is
    /// waited for, if the program is still `there`.
    fn read_malloc(&mut self, now: Duration, there: bool, last: bool) -> Result<(), SessionError> {
        let points = match there && last {
            true => self.malloc.last(now),
            false => self.malloc.take(!there).into_iter().collect(),
        };
        if there && !last {
            self.malloc.begin(now);
        }
        points.iter().try_for_each(|point| Ok(self.sinks.malloc(point)?))
    }

    /// Handles the last records, saves the last state with all names, and closes the recording.
    pub fn finish(mut self) -> Result<(), SessionError> {
        while let Some(record) = self.queue.take() {
            self.record(&record);
        }
        self.note_dropped();
        self.stacks.look_up_names();
        self.written.clear();
        self.save()?;
        self.surroundings.note().into_iter().for_each(|note| self.note(note));
        self.note_packages();
        self.tell_cost();
        self.capture.seconds = self.now().as_secs_f64();
        self.sinks.finish(&self.capture)?;
        Ok(())
    }

    fn note_dropped(&mut self) {
        let dropped = self.queue.dropped().records;
        if dropped > 0 {
            self.note(Note::RecordsDropped { records: dropped });
        }
    }
}

fn write_site(
    sinks: &mut Sinks,
    interner: &mut Interner,
    resolver: &Resolver<'_, CodeNames>,
    (key, site): (u64, &super::stacks::SiteStack),
    note: Option<StackNote>,
) -> Result<(), SessionError> {
    let mut resolved = resolver.resolve(&site.mixed);
    resolved.notes.extend(site.note.clone().into_iter().chain(note));
    sinks.site(&SiteRow {
        key,
        domain: site.domain(),
        size_class: site.size_class(),
        allocator: site.function.symbol(),
        stack: &interner.stack(resolved.frames),
        notes: &resolved.notes,
    })?;
    Ok(())
}
