//! Descriptors that system calls make.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The descriptor that a system call has just returned, or its error.
pub fn from_call(result: libc::c_long) -> io::Result<OwnedFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(result).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A handle of a process.
pub fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: `pidfd_open(pid, 0)` has no other preconditions.
    from_call(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}
