//! Virtual environments of pyenv's interpreters.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{command, run};

/// Makes the environment, unless it is there with these packages.
pub fn make(folder: &Path, python: &Path, packages: &[&str]) -> Result<()> {
    let wanted = packages.join("\n");
    // Written last, so that an interrupted installation is made anew.
    let done = folder.join("leakspy-packages");
    if fs::read_to_string(&done).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    run(command(python).args(["-m", "venv", "--clear"]).arg(folder))?;
    run(command(folder.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:"])
        .args(packages))?;
    fs::write(&done, wanted).with_context(|| format!("cannot write {}", done.display()))
}

/// Where pyenv is.
pub fn pyenv_root() -> Option<PathBuf> {
    let named = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")))
}

/// pyenv's interpreter of this minor version, the newest patch level.
pub fn pyenv_python(minor: &str) -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(pyenv_root()?.join("versions"))
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            let patch = name.to_str()?.strip_prefix(minor)?.strip_prefix('.')?.parse().ok()?;
            Some((patch, entry.path().join("bin/python3")))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, python)| python).filter(|python| python.is_file())
}
