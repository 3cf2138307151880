//! Trace events on instructions, which any number of targets share.
//!
//! A trace event is one consumer of the probe in the kernel, with a list of the tasks that want it
//! (`struct trace_uprobe_filter`). Breakpoints go only into the memory of those tasks, and the
//! program runs once for each hit however many there are. Links have a consumer for each target,
//! and the kernel asks all of them at each hit.
//!
//! Trace events are defined in tracefs, which is mounted for this process alone and without a
//! place. They are named for this process, and whoever starts later removes those of processes that
//! were killed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

use super::super::bpf;
use super::descriptor::from_call;
use super::uprobe::{file_of, idle_trace_event};
use crate::os::process::start_ticks;

/// Where all trace events on instructions are defined, in tracefs.
const DEFINITIONS: &std::ffi::CStr = c"uprobe_events";
/// What the names of our groups begin with.
const PREFIX: &str = "leakspy_";

/// What is to be traced.
pub struct TracePoint<'a> {
    /// The file.
    pub file: &'a OwnedFd,
    /// Where in it.
    pub offset: u64,
    /// Whether the program runs at the return.
    pub at_return: bool,
    /// What the program is reported.
    pub cookie: u64,
}

/// Device, inode, offset, whether at the return, and the program by the tracer's number.
type Key = (u64, u64, u64, bool, RawFd);

/// All trace events of this process.
#[derive(Default)]
pub struct TraceEvents {
    tracefs: Option<Rc<Tracefs>>,
    defined: BTreeMap<Key, Rc<TraceEvent>>,
    next: u64,
}

impl TraceEvents {
    /// The trace event of a point, which is defined when it is the first that asks.
    pub fn event(
        &mut self,
        point: &TracePoint<'_>,
        (number, program): (RawFd, BorrowedFd<'_>),
    ) -> io::Result<Rc<TraceEvent>> {
        let (device, inode) = file_of(point.file)?;
        let key = (device, inode, point.offset, point.at_return, number);
        if let Some(defined) = self.defined.get(&key) {
            return Ok(Rc::clone(defined));
        }
        let defined = Rc::new(self.define(point, program)?);
        self.defined.insert(key, Rc::clone(&defined));
        Ok(defined)
    }

    /// Removes the trace events that nobody has any more, which have no probes. The kernel takes about
    /// a tenth of a second for each, one after the other: it waits for programs that may still run.
    pub fn remove_unused(&mut self) {
        self.defined.retain(|_, event| Rc::strong_count(event) > 1);
    }

    fn define(
        &mut self,
        point: &TracePoint<'_>,
        program: BorrowedFd<'_>,
    ) -> io::Result<TraceEvent> {
        let tracefs = match &self.tracefs {
            Some(tracefs) => Rc::clone(tracefs),
            None => Rc::clone(self.tracefs.insert(Rc::new(Tracefs::mount()?))),
        };
        self.next += 1;
        let name = format!("{}/e{}", tracefs.group, self.next);
        let kind = if point.at_return { 'r' } else { 'p' };
        let (file, offset) = (point.file.as_raw_fd(), point.offset);
        tracefs.write(&format!("{kind}:{name} /proc/self/fd/{file}:{offset:#x}\n"))?;
        let definition = Definition { tracefs, name };
        let id = definition.id()?;
        let (idle, link) = run_program(id, program, point.cookie)?;
        Ok(TraceEvent { _link: link, _idle: idle, id, _definition: definition })
    }
}

/// A trace event with its program. The program goes first, the definition last.
pub struct TraceEvent {
    _link: OwnedFd,
    _idle: OwnedFd,
    /// How perf events name it.
    pub id: u64,
    _definition: Definition,
}

/// Has the program run at every hit. It must hang on a perf event, and those of targets come and
/// go: this one is of a process that has ended, into which no probe can be placed.
fn run_program(id: u64, program: BorrowedFd<'_>, cookie: u64) -> io::Result<(OwnedFd, OwnedFd)> {
    let ended = Sleeper::start()?;
    let idle = idle_trace_event(id, ended.0)?;
    let link = bpf::link_perf(program, idle.as_fd(), cookie)?;
    Ok((idle, link))
}

/// A child that does nothing, and ends with this.
struct Sleeper(u32);

impl Sleeper {
    fn start() -> io::Result<Self> {
        // SAFETY: the guard has one thread, so the child has everything it needs; it only waits for
        // a signal.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: system calls without preconditions. It has our descriptors, and must not
            // outlive us.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                loop {
                    libc::pause();
                }
            }
        }
        u32::try_from(child).map(Self).map_err(|_| io::Error::last_os_error())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let Ok(child) = libc::pid_t::try_from(self.0) else { return };
        // SAFETY: our own child, not waited for yet, so the number is its own.
        unsafe {
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
    }
}

/// A definition, until it is dropped.
struct Definition {
    tracefs: Rc<Tracefs>,
    name: String,
}

impl Definition {
    fn id(&self) -> io::Result<u64> {
        let path = std::ffi::CString::new(format!("events/{}/id", self.name))?;
        let mut text = String::new();
        self.tracefs.open(&path, libc::O_RDONLY)?.read_to_string(&mut text)?;
        text.trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Definition {
    fn drop(&mut self) {
        // What stays is a name without a probe, and the next guard removes it.
        let _ = self.tracefs.write(&format!("-:{}\n", self.name));
    }
}

/// A mount of tracefs that only this process has.
struct Tracefs {
    root: OwnedFd,
    group: String,
}

impl Tracefs {
    fn mount() -> io::Result<Self> {
        /// `FSCONFIG_CMD_CREATE`
        const CREATE: libc::c_ulong = 6;
        /// `FSOPEN_CLOEXEC` and `FSMOUNT_CLOEXEC`
        const CLOSE_ON_EXEC: libc::c_ulong = 1;
        // SAFETY: the name is a string that ends with 0; the kernel copies it.
        let context = from_call(unsafe {
            libc::syscall(libc::SYS_fsopen, c"tracefs".as_ptr(), CLOSE_ON_EXEC)
        })?;
        let number = context.as_raw_fd();
        // SAFETY: this command takes no key and no value.
        let created =
            unsafe { libc::syscall(libc::SYS_fsconfig, number, CREATE, 0_usize, 0_usize, 0) };
        if created < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: takes a descriptor and flags.
        let root =
            from_call(unsafe { libc::syscall(libc::SYS_fsmount, number, CLOSE_ON_EXEC, 0) })?;
        let pid = std::process::id();
        let started = start_ticks(pid).ok_or(io::ErrorKind::NotFound)?;
        let tracefs = Self { root, group: format!("{PREFIX}{pid}_{started}") };
        tracefs.remove_stale();
        Ok(tracefs)
    }

    fn open(&self, path: &std::ffi::CStr, flags: libc::c_int) -> io::Result<File> {
        let flags = flags | libc::O_CLOEXEC;
        // SAFETY: the path is a string that ends with 0.
        let file = unsafe { libc::openat(self.root.as_raw_fd(), path.as_ptr(), flags) };
        Ok(from_call(file.into())?.into())
    }

    /// One definition, or the end of one.
    fn write(&self, line: &str) -> io::Result<()> {
        self.open(DEFINITIONS, libc::O_WRONLY | libc::O_APPEND)?.write_all(line.as_bytes())
    }

    fn remove_stale(&self) {
        let mut text = String::new();
        let read = self
            .open(DEFINITIONS, libc::O_RDONLY)
            .and_then(|mut file| file.read_to_string(&mut text));
        if read.is_err() {
            return;
        }
        for name in stale(&text, start_ticks) {
            // Somebody else may do the same; one that is in use is refused.
            let _ = self.write(&format!("-:{name}\n"));
        }
    }
}

/// Definitions of ours whose process is gone.
fn stale(definitions: &str, started: impl Fn(u32) -> Option<u64>) -> Vec<&str> {
    let names = definitions.lines().filter_map(|line| {
        let name = line.split_once(':')?.1.split_ascii_whitespace().next()?;
        let (pid, begun) = name.strip_prefix(PREFIX)?.split_once('/')?.0.split_once('_')?;
        let (pid, begun): (u32, u64) = (pid.parse().ok()?, begun.parse().ok()?);
        (started(pid) != Some(begun)).then_some(name)
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_processes_that_are_gone_are_stale() {
        let text = "p:leakspy_10_77/e1 /lib/libc.so.6:0x0000000000098930\n\
                    r8:leakspy_11_78/e2 /lib/libc.so.6:0x98930\n\
                    p:leakspy_12_79/e1 /x:0x1\n\
                    p:probe_libc/malloc /x:0x1\n\
                    p:leakspy_x_1/e1 /x:0x1\nnonsense\n";
        let started = |pid| match pid {
            10 => Some(77),
            11 => Some(99),
            _ => None,
        };
        assert_eq!(stale(text, started), ["leakspy_11_78/e2", "leakspy_12_79/e1"]);
    }
}
