//! Reading files of `/proc/PID`, with the kernel's refusals turned into sentences.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::OsError;

/// Needed to see another user's process.
pub(super) const SEE: &str = "CAP_SYS_PTRACE";

pub(super) fn path(pid: u32, name: impl AsRef<Path>) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

pub(super) fn read(pid: u32, name: &str) -> Result<Vec<u8>, OsError> {
    fs::read(path(pid, name)).map_err(|source| failure(pid, "read information", SEE, source))
}

pub(super) fn read_text(pid: u32, name: &str) -> Result<String, OsError> {
    Ok(String::from_utf8_lossy(&read(pid, name)?).into_owned())
}

/// Ids of the threads of a process, in no order.
pub(super) fn threads(pid: u32) -> Result<Vec<u32>, OsError> {
    let failure = |source| failure(pid, "list the threads", SEE, source);
    let mut threads = Vec::new();
    for entry in fs::read_dir(path(pid, "task")).map_err(failure)? {
        let name = entry.map_err(failure)?.file_name();
        threads.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(threads)
}

/// Says what a failure to read `/proc` of a process means.
pub(super) fn failure(
    pid: u32,
    what: &'static str,
    needs: &'static str,
    source: io::Error,
) -> OsError {
    match source.raw_os_error() {
        Some(libc::ENOENT | libc::ESRCH) => OsError::Vanished { pid },
        Some(libc::EACCES | libc::EPERM) => OsError::NotPermitted { what, pid, needs, source },
        _ => OsError::Io { what: format!("{what} of process {pid}"), source },
    }
}

/// The part of a `Name:\tvalue` file (`status`, `meminfo`) after the name.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// A `kB` field, in bytes.
pub(super) fn field_bytes(text: &str, name: &str) -> Option<u64> {
    let number = field(text, name)?.strip_suffix("kB")?.trim();
    number.parse::<u64>().ok()?.checked_mul(1024)
}
