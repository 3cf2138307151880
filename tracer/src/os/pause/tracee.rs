//! One thread under ptrace(2).

use std::io;
use std::ptr;

use crate::os::{OsError, procfs};

/// What became of a thread that was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It runs, or waits in the kernel.
    NotYet,
    /// It stands still.
    Stands {
        /// A signal that was on its way to it, which it gets when it is let go; 0 for none.
        signal: i32,
    },
    /// It has ended.
    Ended,
}

/// A thread that this thread traces. Only the thread that made it can use it.
#[derive(Debug)]
pub struct Seized {
    pid: u32,
    thread: u32,
    id: libc::pid_t,
    stop: Stop,
}

impl Seized {
    /// Seizes a thread of the process `pid`; `None` for one that has ended.
    ///
    /// # Errors
    /// Another debugger has it, or we may not.
    pub fn new(pid: u32, thread: u32) -> Result<Option<Self>, OsError> {
        let Ok(id) = libc::pid_t::try_from(thread) else { return Ok(None) };
        // No options, above all not PTRACE_O_EXITKILL: when we die it shall live.
        if let Err(source) = request(libc::PTRACE_SEIZE, id, 0) {
            return match source.raw_os_error() {
                Some(libc::ESRCH) => Ok(None),
                _ => refused(pid, thread, source),
            };
        }
        Ok(Some(Self { pid, thread, id, stop: Stop::NotYet }))
    }

    /// Asks it to stop.
    pub fn interrupt(&self) {
        // One that has ended meanwhile says so when it is looked at.
        let _ = request(libc::PTRACE_INTERRUPT, self.id, 0);
    }

    /// Its id.
    pub fn thread(&self) -> u32 {
        self.thread
    }

    /// Whether it was seen to stand still.
    pub fn stands(&self) -> bool {
        matches!(self.stop, Stop::Stands { .. })
    }

    /// Looks what has become of it, without waiting.
    pub fn snapshot(&mut self) -> Stop {
        if self.stop == Stop::NotYet {
            self.stop = wait(self.id);
        }
        // The end of a first thread is reported only when all others have ended, too.
        if self.stop == Stop::NotYet && is_dead(self.pid, self.thread) {
            self.stop = Stop::Ended;
        }
        self.stop
    }

    /// Lets it go, with the signal that was held up. It goes back to being stopped where it was so
    /// before.
    pub fn release(self) {
        if let Stop::Stands { signal } = self.stop {
            // Only one that was killed meanwhile refuses, and that one needs nothing more.
            let _ = request(libc::PTRACE_DETACH, self.id, signal);
        }
    }
}

/// Asks the kernel without waiting.
fn wait(id: libc::pid_t) -> Stop {
    let mut status = 0;
    // SAFETY: `status` lives through the call, which writes to nothing else. `id` is a thread of
    // another process that we trace: nobody else waits for it in this process.
    let answer = unsafe { libc::waitpid(id, &raw mut status, libc::__WALL | libc::WNOHANG) };
    match answer {
        0 => Stop::NotYet,
        -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => Stop::NotYet,
        -1 => Stop::Ended,
        _ => meaning(status),
    }
}

/// What `status` of waitpid(2) says of a thread that was seized without options (ptrace(2),
/// "Stopped states").
fn meaning(status: i32) -> Stop {
    if !libc::WIFSTOPPED(status) {
        return Stop::Ended;
    }
    match status >> 16 {
        // A signal on its way: were it not passed on, it would be lost.
        0 => Stop::Stands { signal: libc::WSTOPSIG(status) },
        // Our own interruption, or a process that Ctrl-Z had stopped: the signal says which, and is
        // not on its way.
        _ => Stop::Stands { signal: 0 },
    }
}

/// Says why a thread could not be seized; `None` when it has just ended.
fn refused(pid: u32, thread: u32, source: io::Error) -> Result<Option<Seized>, OsError> {
    let status = std::fs::read(status_path(pid, thread)).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    if is_over(&status) {
        return Ok(None);
    }
    let tracer = procfs::field(&status, "TracerPid").and_then(|text| text.parse().ok());
    match tracer {
        Some(tracer) if tracer != 0 => Err(OsError::Traced { pid, tracer }),
        _ => Err(procfs::failure(pid, "pause the threads", procfs::SEE, source)),
    }
}

fn status_path(pid: u32, thread: u32) -> std::path::PathBuf {
    procfs::path(pid, format!("task/{thread}/status"))
}

fn is_dead(pid: u32, thread: u32) -> bool {
    let status = std::fs::read(status_path(pid, thread)).unwrap_or_default();
    is_over(&String::from_utf8_lossy(&status))
}

/// Whether this is the status of a thread that has ended; that of one that is gone is empty.
fn is_over(status: &str) -> bool {
    procfs::field(status, "State").is_none_or(|state| state.starts_with(['Z', 'X']))
}

/// A request of ptrace(2) that has a number for its data.
fn request(request: libc::c_uint, id: libc::pid_t, data: i32) -> io::Result<()> {
    let none = ptr::null_mut::<libc::c_void>();
    let data = ptr::without_provenance_mut::<libc::c_void>(usize::try_from(data).unwrap_or(0));
    // SAFETY: the requests of this file take no address, and a number in place of the data; nothing
    // of ours is read or written.
    match unsafe { libc::ptrace(request, id, none, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status as the kernel makes it: `event << 16 | signal << 8 | 0x7f`.
    fn stopped(event: i32, signal: i32) -> i32 {
        event << 16 | signal << 8 | 0x7f
    }

    #[test]
    fn only_a_signal_on_its_way_is_passed_on() {
        let usr1 = libc::SIGUSR1;
        assert_eq!(meaning(stopped(0, usr1)), Stop::Stands { signal: usr1 });
        let event = libc::PTRACE_EVENT_STOP;
        assert_eq!(meaning(stopped(event, libc::SIGTRAP)), Stop::Stands { signal: 0 });
        assert_eq!(meaning(stopped(event, libc::SIGSTOP)), Stop::Stands { signal: 0 });
        assert_eq!(meaning(0), Stop::Ended);
        assert_eq!(meaning(libc::SIGKILL), Stop::Ended);
    }
}
