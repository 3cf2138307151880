//! A small process that holds the links, so that they are made and released by somebody who is not
//! being killed.
//!
//! The kernel takes breakpoints out by writing to the target's memory, and refuses to do that for a
//! task with a fatal signal pending (`mm/gup.c`, `__get_user_pages`): the breakpoint then stays in the target
//! for good ("failed to unregister, leaking uprobe"). A tracer that dies by SIGKILL at rest is past that
//! when its files are closed, but one that dies while it attaches or detaches is not. The guard is in
//! a session of its own, does nothing but make and close links, and ends when its socket does.

use std::ffi::CString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use super::bpf::{self, Multi};

/// A link to be made, with descriptors as numbers of the tracer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LinkRequest {
    pub program: RawFd,
    pub file: RawFd,
    pub offsets: Vec<u64>,
    pub cookies: Vec<u64>,
    pub pid: u32,
    pub attach_type: u32,
    pub at_return: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum Request {
    Link(LinkRequest),
    /// Close all links, the last made first.
    Release,
}

/// 0, or the error number of what failed.
#[derive(Debug, Serialize, Deserialize)]
struct Reply {
    errno: i32,
}

/// The tracer's end.
#[derive(Debug)]
pub struct Guard {
    socket: BufReader<UnixStream>,
    process: libc::pid_t,
}

impl Guard {
    /// Starts the guard.
    ///
    /// # Errors
    /// This process has other threads already (it must be forked before they start), or the system
    /// has no room for another process.
    pub fn start() -> io::Result<Self> {
        if std::fs::read_dir("/proc/self/task")?.count() != 1 {
            return Err(io::Error::other("the guard must be started before any thread"));
        }
        let (ours, theirs) = UnixStream::pair()?;
        let tracer = open_process(std::process::id())?;
        // SAFETY: this process has one thread (checked above), so the child has everything the parent
        // has and may go on like any program.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(ours);
                serve(theirs, tracer.as_fd());
                // SAFETY: ends the child without the parent's exit handlers.
                unsafe { libc::_exit(0) }
            }
            process => Ok(Self { socket: BufReader::new(ours), process }),
        }
    }

    /// Makes a link and holds it.
    ///
    /// # Errors
    /// What the kernel says to the link.
    pub(super) fn link(&mut self, request: LinkRequest) -> io::Result<()> {
        self.ask(&Request::Link(request))
    }

    /// Releases all links, the last made first.
    ///
    /// # Errors
    /// The guard is gone, and the links with it.
    pub fn release(&mut self) -> io::Result<()> {
        self.ask(&Request::Release)
    }

    fn ask(&mut self, request: &Request) -> io::Result<()> {
        send(self.socket.get_mut(), request)?;
        let reply: Reply = receive(&mut self.socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match reply.errno {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl AsFd for Guard {
    /// Becomes readable when the guard ends, as long as nothing is asked of it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The guard ends at the end of the socket.
        let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Both);
        // SAFETY: our own child, which nobody else waits for; the status is not wanted.
        unsafe { libc::waitpid(self.process, std::ptr::null_mut(), 0) };
    }
}

fn send<T: Serialize>(socket: &mut UnixStream, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    socket.write_all(&line)
}

fn receive<T: for<'a> Deserialize<'a>>(
    socket: &mut BufReader<UnixStream>,
) -> io::Result<Option<T>> {
    let mut line = String::new();
    if socket.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

/// The guard's life: until the socket ends, however the tracer ended.
fn serve(socket: UnixStream, tracer: BorrowedFd<'_>) {
    // Signals of the terminal and of whoever stops the tracer are for the tracer, which says when to release.
    // SAFETY: no preconditions; ignoring a signal installs no code.
    unsafe {
        libc::setsid();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
    let mut links: Vec<OwnedFd> = Vec::new();
    let mut socket = BufReader::new(socket);
    while let Ok(Some(request)) = receive(&mut socket) {
        let result = match request {
            Request::Link(request) => link(&request, tracer).map(|link| links.push(link)),
            Request::Release => {
                while links.pop().is_some() {}
                Ok(())
            }
        };
        let errno = result.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
        if send(socket.get_mut(), &Reply { errno }).is_err() {
            break;
        }
    }
    while links.pop().is_some() {}
}

fn link(request: &LinkRequest, tracer: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let program = take(tracer, request.program)?;
    let file = take(tracer, request.file)?;
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    bpf::link_multi(
        program.as_fd(),
        &Multi {
            path: &path,
            offsets: &request.offsets,
            cookies: &request.cookies,
            pid: request.pid,
            attach_type: request.attach_type,
            at_return: request.at_return,
        },
    )
}

fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: `pidfd_open(pid, 0)` has no other preconditions.
    from_call(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// A descriptor of the tracer, as one of ours.
fn take(tracer: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `pidfd_getfd(pidfd, fd, 0)` only looks at numbers.
    from_call(unsafe { libc::syscall(libc::SYS_pidfd_getfd, tracer.as_raw_fd(), number, 0) })
}

fn from_call(result: libc::c_long) -> io::Result<OwnedFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(result).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
