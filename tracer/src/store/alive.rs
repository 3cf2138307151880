//! Whether a recorder lives: an advisory lock on its recording.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::StoreError;

/// Says that a recorder lives: an advisory lock (`flock`) on the file, which the kernel ends with
/// the process. Shared, because SQLite's own locks are of another kind on local disks, but not on
/// every network.
pub fn say_alive(path: &Path) -> Result<File, StoreError> {
    let cannot = |source| StoreError::CannotOpen { path: path.to_owned(), source };
    let file = File::open(path).map_err(cannot)?;
    // Where locks do not exist, marks are refused; recording goes on.
    let _ = file.try_lock_shared();
    Ok(file)
}

/// Whether a living recorder writes into this file. Not to be asked by a process that has it open
/// in SQLite.
///
/// # Errors
/// The file cannot be opened for writing.
pub fn is_running(path: &Path) -> Result<bool, StoreError> {
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|source| StoreError::CannotOpen { path: path.to_owned(), source })?;
    Ok(matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}
