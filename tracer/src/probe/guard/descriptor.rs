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
