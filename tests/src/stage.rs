//! Where a target finds its workload: a fresh directory, in its own root when it has one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::native;

/// A directory with copies of all workloads and of the C extension; gone when dropped.
#[derive(Debug)]
pub struct Stage {
    directory: TempDir,
    root: Option<PathBuf>,
}

impl Stage {
    /// In `/tmp` of `root`, or of ours.
    pub fn new(root: Option<&Path>) -> Result<Self> {
        let parent = root.map_or_else(|| PathBuf::from("/tmp"), |root| root.join("tmp"));
        let directory = tempfile::Builder::new()
            .prefix("leakspy-stage-")
            .tempdir_in(&parent)
            .with_context(|| format!("make a directory in {}", parent.display()))?;
        let stage = Self { directory, root: root.map(Path::to_owned) };
        for entry in std::fs::read_dir(native::sources()).context("list workloads")? {
            let path = entry.context("list workloads")?.path();
            if path.extension().is_some_and(|extension| extension == "py") {
                stage.add(&path)?;
            }
        }
        stage.add(&native::extension()?)?;
        Ok(stage)
    }

    /// Copies one more file; returns its path as the target sees it.
    pub fn add(&self, file: &Path) -> Result<PathBuf> {
        let name = file.file_name().with_context(|| format!("{} has no name", file.display()))?;
        let copy = self.directory.path().join(name);
        std::fs::copy(file, &copy).with_context(|| format!("copy {}", file.display()))?;
        Ok(self.inside(&copy))
    }

    /// Path of a staged file as the target sees it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.inside(&self.directory.path().join(name))
    }

    fn inside(&self, path: &Path) -> PathBuf {
        match self.root.as_ref().and_then(|root| path.strip_prefix(root).ok()) {
            Some(relative) => Path::new("/").join(relative),
            None => path.to_owned(),
        }
    }
}
