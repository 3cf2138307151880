//! Snapshots of Python objects during a recording: counted by type now and then, and joined with
//! live blocks at the end.
//!
//! The heap is read on a thread of its own, so that the recorder can go on reading. What a snapshot
//! needs from snapshot to snapshot travels with it.

use std::time::Duration;

use tokio::sync::oneshot;

use super::error::{Failure, SessionError, joined};
use super::heap::{HeapTarget, ReadingWanted};
use super::shared::Turn;
use crate::heap::{
    self, ContainerTable, ContainerWatch, Depth, FieldWatch, Heap, HeapWatch, Joined, LiveBlock,
    Named, RetainedSizes, Retainers, SurplusWatch, View,
};
use crate::model::{
    Address, FieldContrast, GrownContainer, NoObjects, ReferenceSurplus, RetainedPlace,
    TypeRetainer, TypeSeries,
};
use crate::os;

/// When snapshots of Python objects are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CensusRules {
    /// Time from count to count; they are not counted over time when `None`.
    pub every: Option<Duration>,
    /// Whether live blocks are joined with the objects that own them, at the end.
    pub join: bool,
}

/// No snapshot is taken of heaps with more objects: it would need more than a gigabyte of memory.
const OBJECTS: usize = 8 << 20;
/// Snapshots take at most one of so many seconds of a core. On a machine that is busy they take longer, and no
/// more of it.
const SHARE: u32 = 20;
/// The first of them come sooner: a few are too few to say anything.
const EARLY: Duration = Duration::from_secs(300);
const EARLY_SHARE: u32 = 8;
/// Series are written whole, so they are reported at every snapshot in the first minutes, and after
/// a while only when this share of the time since the start has passed, or an hour.
const UNTOLD: u32 = 50;
const LONGEST_UNTOLD: Duration = Duration::from_secs(3600);
/// Most types that are reported, those that changed most.
const TOLD: usize = 4096;

/// The snapshots of one recording.
pub struct ObjectScans {
    rules: CensusRules,
    pid: u32,
    next: Duration,
    /// When series are reported next.
    tell: Duration,
    state: Option<Box<ScanState>>,
    running: Option<oneshot::Receiver<ScanResult>>,
    /// Whether the target stands still, and waits for the end of snapshots.
    still: bool,
}

/// What goes from snapshot to snapshot.
#[derive(Default)]
pub struct ScanState {
    /// Opened by the first snapshot.
    target: Option<HeapTarget>,
    watch: HeapWatch,
    containers: ContainerWatch,
    fields: FieldWatch,
    surplus: SurplusWatch,
}

/// How a snapshot ended: with the reason when there will be no more.
pub type ScanResult = Result<(Box<ScanState>, ScanFound), NoObjects>;

/// What a snapshot found.
pub struct ScanFound {
    /// Time since the start of the recording at which it began.
    pub at: Duration,
    /// Processor time that it took.
    pub cost: Duration,
    /// When types were counted so far: seconds since the start, full collections.
    pub counts: Vec<(f64, Option<u64>)>,
    /// Snapshots so far that missed too much to count.
    pub torn: u32,
    /// What every type that changed did so far; nothing where types are not counted, or where that
    /// was reported not long ago.
    pub types: Vec<TypeSeries>,
    /// Tables of containers that grow.
    pub tables: Vec<ContainerTable>,
    /// What tells old objects of growing types from new ones.
    pub contrasts: Vec<FieldContrast>,
    /// Types to which more and more references are counted than are found.
    pub surplus: Vec<ReferenceSurplus>,
    /// Owners of blocks and retainers of types, of the last snapshot.
    pub last: Option<Last>,
}

/// What only the last snapshot finds.
pub struct Last {
    /// Live blocks with their owners.
    pub joined: Joined,
    /// Paths that keep what types grew by.
    pub retainers: Vec<TypeRetainer>,
    /// Containers that grew, with their addresses.
    pub containers: Vec<(Address, GrownContainer<u64>)>,
    /// How much the objects on the paths of both retain.
    pub retained: Vec<RetainedPlace>,
}

impl ScanState {
    fn open(&mut self, pid: u32) -> Result<(), NoObjects> {
        if self.target.is_none() {
            self.target = Some(HeapTarget::open(&pid.to_string()).map_err(refused)?);
        }
        Ok(())
    }
}

impl ObjectScans {
    /// None yet; `None` as process when it has no Python objects.
    pub fn new(rules: CensusRules, pid: Option<u32>) -> Self {
        let state = pid.map(|_| Box::default());
        let (next, tell) = (Duration::ZERO, Duration::ZERO);
        Self { rules, pid: pid.unwrap_or(0), next, tell, state, running: None, still: false }
    }

    /// Whether objects are to be counted, so long after the start.
    pub fn is_due(&self, since_start: Duration) -> bool {
        self.rules.every.is_some() && self.state.is_some() && since_start >= self.next
    }

    /// Whether there should be a snapshot at the end.
    pub fn is_wanted(&self) -> bool {
        (self.rules.join || self.rules.every.is_some()) && self.state.is_some()
    }

    /// Whether live blocks are to be joined with objects.
    pub fn joins(&self) -> bool {
        self.rules.join
    }

    /// Whether one is at work.
    pub fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Begins one, so long after the start; with `blocks` it is the last one.
    pub fn begin(&mut self, at: Duration, blocks: Option<Vec<LiveBlock>>, turn: Turn) {
        let Some(state) = self.state.take() else { return };
        // From when it was due, not from when a tick came: else every other tick would be missed.
        let every = self.rules.every.unwrap_or_default();
        self.next = Some(self.next + every).filter(|next| *next > at).unwrap_or(at + every);
        let (sender, receiver) = oneshot::channel();
        let (pid, counts) = (self.pid, self.rules.every.is_some());
        let tells = counts && (blocks.is_some() || at >= self.tell);
        if tells {
            self.tell = at + (at / UNTOLD).min(LONGEST_UNTOLD);
        }
        let job = Job { state, pid, at, counts, tells, blocks };
        let is_awaited = self.still;
        let work = move || {
            if !is_awaited {
                os::usage::yield_to_others();
            }
            let heap_scanned = job.run();
            // A heap takes much room, and only now and then.
            os::usage::give_back();
            drop(turn);
            // The receiver may be gone.
            let _ = sender.send(heap_scanned);
        };
        // A failure drops the sender, which the receiver notices.
        let _ = std::thread::Builder::new().name("leakspy-objects".to_owned()).spawn(work);
        self.running = Some(receiver);
    }

    /// The target is to stand still: it is opened while it runs, since it may stand still where a frame is being pushed,
    /// and what cannot be checked is not read. One that cannot be opened is told by the snapshot.
    pub fn before_standstill(&mut self) {
        if let Some(state) = &mut self.state {
            _ = state.open(self.pid);
        }
    }

    /// The target stands still from now on, and waits for the end of snapshots: they make no way for others.
    pub fn stands_still(&mut self) {
        self.still = true;
    }

    /// Waits for the end of a snapshot; for ever when none runs.
    pub async fn heap_scanned(&mut self) -> ScanResult {
        match &mut self.running {
            Some(running) => running.await.unwrap_or(Err(NoObjects::EndedEarly)),
            None => std::future::pending().await,
        }
    }

    /// Takes back what the next snapshot needs; the reason when there will be none.
    pub fn done(&mut self, heap_scanned: ScanResult) -> Result<ScanFound, NoObjects> {
        self.running = None;
        let (state, found) = heap_scanned?;
        self.state = Some(state);
        let share = if found.at < EARLY { EARLY_SHARE } else { SHARE };
        self.next = self.next.max(found.at + found.cost.saturating_mul(share));
        Ok(found)
    }
}

/// A snapshot to be taken.
struct Job {
    state: Box<ScanState>,
    pid: u32,
    at: Duration,
    /// Whether types are counted.
    counts: bool,
    /// Whether their series are reported.
    tells: bool,
    blocks: Option<Vec<LiveBlock>>,
}

impl Job {
    fn run(self) -> ScanResult {
        let begun = os::clock::thread_cpu_ns();
        let Self { mut state, pid, at, counts, tells, mut blocks } = self;
        state.open(pid)?;
        let ScanState { target, watch, containers, fields, surplus } = &mut *state;
        let Some(target) = target else { return Err(NoObjects::EndedEarly) };
        let graph = blocks.is_some();
        let wanted = ReadingWanted {
            pause: false,
            depth: Depth { graph, references: counts, sums: true, pools: false, most: OBJECTS },
        };
        let (collections, code_type) = (target.full_collections(), target.code_type());
        let heap_scanned = again(|may_be_torn| {
            let reading = target.snapshot(wanted, |view, heap, roots| {
                // What is found last is all that is known of paths; the next snapshot counts types again.
                if graph && heap.skipped.torn_lists > 0 && !may_be_torn {
                    return None;
                }
                if counts {
                    watch.snapshot(at.as_secs_f64(), heap, &heap::histogram(heap), collections);
                    containers.snapshot(at.as_secs_f64(), view, heap);
                    fields.snapshot(at.as_secs_f64(), view, heap, watch);
                    surplus.snapshot(at.as_secs_f64(), heap);
                }
                let seen = Seen { at, watch, containers };
                let blocks = blocks.take();
                Some(blocks.map(|blocks| last(view, heap, roots, code_type, &seen, blocks)))
            })?;
            Ok(reading.value)
        });
        let last = heap_scanned.map_err(refused)?.ok_or(NoObjects::EndedEarly)?;
        let counts = if tells { watch.times() } else { Vec::new() };
        let types = if tells { changed(watch.series()) } else { Vec::new() };
        let (torn, tables) = (state.watch.torn(), state.containers.tables());
        let (contrasts, surplus) = (state.fields.told(), state.surplus.told());
        let cost = Duration::from_nanos(os::clock::thread_cpu_ns().saturating_sub(begun));
        let found = ScanFound { at, cost, counts, torn, types, tables, contrasts, surplus, last };
        Ok((state, found))
    }
}

/// What an attempt gives, or a second one, which is told that it is the last.
fn again<T, E>(mut attempt: impl FnMut(bool) -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    match attempt(false)? {
        None => attempt(true),
        found => Ok(found),
    }
}

/// Why a heap was not read.
pub fn refused(error: SessionError) -> NoObjects {
    match (error.failure(), error) {
        (_, SessionError::NoHeap { reason, .. }) => reason,
        (Failure::TargetGone, _) => NoObjects::TargetGone,
        (_, error) => NoObjects::Refused { error: joined(&error, ToString::to_string) },
    }
}

/// What the snapshots saw.
struct Seen<'a> {
    at: Duration,
    watch: &'a HeapWatch,
    containers: &'a ContainerWatch,
}

fn last(
    view: &View<'_>,
    heap: &Heap,
    roots: Vec<Named>,
    code_type: Address,
    seen: &Seen<'_>,
    blocks: Vec<LiveBlock>,
) -> Last {
    let held = Retainers::new(view, heap, roots, code_type);
    let joined = heap::join(view, heap, &held, blocks);
    let grown = seen.containers.tables().into_iter().map(|table| table.container);
    let grown: Vec<Address> = grown.collect();
    let retainers = heap::retainers_of_growth(heap, &held, seen.watch, &grown);
    let rooted = retainers.iter().filter(|(_, group)| group.root.is_root());
    let paths = rooted.map(|(_, group)| group).chain(joined.holders());
    let containers = seen.containers.told(seen.at.as_secs_f64(), (view, heap, &held), paths);
    let sizes = RetainedSizes::find(view, heap, &held, joined.owned_bytes());
    let to_containers = containers.iter().filter_map(|(_, _, group)| group.as_ref());
    let retained = sizes.on(to_containers.chain(retainers.iter().map(|(_, group)| group)));
    Last {
        joined,
        retained,
        retainers: retainers
            .into_iter()
            .map(|(name, group)| TypeRetainer::new(name, &group))
            .collect(),
        containers: containers
            .into_iter()
            .map(|(address, container, _)| (address, container))
            .collect(),
    }
}

/// Without those that stood still all the time.
fn changed(mut types: Vec<TypeSeries>) -> Vec<TypeSeries> {
    types.retain(|series| {
        let sums = |at: usize| series.points.get(at).map(|point| (point.count, point.bytes));
        let born = series.points.iter().skip(1).any(|point| point.born_count > 0);
        born || (1..series.points.len()).any(|at| sums(at) != sums(0))
    });
    if types.len() > TOLD {
        types.sort_by_cached_key(|series| std::cmp::Reverse(change(series)));
        types.truncate(TOLD);
    }
    types
}

/// Bytes and objects by which a type changed from the first to the last snapshot.
fn change(series: &TypeSeries) -> (u64, u64) {
    let (first, last) = (series.points.first(), series.points.last());
    let (Some(first), Some(last)) = (first, last) else { return (0, 0) };
    (last.bytes.abs_diff(first.bytes), last.count.abs_diff(first.count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(at: u64, seconds: f64) -> ScanResult {
        let cost = Duration::from_secs_f64(seconds);
        let state = Box::default();
        let (at, counts, types) = (Duration::from_secs(at), Vec::new(), Vec::new());
        let (tables, contrasts, surplus) = (Vec::new(), Vec::new(), Vec::new());
        let last = None;
        let torn = 0;
        Ok((state, ScanFound { at, cost, counts, torn, types, tables, contrasts, surplus, last }))
    }

    fn every(seconds: u64) -> CensusRules {
        CensusRules { every: Some(Duration::from_secs(seconds)), join: true }
    }

    /// A heap that takes long to read is read less often.
    #[test]
    fn snapshots_take_a_small_share_of_the_time() {
        let seconds = Duration::from_secs;
        let mut snapshots = ObjectScans::new(every(30), Some(1));
        assert!(snapshots.is_due(Duration::ZERO));
        snapshots.next = seconds(40);
        assert!(snapshots.done(found(10, 0.5)).is_ok());
        assert!(snapshots.is_due(seconds(40)));
        assert!(snapshots.done(found(10, 6.0)).is_ok());
        assert!(!snapshots.is_due(seconds(57)) && snapshots.is_due(seconds(58)));
        assert!(snapshots.done(found(1000, 3.0)).is_ok());
        assert!(!snapshots.is_due(seconds(1059)) && snapshots.is_due(seconds(1060)));
    }

    #[test]
    fn what_cannot_be_looked_at_is_looked_at_once() {
        let mut snapshots = ObjectScans::new(every(30), Some(1));
        snapshots.state = None;
        assert_eq!(snapshots.done(Err(NoObjects::EndedEarly)).err(), Some(NoObjects::EndedEarly));
        assert!(!snapshots.is_due(Duration::MAX) && !snapshots.is_wanted());
        assert!(!ObjectScans::new(every(30), None).is_due(Duration::MAX));
    }

    /// A collection may take the lists apart just then; a second one right behind it hardly does.
    #[test]
    fn a_torn_last_snapshot_is_taken_once_more() {
        let attempts = |torn: u32| {
            let mut times = 0;
            let found = again(|may_be_torn| {
                times += 1;
                Ok::<_, ()>((times > torn || may_be_torn).then_some(times))
            });
            found.unwrap()
        };
        assert_eq!([attempts(0), attempts(1), attempts(9)], [Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn types_that_stood_still_are_left_out() {
        let point =
            |count, born_count| crate::model::TypePoint { count, born_count, ..Default::default() };
        let of = |name: &str, points: Vec<_>| TypeSeries {
            name: name.into(),
            points,
            ..Default::default()
        };
        let types = vec![
            of("still", vec![point(5, 5), point(5, 0)]),
            of("grows", vec![point(5, 5), point(6, 1)]),
            of("changes", vec![point(5, 5), point(5, 2)]),
        ];
        let names: Vec<String> = changed(types).into_iter().map(|series| series.name).collect();
        assert_eq!(names, ["grows", "changes"]);
    }
}
