//! Perf events, which probe one process each.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use super::super::bpf;
use super::descriptor::from_call;

/// First version of `struct perf_event_attr` (`PERF_ATTR_SIZE_VER0`), with `config1` and `config2`
/// of the second; the kernel takes a shorter struct for zeros.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
    config2: u64,
}

/// `perf_event_attr.disabled`: it counts nothing. Its probes are in place all the same, and run
/// their programs.
const DISABLED: u64 = 1;
/// `perf_event_attr.enable_on_exec`: the kernel places no probes for it before an exec.
const ENABLE_ON_EXEC: u64 = 1 << 12;
/// `PERF_TYPE_TRACEPOINT`
const TRACEPOINT: u32 = 2;
/// `PERF_FLAG_FD_CLOEXEC`
const CLOSE_ON_EXEC: libc::c_ulong = 8;

/// Where a perf event puts its probe.
pub struct UprobePoint<'a> {
    /// The file.
    pub path: &'a CStr,
    /// Where in it.
    pub offset: u64,
    /// Whether the program runs at the return.
    pub at_return: bool,
}

/// How the kernel numbers perf events that are probes.
pub struct ProbeKind {
    kind: u32,
    /// In `config` of those at the return.
    at_return: u64,
}

impl ProbeKind {
    /// As it says in sysfs.
    pub fn read() -> io::Result<Self> {
        let kind = number("/sys/bus/event_source/devices/uprobe/type", "")?;
        let bit = number("/sys/bus/event_source/devices/uprobe/format/retprobe", "config:")?;
        Ok(Self { kind, at_return: 1_u64.checked_shl(bit).unwrap_or(0) })
    }
}

/// A probe, and the program that runs there. The program goes first.
pub struct Probe {
    _link: OwnedFd,
    _event: OwnedFd,
}

impl Probe {
    /// Places it.
    pub fn new(
        kind: &ProbeKind,
        program: BorrowedFd<'_>,
        point: &UprobePoint<'_>,
        pid: u32,
        cookie: u64,
    ) -> io::Result<Self> {
        let attributes = Attributes {
            kind: kind.kind,
            config: if point.at_return { kind.at_return } else { 0 },
            config1: point.path.as_ptr() as u64,
            config2: point.offset,
            ..Attributes::default()
        };
        let event = open(attributes, pid)?;
        let link = bpf::link_perf(program, event.as_fd(), cookie)?;
        Ok(Self { _link: link, _event: event })
    }
}

/// A perf event on a trace event, in one process.
pub fn trace_event(id: u64, pid: u32) -> io::Result<OwnedFd> {
    let attributes = Attributes { config: id, flags: DISABLED, ..Attributes::default() };
    open(Attributes { kind: TRACEPOINT, ..attributes }, pid)
}

/// The same without probes.
pub fn idle_trace_event(id: u64, pid: u32) -> io::Result<OwnedFd> {
    let flags = DISABLED | ENABLE_ON_EXEC;
    let attributes = Attributes { config: id, flags, ..Attributes::default() };
    open(Attributes { kind: TRACEPOINT, ..attributes }, pid)
}

fn open(mut attributes: Attributes, pid: u32) -> io::Result<OwnedFd> {
    attributes.size = u32::try_from(size_of::<Attributes>()).map_err(io::Error::other)?;
    attributes.sample_period = 1;
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: the struct is as long as it says, and a path in it is a string that lives longer than
    // the call.
    from_call(unsafe {
        libc::syscall(libc::SYS_perf_event_open, &raw const attributes, pid, -1, -1, CLOSE_ON_EXEC)
    })
}

fn number(path: &str, before: &str) -> io::Result<u32> {
    let text = fs::read_to_string(path)?;
    let text = text.trim().strip_prefix(before).unwrap_or_default();
    text.parse().map_err(io::Error::other)
}

/// Device and inode of an open file.
pub fn file_of(file: &OwnedFd) -> io::Result<(u64, u64)> {
    let status = File::from(file.try_clone()?).metadata()?;
    Ok((status.dev(), status.ino()))
}
