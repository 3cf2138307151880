//! One process: which it is, and whether it still is.

mod find;
mod program;
mod stat;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::maps::{self, Mapping};
use super::procfs::{self, SEE};
use super::{OsError, ProcessMemory, clock};
pub use program::Program;
use stat::Stat;

/// Ticks per second of times in `/proc`: a constant of the user-space interface on x86-64
/// (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Page faults of a process so far that read no disk, of all its threads.
pub(super) fn minor_faults(pid: u32) -> Result<u64, OsError> {
    Ok(Stat::read(pid)?.minor_faults)
}

/// A process that was there, of the right kind, when it was opened.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    comm: String,
    exe: PathBuf,
    start_ticks: u64,
    started_epoch_ns: u64,
    namespace_pids: Vec<u32>,
    handle: OwnedFd,
    memory: ProcessMemory,
    image: Image,
}

/// What tells one program image from the next in the same process, when the address space itself
/// cannot be held on to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Image {
    exe: Option<(u64, u64)>,
    start_code: u64,
    start_stack: u64,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// As it was when opened.
    Running,
    /// Its first thread has ended, others run: perf-based probes have gone silent.
    LeaderExited,
    /// It executes another program now.
    Replaced,
    /// It has exited.
    Exited,
}

impl Process {
    /// Opens a process by pid, or by a name that only one process has.
    ///
    /// A name matches the whole of: the short name (`comm`), the file name of the executable or of
    /// the first argument, or, when that is a Python, the script or module it runs.
    pub fn select(text: &str) -> Result<Self, OsError> {
        match text.parse() {
            Ok(pid) => Self::open(pid),
            Err(_) => Self::open(find::unique(text)?),
        }
    }

    /// Opens the process `pid`.
    pub fn open(pid: u32) -> Result<Self, OsError> {
        check_proc_namespace()?;
        // The handle first: while it is valid, /proc/PID shows the same process.
        let handle = open_handle(pid)?;
        let stat = Stat::read(pid).map_err(|error| match error {
            OsError::Vanished { pid } => OsError::NoSuchProcess { pid },
            other => other,
        })?;
        refuse_unsuitable(pid, &stat)?;
        let exe = fs::read_link(procfs::path(pid, "exe"))
            .map_err(|source| procfs::failure(pid, "see the executable", SEE, source))?;
        let process = Self {
            pid,
            comm: stat.comm.clone(),
            exe,
            start_ticks: stat.start_ticks,
            started_epoch_ns: started_epoch_ns(stat.start_ticks),
            namespace_pids: namespace_pids(&procfs::read_text(pid, "status")?),
            memory: ProcessMemory::open(pid),
            image: Image::of(pid, &stat),
            handle,
        };
        match process.has_exited() {
            true => Err(OsError::Vanished { pid }),
            false => Ok(process),
        }
    }

    /// Its id in the pid namespace of `/proc`.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its short name; hostile.
    pub fn comm(&self) -> &str {
        &self.comm
    }

    /// Its executable, as the kernel shows it to us (` (deleted)` appended when it was); hostile.
    pub fn exe(&self) -> &PathBuf {
        &self.exe
    }

    /// When it started, in ticks of 1/100 s since boot; with the pid, its identity.
    pub fn start_ticks(&self) -> u64 {
        self.start_ticks
    }

    /// When it started, nanoseconds since the Unix epoch.
    pub fn started_epoch_ns(&self) -> u64 {
        self.started_epoch_ns
    }

    /// Its ids, from the namespace of `/proc` to its own.
    pub fn namespace_pids(&self) -> &[u32] {
        &self.namespace_pids
    }

    /// Its memory.
    pub fn memory(&self) -> &ProcessMemory {
        &self.memory
    }

    /// Ids of its threads, in the namespace of `/proc`.
    pub fn threads(&self) -> Result<Vec<u32>, OsError> {
        let mut threads = procfs::threads(self.pid)?;
        threads.sort_unstable();
        Ok(threads)
    }

    /// What is mapped now.
    pub fn mappings(&self) -> Result<Vec<Mapping>, OsError> {
        let text = fs::read(procfs::path(self.pid, "maps")).map_err(|source| {
            procfs::failure(self.pid, "read the mappings", "CAP_SYS_PTRACE or CAP_PERFMON", source)
        })?;
        Ok(maps::parse(&text))
    }

    /// Whether it still runs what it ran when it was opened.
    pub fn life(&self) -> Life {
        if self.has_exited() {
            return Life::Exited;
        }
        let Ok(stat) = Stat::read(self.pid) else {
            return Life::Exited;
        };
        if stat.start_ticks != self.start_ticks {
            return Life::Exited;
        }
        // A dead leader shows no image; its address space lives on in the other threads.
        let replaced = match self.memory.is_gone() {
            Some(gone) => gone,
            None => !stat.is_dead() && Image::of(self.pid, &stat) != self.image,
        };
        match (replaced, stat.is_dead()) {
            // Between the end of the address space and that of the process lies a moment.
            (true, _) if self.has_exited() || self.is_ending() => Life::Exited,
            (true, true) => Life::Exited,
            (true, false) => Life::Replaced,
            (false, true) => Life::LeaderExited,
            (false, false) => Life::Running,
        }
    }

    /// Its CPU time so far, and whether a signal or a debugger has stopped it; nothing when it is
    /// gone.
    pub fn activity(&self) -> Option<(Duration, bool)> {
        let stat = Stat::read(self.pid).ok()?;
        let per_tick = 1000 / TICKS_PER_SECOND;
        let cpu = Duration::from_millis(stat.cpu_ticks.saturating_mul(per_tick));
        Some((cpu, stat.is_stopped()))
    }

    /// A file descriptor that becomes readable when the process has exited, for an event loop.
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Whether it is on its way to its end, as of now: its flags were read before it was seen that its memory
    /// is gone.
    fn is_ending(&self) -> bool {
        Stat::read(self.pid).map_or(true, |stat| stat.is_ending())
    }

    fn has_exited(&self) -> bool {
        let mut poll =
            libc::pollfd { fd: self.handle.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd that lives through the call; the descriptor is open, we own it.
        let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
        ready > 0 && poll.revents & (libc::POLLIN | libc::POLLHUP) != 0
    }
}

impl Image {
    fn of(pid: u32, stat: &Stat) -> Self {
        let exe = fs::metadata(procfs::path(pid, "exe")).ok();
        Self {
            exe: exe.map(|file| (file.dev(), file.ino())),
            start_code: stat.start_code,
            start_stack: stat.start_stack,
        }
    }
}

fn refuse_unsuitable(pid: u32, stat: &Stat) -> Result<(), OsError> {
    let status = procfs::read_text(pid, "status")?;
    let leader = procfs::field(&status, "Tgid").and_then(|text| text.parse().ok());
    if let Some(leader) = leader.filter(|leader| *leader != pid) {
        return Err(OsError::NotLeader { pid, leader });
    }
    let comm = stat.comm.clone();
    if stat.is_kernel_thread() {
        return Err(OsError::KernelThread { pid, comm });
    }
    if stat.is_dead() {
        return Err(match stat.threads {
            // The dead first thread itself is still counted.
            0 | 1 => OsError::Zombie { pid, comm },
            _ => OsError::Headless { pid, comm },
        });
    }
    match is_64_bit_x86(pid)? {
        true => Ok(()),
        false => Err(OsError::Foreign { pid, comm }),
    }
}

/// Whether the executable is ELF of class 64 for x86: the kernel runs such a file in 64-bit mode.
fn is_64_bit_x86(pid: u32) -> Result<bool, OsError> {
    use std::io::Read as _;
    let failure = |source| procfs::failure(pid, "read the executable", SEE, source);
    let file = fs::File::open(procfs::path(pid, "exe")).map_err(failure)?;
    let mut header = Vec::with_capacity(20);
    file.take(20).read_to_end(&mut header).map_err(failure)?;
    Ok(header.len() == 20 && header[..5] == *b"\x7fELF\x02" && header[18..20] == [62, 0])
}

fn open_handle(pid: u32) -> Result<OwnedFd, OsError> {
    let id = libc::pid_t::try_from(pid).map_err(|_| OsError::NoSuchProcess { pid })?;
    // SAFETY: takes two numbers, no pointers.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    if opened < 0 {
        let source = io::Error::last_os_error();
        return Err(match source.raw_os_error() {
            Some(libc::ESRCH) => OsError::NoSuchProcess { pid },
            // The id of a thread that is not the first of its process (ENOENT since 6.9).
            Some(libc::EINVAL | libc::ENOENT) => match leader_of(pid) {
                Some(leader) => OsError::NotLeader { pid, leader },
                None => OsError::NoSuchProcess { pid },
            },
            _ => OsError::Io { what: format!("get hold of process {pid}"), source },
        });
    }
    let descriptor = i32::try_from(opened).expect("invariant: descriptors are small numbers");
    // SAFETY: the kernel just created this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn leader_of(pid: u32) -> Option<u32> {
    let status = procfs::read_text(pid, "status").ok()?;
    procfs::field(&status, "Tgid")?.parse().ok().filter(|leader| *leader != pid)
}

/// System calls take pids of our own namespace, `/proc` shows those of the namespace it was mounted
/// in.
fn check_proc_namespace() -> Result<(), OsError> {
    let shown = fs::read_link("/proc/self").map_err(|source| OsError::Io {
        what: "read /proc/self: is /proc mounted?".into(),
        source,
    })?;
    match shown.to_str().and_then(|text| text.parse().ok()) == Some(std::process::id()) {
        true => Ok(()),
        false => Err(OsError::ForeignProc),
    }
}

/// When the process `pid` started, as [`Process::start_ticks`], if there is one.
pub fn start_ticks(pid: u32) -> Option<u64> {
    Stat::read(pid).ok().map(|stat| stat.start_ticks)
}

fn started_epoch_ns(start_ticks: u64) -> u64 {
    let since_boot = start_ticks.saturating_mul(1_000_000_000 / TICKS_PER_SECOND);
    let boot = clock::epoch_ns().saturating_sub(clock::boot_ns());
    boot.saturating_add(since_boot)
}

fn namespace_pids(status: &str) -> Vec<u32> {
    let ids = procfs::field(status, "NSpid").unwrap_or_default();
    ids.split_ascii_whitespace().filter_map(|id| id.parse().ok()).collect()
}
