//! Runs a session for the command line: the runtime, signals, and progress.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::model::Note;
use crate::probe::{Capacity, GuardProgram, SharedTargets};
use crate::session::{
    Attachment, Ending, Event, EventKind, RecordOptions, Session, SessionError, Status, TargetId,
};

/// Receives the progress of a recording. Targets are numbered as they were asked for.
pub trait Watcher {
    /// Probes are in, and counting has begun.
    fn attached(&mut self, target: usize, about: &Attachment);
    /// A while has passed.
    fn status(&mut self, target: usize, status: &Status);
    /// Something that limits the report.
    fn noticed(&mut self, target: usize, note: &Note);
    /// Counting ends; the last scans and names come now.
    fn finishing(&mut self, target: usize);
    /// It is over.
    fn done(&mut self, target: usize, result: &Outcome);
}

/// How it went with one target.
pub type Outcome = Result<Ending, SessionError>;

/// Records targets until each has come to its end; Ctrl-C and its like ask all of them to end. As
/// many outcomes as there are options, in their order.
///
/// # Errors
/// There can be no session at all.
pub fn follow(targets: Vec<RecordOptions>, watcher: &mut dyn Watcher) -> Result<Vec<Outcome>> {
    // One thread for events, so that a terminal that does not take its lines holds nothing up.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(Session::BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(waiting)?;
    runtime.block_on(async {
        // Before anything else, so that a signal during the attach is not lost.
        let signals = Signals::listen()?;
        let kernel = kernel(&targets)?;
        Ok(record(Session::new(Box::new(kernel))?, signals, targets, watcher).await)
    })
}

/// With room for all of them.
fn kernel(targets: &[RecordOptions]) -> Result<SharedTargets> {
    let most = |of: fn(&RecordOptions) -> u32| targets.iter().map(of).max().unwrap_or(1);
    let share = Capacity {
        live_blocks: most(|options| options.max_live),
        sites: most(|options| options.max_sites),
        ..Capacity::default()
    };
    let count = u32::try_from(targets.len())?;
    Ok(SharedTargets::new(&GuardProgram::this(), count, share)?)
}

fn waiting(source: std::io::Error) -> SessionError {
    SessionError::Wait { source }
}

async fn record(
    mut session: Session,
    mut signals: Signals,
    targets: Vec<RecordOptions>,
    watcher: &mut dyn Watcher,
) -> Vec<Outcome> {
    let ids: Vec<TargetId> = targets.into_iter().map(|options| session.attach(options)).collect();
    let mut outcomes: Vec<Option<Outcome>> = ids.iter().map(|_| None).collect();
    loop {
        let event = tokio::select! {
            biased;
            () = signals.any() => {
                session.detach_all();
                continue;
            }
            event = session.next_event() => event,
        };
        let Some(Event { target, what }) = event else { break };
        if let Some(number) = ids.iter().position(|id| *id == target) {
            outcomes[number] = tell(watcher, number, what).or(outcomes[number].take());
        }
    }
    // Every target has a last event, unless the runtime ends before.
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(SessionError::Broken))).collect()
}

/// Gives the outcome, with the last event of a target.
fn tell(watcher: &mut dyn Watcher, target: usize, what: EventKind) -> Option<Outcome> {
    let outcome = match what {
        EventKind::Attached(about) => {
            watcher.attached(target, &about);
            return None;
        }
        EventKind::Status(status) => {
            watcher.status(target, &status);
            return None;
        }
        EventKind::Noticed(note) => {
            watcher.noticed(target, &note);
            return None;
        }
        EventKind::Ending(_) => {
            watcher.finishing(target);
            return None;
        }
        EventKind::Finished(ending) => Ok(ending),
        EventKind::Failed(error) => Err(error),
    };
    watcher.done(target, &outcome);
    Some(outcome)
}

/// Signals that ask for an orderly end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, SessionError> {
        let listen = |kind| signal(kind).map_err(waiting);
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
