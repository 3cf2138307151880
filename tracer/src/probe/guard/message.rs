//! What the tracer and the guard say to each other: one line of JSON for each request and each
//! reply.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use super::super::bpf;

/// Longest line that is read, in bytes; a link with thousands of offsets is shorter.
const LONGEST: u64 = 1 << 20;

/// Links that are released together, by a number of the tracer's choice.
pub type LinkGroup = u64;

/// A link to be made, with descriptors as numbers of the tracer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRequest {
    pub program: RawFd,
    pub file: RawFd,
    pub offsets: Vec<u64>,
    pub cookies: Vec<u64>,
    pub pid: u32,
    pub kind: LinkKind,
    pub at_return: bool,
}

/// What holds probes in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// A multi link.
    Multi,
    /// A session link.
    Session,
    /// A perf event for each offset.
    Perf,
    /// A perf event on a trace event for each offset, which requests with the same program share.
    Trace,
}

impl LinkKind {
    /// What its programs are loaded for.
    pub const fn attach_type(self) -> u32 {
        match self {
            Self::Multi => bpf::ATTACH_MULTI,
            Self::Session => bpf::ATTACH_SESSION,
            Self::Perf | Self::Trace => bpf::ATTACH_PERF,
        }
    }

    /// Trace events are one way of several: whatever they lack, another can do without.
    pub fn understood(self, error: io::Error) -> io::Error {
        match error.raw_os_error() {
            Some(libc::ESRCH) | None => error,
            Some(_) if self == Self::Trace => io::Error::from_raw_os_error(libc::EOPNOTSUPP),
            Some(_) => error,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Make a link and hold it in a group.
    Link { group: LinkGroup, link: LinkRequest },
    /// Have the kernel find the probes of a group before those of others that share its trace events.
    ToFront { group: LinkGroup },
    /// Close all links of a group, the last made first.
    Release { group: LinkGroup },
}

/// 0, or the error number of what failed. The first one comes unasked, when the guard listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    pub errno: i32,
}

impl Reply {
    pub fn to<T>(result: &io::Result<T>) -> Self {
        let number = |error: &io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        Self { errno: result.as_ref().err().map_or(0, number) }
    }
}

pub fn send<T: Serialize>(socket: &mut UnixStream, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// The next message; nothing at the end of the socket.
pub fn receive<T: for<'a> Deserialize<'a>>(
    socket: &mut BufReader<UnixStream>,
) -> io::Result<Option<T>> {
    let mut line = String::new();
    if socket.take(LONGEST).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}
