//! A target's parts of trace events: a perf event on each.
//!
//! At each hit the kernel walks the list of a trace event's perf events until one names the memory of
//! whoever hits (`kernel/trace/trace_uprobe.c`, `__uprobe_perf_filter`). New ones come to its head.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use super::descriptor::open_process;
use super::trace::TraceEvent;
use super::uprobe::trace_event;

/// A target's parts of some trace events. Its probes go before the trace events do.
pub struct Followers {
    parts: Vec<Follower>,
    target: Target,
}

/// Where perf events go.
struct Target {
    pid: u32,
    /// Tells whether `pid` is still the target.
    process: OwnedFd,
}

/// A perf event in the target.
struct Follower {
    event: OwnedFd,
    shared: Rc<TraceEvent>,
}

impl Followers {
    /// None yet, of a process.
    pub fn new(pid: u32) -> io::Result<Self> {
        let target = Target { pid, process: open_process(pid)? };
        Ok(Self { parts: Vec::new(), target })
    }

    /// Puts the probe of a trace event into the target.
    pub fn add(&mut self, shared: Rc<TraceEvent>) -> io::Result<()> {
        let event = self.target.open(&shared)?;
        self.parts.push(Follower { event, shared });
        Ok(())
    }

    /// Has the kernel find the target first, by perf events that take the place of the old ones. The
    /// breakpoints stay meanwhile: closing an event removes none while another one names the same
    /// memory (`trace_uprobe_filter_remove`). The program does not notice: it hangs on another event.
    ///
    /// # Errors
    /// The target has ended, or its first thread. What was not replaced stays as it was.
    pub fn bring_to_front(&mut self) -> io::Result<()> {
        for part in &mut self.parts {
            // The old one is closed once the new one is there.
            let old = std::mem::replace(&mut part.event, self.target.open(&part.shared)?);
            drop(old);
        }
        Ok(())
    }
}

impl Target {
    fn open(&self, shared: &TraceEvent) -> io::Result<OwnedFd> {
        self.alive()?;
        let event = trace_event(shared.id, self.pid)?;
        // Its number may have become somebody else's.
        self.alive()?;
        Ok(event)
    }

    fn alive(&self) -> io::Result<()> {
        let mut poll =
            libc::pollfd { fd: self.process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure of ours, and no waiting.
        match unsafe { libc::poll(&raw mut poll, 1, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }
}
