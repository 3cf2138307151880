//! The guard's life: until the socket ends, however the tracer ended.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io::{self, BufReader};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::super::bpf::{self, Multi};
use super::descriptor::from_call;
use super::follow::Followers;
use super::message::{LinkGroup, LinkKind, LinkRequest, Reply, Request, receive, send};
use super::trace::{self, TraceEvents};
use super::uprobe::{Probe, ProbeKind, UprobePoint};
use crate::os::privilege;

/// What makes links.
pub trait Linker {
    /// Released when dropped.
    type Link;
    /// Makes one.
    fn link(&mut self, request: &LinkRequest) -> io::Result<Self::Link>;
    /// Has the kernel find its probes before those of other links.
    fn bring_to_front(&mut self, link: &mut Self::Link) -> io::Result<()>;
    /// Does what the tracer need not wait for.
    fn tidy_up(&mut self);
}

/// Serves the tracer that started this program, as [`super::GuardProgram`] starts it.
///
/// # Errors
/// Standard input is no socket: somebody else started it.
pub fn serve_inherited() -> io::Result<()> {
    // Fails where it is no socket.
    UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?).peer_addr()?;
    // The tracer's own files close themselves; those that it was given may not.
    // SAFETY: closes descriptors that nothing in this program, which has just begun, has opened.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    // SAFETY: the name is a string that ends with 0; the kernel copies it.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"leakspy-guard".as_ptr()) };
    // A target takes several links.
    privilege::raise_file_limit();
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let tracer = io::stdout().as_fd().try_clone_to_owned()?;
    serve(socket, &mut Kernel { tracer, trace: TraceEvents::default() });
    Ok(())
}

/// Answers until the socket ends; then everything is released.
pub fn serve<L: Linker>(mut socket: UnixStream, linker: &mut L) {
    let mut groups: BTreeMap<LinkGroup, Vec<L::Link>> = BTreeMap::new();
    if send(&mut socket, &Reply { errno: 0 }).is_err() {
        return;
    }
    let mut socket = BufReader::new(socket);
    while let Ok(Some(request)) = receive(&mut socket) {
        let result = match request {
            Request::Link { group, link } => linker.link(&link).map(|link| {
                groups.entry(group).or_default().push(link);
            }),
            Request::ToFront { group } => {
                let mut links = groups.get_mut(&group).into_iter().flatten();
                links.try_for_each(|link| linker.bring_to_front(link))
            }
            Request::Release { group } => {
                release(groups.remove(&group).unwrap_or_default());
                Ok(())
            }
        };
        if send(socket.get_mut(), &Reply::to(&result)).is_err() {
            break;
        }
        linker.tidy_up();
    }
    groups.into_values().rev().for_each(release);
}

/// The last made first.
fn release<L>(mut links: Vec<L>) {
    while links.pop().is_some() {}
}

/// Links of the kernel.
struct Kernel {
    /// The process whose descriptors requests name.
    tracer: OwnedFd,
    trace: TraceEvents,
}

/// What keeps probes in place; what comes first is closed first.
enum Link {
    Multi(#[allow(dead_code, reason = "held until it is dropped")] OwnedFd),
    Perf(#[allow(dead_code, reason = "held until it is dropped")] Vec<Probe>),
    Trace(Followers),
}

impl Linker for Kernel {
    type Link = Link;

    fn link(&mut self, request: &LinkRequest) -> io::Result<Link> {
        let program = take(self.tracer.as_fd(), request.program)?;
        let file = take(self.tracer.as_fd(), request.file)?;
        let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        let (pid, at_return) = (request.pid, request.at_return);
        let points = || request.offsets.iter().copied().zip(request.cookies.iter().copied());
        let link = match request.kind {
            LinkKind::Multi | LinkKind::Session => Link::Multi(bpf::link_multi(
                program.as_fd(),
                &Multi {
                    path: &path,
                    offsets: &request.offsets,
                    cookies: &request.cookies,
                    pid,
                    attach_type: request.kind.attach_type(),
                    at_return,
                },
            )?),
            LinkKind::Perf => {
                let kind = ProbeKind::read()?;
                let probe = |(offset, cookie)| {
                    Probe::new(
                        &kind,
                        program.as_fd(),
                        &UprobePoint { path: &path, offset, at_return },
                        pid,
                        cookie,
                    )
                };
                Link::Perf(points().map(probe).collect::<io::Result<_>>()?)
            }
            LinkKind::Trace => {
                let mut followers = Followers::new(pid)?;
                for (offset, cookie) in points() {
                    let point = trace::TracePoint { file: &file, offset, at_return, cookie };
                    let event = self.trace.event(&point, (request.program, program.as_fd()))?;
                    followers.add(event)?;
                }
                Link::Trace(followers)
            }
        };
        Ok(link)
    }

    fn bring_to_front(&mut self, link: &mut Link) -> io::Result<()> {
        match link {
            Link::Trace(followers) => followers.bring_to_front(),
            // Each is a consumer of its own, and the kernel asks all of them.
            Link::Multi(_) | Link::Perf(_) => Ok(()),
        }
    }

    fn tidy_up(&mut self) {
        self.trace.remove_unused();
    }
}

/// A descriptor of the tracer, as one of ours.
fn take(tracer: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `pidfd_getfd(pidfd, fd, 0)` only looks at numbers.
    from_call(unsafe { libc::syscall(libc::SYS_pidfd_getfd, tracer.as_raw_fd(), number, 0) })
}
