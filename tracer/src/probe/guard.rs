//! A small process that holds the links, so that they are made and released by somebody who is not
//! being killed.
//!
//! The kernel takes breakpoints out by writing to the target's memory, and refuses to do that for a
//! task with a fatal signal pending (`mm/gup.c`, `__get_user_pages`): the breakpoint then stays in
//! the target for good ("failed to unregister, leaking uprobe"). A tracer that dies by SIGKILL at
//! rest is past that when its files are closed, but one that dies while it attaches or detaches is
//! not. The guard is in a session of its own, does nothing but make and close links, and ends when
//! its socket does.
//!
//! It is this program again, started by exec, so that threads of the tracer do not matter.

mod descriptor;
mod follow;
mod message;
mod serve;
mod start;
mod trace;
mod uprobe;

#[cfg(test)]
mod tests;

use std::io::{self, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;

use descriptor::open_process;
pub use message::LinkGroup;
pub(super) use message::{LinkKind, LinkRequest};
use message::{Reply, Request, receive, send};
pub use serve::serve_inherited;
pub use start::GuardProgram;

/// The tracer's end. Dropping it ends the guard, which releases all links.
#[derive(Debug)]
pub struct Guard {
    socket: BufReader<UnixStream>,
    /// Waited for at the end.
    process: Option<Child>,
}

impl Guard {
    /// Starts the guard, from any thread, and waits until it listens.
    ///
    /// # Errors
    /// The program is not there or is no guard, or the system has no room for another process.
    pub fn start(program: &GuardProgram) -> io::Result<Self> {
        let (socket, process) = program.start()?;
        let mut guard = Self { socket: BufReader::new(socket), process: Some(process) };
        guard.answer()?;
        Ok(guard)
    }

    /// Makes a link and holds it in a group.
    ///
    /// # Errors
    /// What the kernel says to the link.
    pub(super) fn link(&mut self, group: LinkGroup, link: LinkRequest) -> io::Result<()> {
        self.ask(&Request::Link { group, link })
    }

    /// Has the kernel find the probes of a group before those of others that share its trace events.
    /// Other probes have no order.
    ///
    /// # Errors
    /// The process has ended, or its first thread; what was in place still is. Or the guard is gone.
    pub(super) fn bring_to_front(&mut self, group: LinkGroup) -> io::Result<()> {
        self.ask(&Request::ToFront { group })
    }

    /// Releases all links of a group, the last made first; a group without links is no error.
    ///
    /// # Errors
    /// The guard is gone, and the links with it.
    pub fn release(&mut self, group: LinkGroup) -> io::Result<()> {
        self.ask(&Request::Release { group })
    }

    /// Becomes readable when the guard has ended, whoever ended it.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn ending(&self) -> io::Result<OwnedFd> {
        let process = self.process.as_ref().ok_or(io::ErrorKind::NotFound)?;
        open_process(process.id())
    }

    fn ask(&mut self, request: &Request) -> io::Result<()> {
        send(self.socket.get_mut(), request)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<()> {
        let reply: Reply = receive(&mut self.socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match reply.errno {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The guard ends at the end of the socket.
        let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Both);
        if let Some(process) = &mut self.process {
            // Our own child, which nobody else waits for; the status is not wanted.
            let _ = process.wait();
        }
    }
}
