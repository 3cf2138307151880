//! The kernel's side: signals, eBPF programs and links, the log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::name;

/// Sends a signal to one process.
pub fn signal(pid: u32, signal: i32) -> Result<()> {
    let pid = libc::pid_t::try_from(pid).context("process id")?;
    ensure!(pid > 0, "{pid} is no single process");
    // SAFETY: kill takes two integers and touches no memory of ours.
    let result = unsafe { libc::kill(pid, signal) };
    ensure!(result == 0, "signal {signal} to {pid}: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Waits until the kernel shows a process as stopped: the effect of SIGSTOP on all of its threads.
pub fn await_stopped(pid: u32) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let state = stat.rsplit(") ").next().unwrap_or_default();
        if state.starts_with('T') {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{pid} does not stop: {stat}");
        std::thread::yield_now();
    }
}

const PROGRAM_NEXT_ID: i64 = 11;
const PROGRAM_BY_ID: i64 = 13;
const INFO_BY_FD: i64 = 15;
const LINK_BY_ID: i64 = 30;
const LINK_NEXT_ID: i64 = 31;
/// Offset and length of `name` in `bpf_prog_info`.
const PROGRAM_NAME: std::ops::Range<usize> = 64..79;
/// `type` of a uprobe_multi link, and the offset of `uprobe_multi.pid` in `bpf_link_info`.
const UPROBE_MULTI: u32 = 12;
const LINK_PID: usize = 60;

/// `union bpf_attr` of the commands that list and open by id.
#[repr(C, align(8))]
struct ById {
    id: u32,
    next_id: u32,
    flags: u32,
    fd_by_id_token: u32,
}

/// `union bpf_attr` of the command that describes an object.
#[repr(C, align(8))]
struct InfoRequest {
    fd: u32,
    length: u32,
    info: u64,
}

/// One system call; the result is a file descriptor or 0, or nothing for "no such object".
fn bpf<T>(command: i64, attributes: &mut T) -> Result<Option<RawFd>> {
    let size = u32::try_from(size_of::<T>()).context("size of attributes")?;
    // SAFETY: the kernel reads and writes at most `size` bytes of `attributes`, which we borrow
    // exclusively; the only pointer in any `T` here is `InfoRequest::info`, set by `info` to a live
    // buffer of `length` bytes.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size) };
    if result >= 0 {
        return Ok(Some(RawFd::try_from(result).context("file descriptor")?));
    }
    let error = std::io::Error::last_os_error();
    if error.kind() == ErrorKind::NotFound {
        return Ok(None);
    }
    Err(error).with_context(|| format!("bpf command {command}"))
}

/// All ids that a `…_NEXT_ID` command lists.
fn ids(next: i64) -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    let mut attributes = ById { id: 0, next_id: 0, flags: 0, fd_by_id_token: 0 };
    while bpf(next, &mut attributes)?.is_some() {
        ids.push(attributes.next_id);
        attributes.id = attributes.next_id;
    }
    Ok(ids)
}

/// The first 128 bytes of what the kernel says of an object; nothing when it is gone by now.
fn info(by_id: i64, id: u32) -> Result<Option<[u8; 128]>> {
    let mut attributes = ById { id, next_id: 0, flags: 0, fd_by_id_token: 0 };
    let Some(fd) = bpf(by_id, &mut attributes)? else { return Ok(None) };
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut buffer = [0_u8; 128];
    let mut request = InfoRequest {
        fd: u32::try_from(fd.as_raw_fd()).context("file descriptor")?,
        length: 128,
        info: u64::try_from(buffer.as_mut_ptr().expose_provenance()).context("address")?,
    };
    bpf(INFO_BY_FD, &mut request)?;
    Ok(Some(buffer))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Ids and names of the loaded programs that are called like ours.
pub fn programs() -> Result<BTreeMap<u32, String>> {
    let ours = [
        name::PROGRAM_ALLOC,
        name::PROGRAM_ALLOC_RETURN,
        name::PROGRAM_ALLOC_SESSION,
        name::PROGRAM_FREE,
        name::PROGRAM_CODE_DEALLOC,
    ];
    let mut programs = BTreeMap::new();
    for id in ids(PROGRAM_NEXT_ID)? {
        let Some(info) = info(PROGRAM_BY_ID, id)? else { continue };
        let name = String::from_utf8_lossy(&info[PROGRAM_NAME]).trim_end_matches('\0').to_owned();
        if ours.contains(&name.as_str()) {
            programs.insert(id, name);
        }
    }
    Ok(programs)
}

/// Ids of the links that probe a process (uprobe_multi; perf links do not name it).
pub fn links_on(pid: u32) -> Result<Vec<u32>> {
    let mut links = Vec::new();
    for id in ids(LINK_NEXT_ID)? {
        let Some(info) = info(LINK_BY_ID, id)? else { continue };
        if word(&info, 0) == UPROBE_MULTI && word(&info, LINK_PID) == pid {
            links.push(id);
        }
    }
    Ok(links)
}

/// Waits until no link probes the process.
pub fn await_no_links(pid: u32) -> Result<()> {
    await_empty("links", || links_on(pid))
}

/// The kernel takes its time to let go of what a process held when it died.
pub(crate) fn await_empty<T: std::fmt::Debug>(
    what: &str,
    list: impl Fn() -> Result<Vec<T>>,
) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let left = list()?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{what} left behind: {left:?}");
        std::thread::yield_now();
    }
}

/// Most memory that a process had resident, bytes.
pub fn peak_resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    Ok(1024 * kib.context("VmHWM")?.trim().parse::<u64>()?)
}

/// Bytes of the eBPF maps that a process holds, by map.
pub fn maps_of(pid: u32) -> Result<BTreeMap<u64, u64>> {
    let mut maps = BTreeMap::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // Closed meanwhile.
        let Ok(info) = std::fs::read_to_string(entry?.path()) else { continue };
        let field = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        if let (Some(map), Some(bytes)) = (field("map_id:"), field("memlock:")) {
            maps.insert(map, bytes);
        }
    }
    Ok(maps)
}

/// Tracepoints of the kernel at which a process has programs, other than that of exec.
pub fn tracepoints_of(pid: u32) -> Result<Vec<String>> {
    let mut tracepoints = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // Closed meanwhile.
        let Ok(info) = std::fs::read_to_string(entry?.path()) else { continue };
        let name = info.lines().find_map(|line| line.strip_prefix("tp_name:"));
        tracepoints.extend(name.map(|name| name.trim().to_owned()));
    }
    tracepoints.retain(|name| name != "sched_process_exec");
    tracepoints.sort_unstable();
    Ok(tracepoints)
}

/// Waits until a process has no programs at such tracepoints.
pub fn await_no_tracepoints(pid: u32) -> Result<()> {
    await_empty("programs at tracepoints", || tracepoints_of(pid))
}

/// The children of a process, of all its threads.
pub fn children(pid: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let said = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        children.extend(said.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(children)
}

/// The kernel's log from now on.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    /// Begins to listen.
    pub fn from_now() -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .context("open the kernel's log")?;
        file.seek(SeekFrom::End(0)).context("end of the kernel's log")?;
        Ok(Self(file))
    }

    /// No line since then complains about probes in a process.
    pub fn is_quiet_about(&mut self, pid: u32) -> Result<()> {
        let id = format!("[{pid}]");
        for line in self.lines()? {
            let about_probes = line.contains("uprobe") || line.contains("uretprobe");
            ensure!(!(about_probes && line.contains(&id)), "the kernel complains: {line}");
        }
        Ok(())
    }

    fn lines(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        loop {
            match self.0.read(&mut record) {
                Ok(count) => lines.push(String::from_utf8_lossy(&record[..count]).into_owned()),
                // EPIPE: the log went faster than us; the next read goes on where it can.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(lines),
                Err(error) => return Err(error).context("read the kernel's log"),
            }
        }
    }
}
