//! A process that stands still while it is looked at, and goes on as if nothing had been.
//!
//! Its threads are seized with ptrace(2), which leaves no trace in the process: no signal is sent
//! to it, and a thread that was stopped before stays stopped after. A thread of our own does it,
//! for two reasons: only the thread that seized may let go, and the kernel lets go of whatever a
//! thread has seized when that thread ends, however it ends. So a process that is being paused by a
//! leakspy that is killed runs on.

mod tracee;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::process::{Life, Process};
use super::{OsError, procfs};
use tracee::{Seized, Stop};

/// How long threads may take to stop. All but those that wait for a device stop within
/// microseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first and the longest time between two reads of the states of threads that have not stopped yet.
const GLANCES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(5));

/// A process all of whose threads stand still, until this is dropped.
#[derive(Debug)]
pub struct Pause {
    /// Dropped to let the process go.
    hold: Option<Sender<()>>,
    /// Gives the time that the process stood still.
    tracer: Option<JoinHandle<Duration>>,
}

impl Pause {
    /// Stops all threads of a process.
    ///
    /// # Errors
    /// It is gone, another debugger has it, we may not, or a thread waits in the kernel and does
    /// not stop within two seconds. The process then runs on.
    pub fn begin(process: &Process) -> Result<Self, OsError> {
        Self::within(process, PATIENCE)
    }

    fn within(process: &Process, patience: Duration) -> Result<Self, OsError> {
        let pid = process.pid();
        let (answer, stopped) = channel();
        let (hold, wish) = channel();
        let work = move || stand_still(pid, patience, &answer, &wish);
        let failure = |source| OsError::Io { what: "start a thread".to_owned(), source };
        let tracer = Builder::new().name("pause".to_owned()).spawn(work).map_err(failure)?;
        let pause = Self { hold: Some(hold), tracer: Some(tracer) };
        // A thread that ended without an answer has let go.
        stopped.recv().unwrap_or(Err(OsError::Vanished { pid }))?;
        // From here on it is certain which process this is: it cannot end or become another by
        // itself.
        match process.life() {
            Life::Running | Life::LeaderExited => Ok(pause),
            Life::Replaced => Err(OsError::Replaced { pid }),
            Life::Exited => Err(OsError::Vanished { pid }),
        }
    }

    /// Lets the process go; for how long it stood still, from the first thread that was asked to
    /// stop to the last that was let go.
    pub fn end(mut self) -> Duration {
        self.release()
    }

    fn release(&mut self) -> Duration {
        self.hold = None;
        let tracer = self.tracer.take();
        // A tracer that panicked has ended, and the kernel has let go for it.
        tracer.and_then(|tracer| tracer.join().ok()).unwrap_or_default()
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.release();
    }
}

/// Stops a process, says so, waits until nobody wants it to stand still any more, and lets it go.
fn stand_still(
    pid: u32,
    patience: Duration,
    answer: &Sender<Result<(), OsError>>,
    wish: &Receiver<()>,
) -> Duration {
    let begun = Instant::now();
    let mut standstill = Standstill { pid, threads: Vec::new() };
    let stopped = standstill.stop(begun + patience);
    if stopped.is_err() {
        // First of all the process runs again, then somebody hears why.
        standstill.release();
    }
    let waits = stopped.is_ok();
    if answer.send(stopped).is_ok() && waits {
        // Nothing is ever sent: the other end is dropped.
        let _ = wish.recv();
    }
    standstill.release();
    begun.elapsed()
}

/// Threads that are seized.
struct Standstill {
    pid: u32,
    threads: Vec<Seized>,
}

impl Standstill {
    /// Seizes and stops threads until there are no others: only a thread that runs can start one.
    fn stop(&mut self, until: Instant) -> Result<(), OsError> {
        loop {
            let before = self.threads.len();
            self.seize()?;
            if self.threads.len() == before {
                break;
            }
            self.settle(until)?;
        }
        match self.threads.is_empty() {
            true => Err(OsError::Vanished { pid: self.pid }),
            false => Ok(()),
        }
    }

    /// Seizes every thread that is not seized yet, and asks it to stop.
    fn seize(&mut self) -> Result<(), OsError> {
        let known: HashSet<u32> = self.threads.iter().map(Seized::thread).collect();
        for thread in procfs::threads(self.pid)? {
            if known.contains(&thread) {
                continue;
            }
            if let Some(seized) = Seized::new(self.pid, thread)? {
                seized.interrupt();
                self.threads.push(seized);
            }
        }
        Ok(())
    }

    /// Waits until all seized threads stand still; those that have ended are forgotten.
    fn settle(&mut self, until: Instant) -> Result<(), OsError> {
        let (mut glance, longest) = GLANCES;
        loop {
            self.threads.retain_mut(|thread| thread.snapshot() != Stop::Ended);
            let Some(moving) = self.threads.iter().find(|thread| !thread.stands()) else {
                return Ok(());
            };
            if Instant::now() >= until {
                return Err(OsError::Unstoppable { pid: self.pid, thread: moving.thread() });
            }
            std::thread::sleep(glance);
            glance = longest.min(glance * 2);
        }
    }

    /// Lets all threads go that stand still. The others are let go by the end of this thread: the
    /// kernel has no other way for a thread that does not stop.
    fn release(&mut self) {
        for thread in self.threads.drain(..) {
            thread.release();
        }
    }
}
