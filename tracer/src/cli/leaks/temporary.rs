//! A recording that is not to be saved: in a folder that only we can enter, and removed at the end.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::{Builder, TempDir};

/// The folder; removed when dropped. What SIGKILL leaves behind only its owner can read.
#[derive(Debug)]
pub struct Temporary {
    folder: TempDir,
}

impl Temporary {
    /// Makes a folder below `parent`.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn below(parent: &Path) -> Result<Self> {
        let mut builder = Builder::new();
        builder.prefix("leakspy-").permissions(Permissions::from_mode(0o700));
        let cannot =
            || format!("cannot make a folder for the recording in {} (TMPDIR)", parent.display());
        Ok(Self { folder: builder.tempdir_in(parent).with_context(cannot)? })
    }

    /// Where the recording goes.
    pub fn recording(&self) -> PathBuf {
        self.folder.path().join("leaks.leakspy")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn nobody_else_can_snapshot_and_nothing_stays() {
        let parent = tempfile::tempdir().expect("a folder");
        let temporary = Temporary::below(parent.path()).expect("a folder");
        let other = Temporary::below(parent.path()).expect("another folder");
        assert_ne!(temporary.recording(), other.recording());
        let folder = temporary.recording().parent().expect("a folder").to_owned();
        let mode = fs::metadata(&folder).expect("the folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(temporary.recording(), "x").expect("written");
        drop((temporary, other));
        assert_eq!(fs::read_dir(parent.path()).expect("the folder").count(), 0);
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let error = Temporary::below(Path::new("/nonexistent")).expect_err("no folder");
        assert!(format!("{error:#}").contains("/nonexistent"), "{error:#}");
    }
}
