//! The heap histogram (`census`): the objects of a process by type, once or repeatedly.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::SessionError;
use super::heap::{HeapReading, HeapTarget, ReadingWanted};
use crate::heap::{self, Depth, HeapWatch, Retainers};
use crate::model::{CENSUS_SCHEMA, Census, HeapNote, HeapSnapshot, Tool, TypeRetainer};
use crate::os;

/// Longest wait between two questions whether to stop.
const SLICE: Duration = Duration::from_millis(50);

/// What a heap histogram is to contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CensusOptions {
    /// Whether the process stands still for each snapshot.
    pub pause: bool,
    /// Whether sessions of known servers are reported, and what retains them.
    pub sessions: bool,
    /// Time from snapshot to snapshot.
    pub every: Duration,
    /// For how long; one snapshot when `None`.
    pub duration: Option<Duration>,
}

/// Takes snapshots of a process as often as was asked for, or until `stop` says so. Of several
/// processes only the one that has the `turn` is scanned: a heap takes much room.
///
/// # Errors
/// As `HeapTarget::open` and `HeapTarget::snapshot`; a process that ends after the first snapshot
/// is no error: what was seen comes with a note.
pub fn take(
    selector: &str,
    options: &CensusOptions,
    turn: &Mutex<()>,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&HeapSnapshot),
) -> Result<Census, SessionError> {
    let mut target = HeapTarget::open(selector)?;
    if !options.pause {
        // A paused process waits for us, so we read at full priority; one that runs on gets the
        // processor first.
        os::usage::yield_to_others();
    }
    let begun = Instant::now();
    let mut watch = HeapWatch::default();
    let mut census = snapshot(&mut target, options, turn, &mut watch, begun)?;
    progress(&census.snapshot);
    // Counted here and not by the watch: one that is full takes no more snapshots, and the next is
    // still due at its time.
    let mut snapshots = 1_u32;
    while let Some(length) = options.duration {
        let due = options.every.saturating_mul(snapshots);
        if due > length || !wait(&target, begun + due, stop) {
            break;
        }
        match snapshot(&mut target, options, turn, &mut watch, begun) {
            Ok(next) => census = next,
            Err(_) if !target.is_there() => break,
            Err(error) => return Err(error),
        }
        snapshots = snapshots.saturating_add(1);
        census.snapshot.snapshots = snapshots;
        progress(&census.snapshot);
    }
    if options.duration.is_some() {
        census.series = watch.series();
        // The process may end just then; what was seen is worth telling without it.
        census.retainers = retainers(&mut target, options, turn, &watch).unwrap_or_default();
        if !target.is_there() {
            census.snapshot.notes.push(HeapNote::ProcessEnded);
        }
    }
    if watch.is_cut_short() {
        census.snapshot.notes.push(HeapNote::TypesIncomplete);
    }
    if watch.torn() > 0 {
        census.snapshot.notes.push(HeapNote::SnapshotsTorn);
    }
    Ok(census)
}

/// One more snapshot, for the paths to root of what types grew by.
fn retainers(
    target: &mut HeapTarget,
    options: &CensusOptions,
    turn: &Mutex<()>,
    watch: &HeapWatch,
) -> Result<Vec<TypeRetainer>, SessionError> {
    let wanted =
        ReadingWanted { pause: options.pause, depth: Depth { graph: true, ..Depth::default() } };
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let code_type = target.code_type();
    let seen = target.snapshot(wanted, |view, heap, roots| {
        let held = Retainers::new(view, heap, roots, code_type);
        heap::retainers_of_growth(heap, &held, watch, &[])
    })?;
    Ok(seen.value.into_iter().map(|(name, group)| TypeRetainer::new(name, &group)).collect())
}

/// Whether the process was there until then, and nobody said stop.
fn wait(target: &HeapTarget, until: Instant, stop: &dyn Fn() -> bool) -> bool {
    loop {
        if stop() || !target.is_there() {
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(SLICE));
    }
}

fn snapshot(
    target: &mut HeapTarget,
    options: &CensusOptions,
    turn: &Mutex<()>,
    watch: &mut HeapWatch,
    begun: Instant,
) -> Result<Census, SessionError> {
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let depth = Depth { graph: options.sessions, sums: true, pools: true, ..Depth::default() };
    let wanted = ReadingWanted { pause: options.pause, depth };
    let collections = options.duration.and_then(|_| target.full_collections());
    let watched = options.duration.is_some();
    let code_type = target.code_type();
    let HeapReading { value: (types, pools, sessions), snapshot } =
        target.snapshot(wanted, |view, heap, roots| {
            let types = heap::histogram(heap);
            if watched {
                watch.snapshot(begun.elapsed().as_secs_f64(), heap, &types, collections);
            }
            let sessions = options.sessions.then(|| heap::sessions(view, heap, roots, code_type));
            (types, heap.pools.take(), sessions)
        })?;
    Ok(Census {
        schema: CENSUS_SCHEMA,
        tool: tool(),
        target: target.document(),
        snapshot,
        types,
        pools,
        growth: None,
        sessions,
        series: Vec::new(),
        retainers: Vec::new(),
    })
}

/// This program.
pub fn tool() -> Tool {
    Tool { name: "leakspy".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}
