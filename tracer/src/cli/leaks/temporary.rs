//! A recording that nobody asked to keep: in a folder that only we can enter, gone with us.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Names that are tried; somebody may have made folders of these names on purpose.
const TRIES: u32 = 64;

/// The folder; removed when dropped. What SIGKILL leaves behind only its owner can read.
#[derive(Debug)]
pub struct Temporary {
    folder: PathBuf,
}

impl Temporary {
    /// Makes a folder below `parent`. Its name need not be secret: a folder is made or refused, never
    /// shared.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn below(parent: &Path) -> Result<Self> {
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let mut result = Err(io::Error::from(io::ErrorKind::AlreadyExists));
        for attempt in 0..TRIES {
            let number = now.wrapping_add(attempt);
            let folder = parent.join(format!("leakspy-{}-{number:08x}", std::process::id()));
            result = DirBuilder::new().mode(0o700).create(&folder);
            match &result {
                Ok(()) => return Ok(Self { folder }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(_) => break,
            }
        }
        let cannot =
            || format!("cannot make a folder for the recording in {} (TMPDIR)", parent.display());
        result.with_context(cannot)?;
        unreachable!("invariant: every success has returned")
    }

    /// Where the recording goes.
    pub fn recording(&self) -> PathBuf {
        self.folder.join("leaks.leakspy")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Best effort: whoever cleans the folder of temporary files gets the rest.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nobody_else_can_look_and_nothing_stays() {
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
