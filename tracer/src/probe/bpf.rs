//! The bpf system calls that aya 0.14 does not offer: programs with an attach type of our choice,
//! uprobe-multi and session links, batched map reads.
//!
//! Layouts are those of `union bpf_attr` in the kernel's `include/uapi/linux/bpf.h`; fields only
//! grow at the end, and the kernel takes a shorter struct for zeros.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use aya::Pod;
use aya_obj::generated::{bpf_insn, bpf_prog_info};

use super::subprograms::{self, FunctionInfo};

const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_MAP_DELETE_ELEM: libc::c_long = 3;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_long = 17;
const BPF_BTF_LOAD: libc::c_long = 18;
const BPF_MAP_FREEZE: libc::c_long = 22;
const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_ENABLE_STATS: libc::c_long = 32;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
const BPF_F_RDONLY_PROG: u32 = 1 << 7;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const BPF_F_UPROBE_MULTI_RETURN: u32 = 1;

/// No attach type of its own: programs for perf events.
pub const ATTACH_PERF: u32 = 0;
/// `BPF_TRACE_UPROBE_MULTI`
pub const ATTACH_MULTI: u32 = 48;
/// `BPF_TRACE_UPROBE_SESSION`
pub const ATTACH_SESSION: u32 = 57;

#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
}

#[repr(C)]
#[derive(Default)]
struct BtfLoad {
    btf: u64,
    btf_log_buf: u64,
    btf_size: u32,
    btf_log_size: u32,
    btf_log_level: u32,
    reserved: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreateUprobeMulti {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    path: u64,
    offsets: u64,
    ref_ctr_offsets: u64,
    cookies: u64,
    cnt: u32,
    multi_flags: u32,
    pid: u32,
    reserved: u32,
}

#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreatePerf {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    bpf_cookie: u64,
}

#[repr(C)]
#[derive(Default)]
struct RawTracepointOpen {
    name: u64,
    prog_fd: u32,
    reserved: u32,
}

#[repr(C)]
#[derive(Default)]
struct EnableStats {
    kind: u32,
}

#[repr(C)]
#[derive(Default)]
struct Info {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

#[repr(C)]
#[derive(Default)]
struct MapElement {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct MapBatch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<i32> {
    let size = size_of::<T>();
    // SAFETY: every `T` above is a `repr(C)` prefix of `union bpf_attr` for its command, and the
    // pointers in it are to live buffers of the stated sizes (see each caller).
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(result).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn length(slice_length: usize) -> io::Result<u32> {
    u32::try_from(slice_length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// What a program runs at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunsAt {
    /// Probes in processes, with this attach type.
    Probes(u32),
    /// A tracepoint of the kernel.
    Tracepoint,
}

/// Loads a program. On failure the error is joined by the verifier's log.
pub fn load_program(
    name: &str,
    instructions: &[bpf_insn],
    runs_at: RunsAt,
) -> Result<OwnedFd, (io::Error, String)> {
    let types = load_types().map_err(|error| (error, String::new()))?;
    let functions = subprograms::functions(instructions);
    let attributes = || -> io::Result<ProgLoad> {
        let mut prog_name = [0; 16];
        for (to, from) in prog_name.iter_mut().take(15).zip(name.bytes()) {
            *to = from;
        }
        let (prog_type, expected_attach_type) = match runs_at {
            RunsAt::Probes(attach_type) => (BPF_PROG_TYPE_KPROBE, attach_type),
            RunsAt::Tracepoint => (BPF_PROG_TYPE_RAW_TRACEPOINT, 0),
        };
        Ok(ProgLoad {
            prog_type,
            insn_cnt: length(instructions.len())?,
            insns: instructions.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            prog_name,
            expected_attach_type,
            prog_btf_fd: number(types.as_fd())?,
            func_info_rec_size: length(size_of::<FunctionInfo>())?,
            func_info: functions.as_ptr() as u64,
            func_info_cnt: length(functions.len())?,
            ..ProgLoad::default()
        })
    };
    let first = attributes().and_then(|mut attributes| bpf(BPF_PROG_LOAD, &mut attributes));
    let error = match first {
        Ok(fd) => return Ok(owned(fd)),
        Err(error) => error,
    };
    // Again with a log: asking for it always would cost every start some megabytes.
    let mut log = vec![0_u8; 1 << 20];
    let second = attributes().and_then(|mut attributes| {
        attributes.log_level = 1;
        attributes.log_size = length(log.len())?;
        attributes.log_buf = log.as_mut_ptr() as u64;
        bpf(BPF_PROG_LOAD, &mut attributes)
    });
    match second {
        Ok(fd) => Ok(owned(fd)),
        Err(_) => {
            let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
            Err((error, String::from_utf8_lossy(&log[..end]).into_owned()))
        }
    }
}

fn load_types() -> io::Result<OwnedFd> {
    let types = subprograms::types();
    let mut attributes = BtfLoad {
        btf: types.as_ptr() as u64,
        btf_size: length(types.len())?,
        ..BtfLoad::default()
    };
    bpf(BPF_BTF_LOAD, &mut attributes).map(owned)
}

/// Has a program run at a tracepoint of the kernel, until this is dropped.
pub fn link_tracepoint(program: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let mut attributes = RawTracepointOpen {
        name: name.as_ptr() as u64,
        prog_fd: number(program)?,
        ..RawTracepointOpen::default()
    };
    bpf(BPF_RAW_TRACEPOINT_OPEN, &mut attributes).map(owned)
}

/// Where a multi link puts its probes.
pub struct Multi<'a> {
    /// The ELF file, best as `/proc/self/fd/N` of the inode that the target maps.
    pub path: &'a CStr,
    /// File offsets of the probed instructions.
    pub offsets: &'a [u64],
    /// A cookie for each.
    pub cookies: &'a [u64],
    /// Process id in the caller's pid namespace.
    pub pid: u32,
    /// [`ATTACH_MULTI`] or [`ATTACH_SESSION`].
    pub attach_type: u32,
    /// Whether the program runs at the return (multi only).
    pub at_return: bool,
}

/// Puts probes at all offsets; dropping the link removes them.
pub fn link_multi(program: BorrowedFd<'_>, multi: &Multi<'_>) -> io::Result<OwnedFd> {
    if multi.offsets.len() != multi.cookies.len() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut attributes = LinkCreateUprobeMulti {
        prog_fd: number(program)?,
        attach_type: multi.attach_type,
        path: multi.path.as_ptr() as u64,
        offsets: multi.offsets.as_ptr() as u64,
        cookies: multi.cookies.as_ptr() as u64,
        cnt: length(multi.offsets.len())?,
        multi_flags: if multi.at_return { BPF_F_UPROBE_MULTI_RETURN } else { 0 },
        pid: multi.pid,
        ..LinkCreateUprobeMulti::default()
    };
    bpf(BPF_LINK_CREATE, &mut attributes).map(owned)
}

/// An empty program array. It belongs to the kind of program that is loaded with it first.
pub fn create_program_array() -> io::Result<OwnedFd> {
    let mut attributes = MapCreate {
        map_type: BPF_MAP_TYPE_PROG_ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..MapCreate::default()
    };
    bpf(BPF_MAP_CREATE, &mut attributes).map(owned)
}

/// A map of read-only data that the verifier takes for constants.
pub fn create_constants(data: &[u8]) -> io::Result<OwnedFd> {
    let mut attributes = MapCreate {
        map_type: BPF_MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: length(data.len())?,
        max_entries: 1,
        map_flags: BPF_F_RDONLY_PROG,
    };
    let map = owned(bpf(BPF_MAP_CREATE, &mut attributes)?);
    // SAFETY: the map has just been made for keys of 4 bytes and values of as many as there are.
    unsafe { update(map.as_fd(), &0_u32, data) }?;
    let mut frozen = number(map.as_fd())?;
    bpf(BPF_MAP_FREEZE, &mut frozen)?;
    Ok(map)
}

/// Runs the program at the hits of a perf event; dropping the link ends that.
pub fn link_perf(
    program: BorrowedFd<'_>,
    event: BorrowedFd<'_>,
    cookie: u64,
) -> io::Result<OwnedFd> {
    /// `BPF_PERF_EVENT`
    const ATTACH_TYPE: u32 = 41;
    let mut attributes = LinkCreatePerf {
        prog_fd: number(program)?,
        target_fd: number(event)?,
        attach_type: ATTACH_TYPE,
        bpf_cookie: cookie,
        ..LinkCreatePerf::default()
    };
    bpf(BPF_LINK_CREATE, &mut attributes).map(owned)
}

/// The value at `key`, into `value`; false when there is none. Per-CPU maps have a value for each
/// possible CPU.
///
/// # Safety
/// `K` is as large as the map's keys, and `value` as what the map has for one key.
pub unsafe fn lookup<K: Pod, V: Pod>(
    map: BorrowedFd<'_>,
    key: &K,
    value: &mut [V],
) -> io::Result<bool> {
    let mut attributes = MapElement {
        map_fd: number(map)?,
        key: std::ptr::from_ref(key) as u64,
        value: value.as_mut_ptr() as u64,
        ..MapElement::default()
    };
    match bpf(BPF_MAP_LOOKUP_ELEM, &mut attributes) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the entry at `key`, if there is one.
///
/// # Safety
/// `K` is as large as the map's keys.
pub unsafe fn delete<K: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<()> {
    let mut attributes = MapElement {
        map_fd: number(map)?,
        key: std::ptr::from_ref(key) as u64,
        ..MapElement::default()
    };
    match bpf(BPF_MAP_DELETE_ELEM, &mut attributes) {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

/// Sets the value at `key`.
///
/// # Safety
/// As [`lookup`].
pub unsafe fn update<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K, value: &[V]) -> io::Result<()> {
    let mut attributes = MapElement {
        map_fd: number(map)?,
        key: std::ptr::from_ref(key) as u64,
        value: value.as_ptr() as u64,
        ..MapElement::default()
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut attributes).map(drop)
}

/// Where the next batch begins.
#[derive(Default)]
pub struct Position {
    next: u64,
    started: bool,
}

/// What one batch brought.
pub struct Batch {
    /// Entries.
    pub count: usize,
    /// Whether there are no more.
    pub end: bool,
}

/// Reads as many entries as there is room for, from `position` on, and moves it. `ENOSPC` says that
/// the room is too small for the entries of one bucket; the position stays then.
///
/// # Safety
/// `K` and `V` are as large as the map's keys and values.
pub unsafe fn lookup_batch<K: Pod, V: Pod>(
    map: BorrowedFd<'_>,
    position: &mut Position,
    keys: &mut [K],
    values: &mut [V],
) -> io::Result<Batch> {
    let room = keys.len().min(values.len());
    let mut next = 0_u64;
    let from = if position.started { std::ptr::from_ref(&position.next) as u64 } else { 0 };
    let mut attributes = MapBatch {
        in_batch: from,
        out_batch: std::ptr::from_mut(&mut next) as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: length(room)?,
        map_fd: number(map)?,
        ..MapBatch::default()
    };
    let end = match bpf(BPF_MAP_LOOKUP_BATCH, &mut attributes) {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
        Err(error) => return Err(error),
    };
    *position = Position { next, started: true };
    Ok(Batch { count: usize::try_from(attributes.count).unwrap_or(0).min(room), end })
}

/// Has the kernel time all eBPF programs of this machine for as long as the descriptor is open
/// (`BPF_STATS_RUN_TIME`, from 5.8 on).
pub fn enable_stats() -> io::Result<OwnedFd> {
    bpf(BPF_ENABLE_STATS, &mut EnableStats::default()).map(owned)
}

/// Nanoseconds that a program took while it was timed, and how often it ran.
pub fn run_time(program: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    // SAFETY: only integers and bit fields, for which all zeros are valid.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut attributes = Info {
        bpf_fd: number(program)?,
        info_len: u32::try_from(size_of_val(&info)).map_err(io::Error::other)?,
        info: (&raw mut info) as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attributes)?;
    Ok((info.run_time_ns, info.run_cnt))
}

/// Waits until all programs that run now have ended, on kernels that can say so: they run under the
/// kernel's `rcu_read_lock`, and this waits for a grace period (`kernel/sched/membarrier.c`).
pub fn await_programs() {
    /// `MEMBARRIER_CMD_GLOBAL`
    const GLOBAL: libc::c_int = 1;
    // SAFETY: takes three integers.
    if unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) } != 0 {
        tracing::debug!("programs may still run: {}", io::Error::last_os_error());
    }
}

fn number(fd: BorrowedFd<'_>) -> io::Result<u32> {
    u32::try_from(fd.as_raw_fd()).map_err(io::Error::other)
}
