//! The probe that leakspy must never use, so that the soak tests can show that they would notice
//! it.

use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result, ensure};

/// `struct perf_event_attr` in its version 1, which has all that a uprobe needs.
#[repr(C)]
struct PerfEvent {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    path: u64,
    offset: u64,
}

/// A return probe on any function, in one thread; it is live from here until the descriptor is
/// dropped.
pub fn return_probe(thread: u32, file: &str, offset: u64) -> Result<OwnedFd> {
    let path = CString::new(file).context("path of a library")?;
    let mut event = PerfEvent {
        kind: device("type")?.parse().context("type of the uprobe device")?,
        size: u32::try_from(size_of::<PerfEvent>()).context("size of an event")?,
        config: return_bit()?,
        sample_period: 0,
        sample_type: 0,
        read_format: 0,
        flags: 0,
        wakeup: 0,
        breakpoint: 0,
        path: u64::try_from(path.as_ptr().expose_provenance()).context("address")?,
        offset,
    };
    let (everywhere, alone, close_on_exec) = (-1, -1, 8_u64);
    // SAFETY: the kernel reads `size` bytes of `event`, which we own, and the string that `path`
    // points to, which lives until the end of this function.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw mut event,
            libc::pid_t::try_from(thread).context("thread id")?,
            everywhere,
            alone,
            close_on_exec,
        )
    };
    ensure!(fd >= 0, "perf_event_open: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(fd).context("file descriptor")?) })
}

fn device(name: &str) -> Result<String> {
    let path = format!("/sys/bus/event_source/devices/uprobe/{name}");
    Ok(std::fs::read_to_string(&path).with_context(|| path)?.trim().to_owned())
}

/// `config:0` says that bit 0 asks for the return.
fn return_bit() -> Result<u64> {
    let format = device("format/retprobe")?;
    let bit: u32 = format.strip_prefix("config:").context("format of the return bit")?.parse()?;
    Ok(1 << bit)
}
