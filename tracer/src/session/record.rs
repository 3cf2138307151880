//! A recording from attach to finish: one loop over everything that can happen.

mod last;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::error::SessionError;
use super::objects::{Looked, ObjectLooks};
use super::options::RecordOptions;
use super::progress::Progress;
use super::recorder::Recorder;
use super::search::{PointerSearch, Scanned};
use super::target::Target;
use crate::model::{Capture, Note};
use crate::os::{self, Life};
use crate::probe::{
    AttachRequest, Capacity, GuardProgram, Kernel, Method, Placed, ProbeError, Records,
    SeparateTargets, Slot,
};
use crate::store::{Overwrite, Owner, Writer};

/// Far enough away to be never.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How a recording ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// By its duration or by request.
    Asked,
    /// The target is gone; the note says how.
    TargetGone(Note),
    /// The probes are gone although the target is not: the process that held them was killed.
    ProbesLost,
}

impl Ending {
    /// What a report says of it; nothing where somebody wanted it so.
    pub fn note(&self) -> Option<Note> {
        match self {
            Self::Asked => None,
            Self::TargetGone(how) => Some(how.clone()),
            Self::ProbesLost => Some(Note::ProbesLost),
        }
    }
}

/// Everything that can wake the loop.
enum Event {
    Records,
    Tick,
    Deadline,
    Signal,
    TargetExited,
    GuardEnded,
    Scanned(Scanned),
    Looked(Box<Looked>),
}

/// What goes on beside the loop, on threads of its own.
struct Beside {
    search: PointerSearch,
    objects: ObjectLooks,
}

impl Beside {
    fn begin_what_is_due(&mut self, recorder: &mut Recorder) -> Result<(), SessionError> {
        if self.search.is_due(recorder.elapsed()) {
            recorder.search(&mut self.search)?;
        }
        if self.objects.is_due(recorder.elapsed()) {
            recorder.count_objects(&mut self.objects);
        }
        Ok(())
    }
}

/// Records a target until the duration ends, a signal comes, or the target goes.
///
/// # Errors
/// Nothing could be traced, or the recording can no longer be written; what was committed is kept.
pub fn run(options: &RecordOptions, progress: &mut dyn Progress) -> Result<Ending, SessionError> {
    let wait = |source| SessionError::Wait { source };
    let kernel = SeparateTargets::new(&GuardProgram::this())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wait)?;
    runtime.block_on(record(options, kernel, progress))
}

async fn record(
    options: &RecordOptions,
    mut kernel: impl Kernel,
    progress: &mut dyn Progress,
) -> Result<Ending, SessionError> {
    // Before anything else, so that a signal during the attach is not lost.
    let mut signals = Signals::listen()?;
    let target = Target::open(&options.target)?;
    let overwrite = if options.force { Overwrite::Always } else { Overwrite::Never };
    let owner =
        os::privilege::invoking_owner().map(|owner| Owner { user: owner.user, group: owner.group });
    let create = || Writer::create(&options.output, overwrite, owner);
    // What could keep a recording from being written is best found before any work. But one that is to be replaced
    // stays until it is known that there will be another.
    let early = if options.force { None } else { Some(create()?) };
    let (Placed { slot, tables }, method) = match attach(&target, &mut kernel, options) {
        Ok(placed) => placed,
        Err(error) => {
            if let Some(writer) = early {
                writer.discard();
            }
            return Err(error);
        }
    };
    let writer = early.map_or_else(create, Ok)?;
    let mut ring = kernel.records()?;
    let sentence = target.attached_sentence(method);
    let mut recorder = Recorder::new(target, tables, writer, capture(options));
    for note in recorder.target().notes().to_vec() {
        recorder.note(note);
    }
    recorder.start()?;
    progress.attached(&sentence);
    let guard = kernel.guard().map_err(|source| SessionError::Wait { source })?;
    let guard = watch(guard.as_fd())?;
    let python = recorder.target().python().map(|_| recorder.target().pid());
    let mut beside = Beside {
        search: PointerSearch::new(options.search.clone()),
        objects: ObjectLooks::new(options.census, python),
    };
    let ending =
        follow(&mut recorder, &mut *ring, guard, &mut signals, &mut beside, options, progress)
            .await?;
    progress.finishing();
    if ending == Ending::Asked {
        last::looks(&mut recorder, &mut *ring, &mut signals, &mut beside).await?;
    }
    beside.search.stop();
    close(recorder, ring, &mut kernel, slot)?;
    Ok(ending)
}

/// Counting off, probes out, the rest of the records read, names looked up, recording closed.
fn close(
    mut recorder: Recorder,
    mut ring: Box<dyn Records>,
    kernel: &mut impl Kernel,
    slot: Slot,
) -> Result<(), SessionError> {
    recorder.stop()?;
    while recorder.drain(&mut *ring) {}
    // The target pays for the probes until they are out, and names can take a while. A guard that is gone holds
    // nothing any more.
    let _ = kernel.detach(slot);
    recorder.finish()
}

fn capture(options: &RecordOptions) -> Capture {
    Capture {
        started: os::clock::epoch_ns() / 1_000_000_000,
        seconds: 0.0,
        mode: "exact".to_owned(),
        budget: options.budget,
        cost_ratio: None,
        notes: Vec::new(),
    }
}

/// Attaches by the best method that works.
fn attach(
    target: &Target,
    kernel: &mut impl Kernel,
    options: &RecordOptions,
) -> Result<(Placed, Method), SessionError> {
    target.warm_pages();
    let programs = target.for_programs(options.audit_one_in)?;
    let mut refused = None;
    for method in Method::ALL {
        if options.method.is_some_and(|only| only != method) {
            continue;
        }
        let placed = kernel.attach(&AttachRequest {
            pid: target.pid(),
            files: target.files(),
            target: programs,
            method,
            capacity: Capacity {
                live_blocks: options.max_live,
                sites: options.max_sites,
                ..Capacity::default()
            },
            in_place: &|| target.check_in_place(),
        });
        match placed {
            Ok(placed) => return Ok((placed, method)),
            Err(error) if error.is_unsupported() => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.unwrap_or(ProbeError::Object { what: "attach method" }).into())
}

/// Signals that ask for an orderly end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, SessionError> {
        let listen = |kind| signal(kind).map_err(|source| SessionError::Wait { source });
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

async fn follow(
    recorder: &mut Recorder,
    ring: &mut dyn Records,
    guard: AsyncFd<OwnedFd>,
    signals: &mut Signals,
    beside: &mut Beside,
    options: &RecordOptions,
    progress: &mut dyn Progress,
) -> Result<Ending, SessionError> {
    let exited = watch(recorder.target().handle())?;
    let mut records = watch(ring.as_fd())?;
    let deadline = Instant::now() + options.duration.unwrap_or(NEVER);
    let mut ticks = every(options.tick);
    // The ring wakes us only once we have read it to its end.
    let mut more = false;
    let ending = loop {
        let event = tokio::select! {
            biased;
            () = signals.any() => Event::Signal,
            () = sleep_until(deadline) => Event::Deadline,
            _ = exited.readable() => Event::TargetExited,
            _ = guard.readable() => Event::GuardEnded,
            _ = ticks.tick() => Event::Tick,
            scanned = beside.search.scanned() => Event::Scanned(scanned),
            looked = beside.objects.looked() => Event::Looked(Box::new(looked)),
            () = std::future::ready(()), if more => Event::Records,
            ready = records.readable_mut(), if !more => {
                ready.map_err(|source| SessionError::Wait { source })?.clear_ready();
                Event::Records
            }
        };
        match event {
            Event::Records => more = recorder.drain(ring),
            Event::Tick => {
                let status = recorder.save()?;
                progress.status(&status);
                beside.begin_what_is_due(recorder)?;
                if let Some(how) = lost_coverage(recorder) {
                    break Ending::TargetGone(how);
                }
            }
            Event::Scanned(scanned) => recorder.scanned(&mut beside.search, scanned)?,
            Event::Looked(looked) => recorder.looked_at_objects(&mut beside.objects, *looked)?,
            Event::Deadline | Event::Signal => break Ending::Asked,
            Event::GuardEnded => break Ending::ProbesLost,
            Event::TargetExited => break Ending::TargetGone(Note::TargetExited),
        }
    };
    // What happened since the last tick.
    let ending = match (ending, lost_coverage(recorder)) {
        (Ending::Asked, Some(how)) => Ending::TargetGone(how),
        (ending, _) => ending,
    };
    if let Some(note) = ending.note() {
        recorder.note(note);
    }
    Ok(ending)
}

/// Waits on a descriptor of its own, so that nobody can close it meanwhile.
fn watch(descriptor: BorrowedFd<'_>) -> Result<AsyncFd<OwnedFd>, SessionError> {
    let wait = |source| SessionError::Wait { source };
    let own = descriptor.try_clone_to_owned().map_err(wait)?;
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives, and the `AsyncFd` owns it.
    let watched = unsafe { AsyncFd::register_with_interest(own, Interest::READABLE) };
    watched.map_err(|error| wait(error.into()))
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Whether the target is no longer what was attached to; weaker changes become notes.
fn lost_coverage(recorder: &mut Recorder) -> Option<Note> {
    match recorder.target().life() {
        Life::Running => None,
        Life::Replaced => Some(Note::TargetReplaced),
        Life::Exited => Some(Note::TargetExited),
        Life::LeaderExited => {
            recorder.note(Note::LeaderExited);
            None
        }
    }
}
