//! Interpreters and allocators for the privileged tests.
//!
//! | what | where | variable |
//! |---|---|---|
//! | CPython 3.8 to 3.13 | pyenv's `versions` | `PYENV_ROOT` |
//! | CPython 3.14 and 3.15, in a foreign file system | a Debian testing to chroot into | `LEAKSPY_CHROOT` |
//! | numpy, greenlet, gevent for 3.11 | a virtual environment in the target directory | `LEAKSPY_VENV` |

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::apt;
use super::venv::{self, pyenv_python};
use crate::command::{command, is_root, run, target_dir};

/// Packages of this system: allocators to preload, a compiler for test extensions, a second opinion on
/// stacks.
const PACKAGES: [&str; 10] = [
    "debian-archive-keyring",
    "debootstrap",
    "gcc",
    "gdb",
    "libc6-dev",
    "libjemalloc2",
    "libmimalloc2.0",
    "libtcmalloc-minimal4",
    "python3-dev",
    "python3-venv",
];

/// Suite of Debian that has the newest interpreters, and the script that knows how to unpack it:
/// an older debootstrap has none under the suite's own name.
const SUITE: &str = "forky";
const SCRIPT: &str = "/usr/share/debootstrap/scripts/sid";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// With headers, so that test extensions can be compiled for them from outside.
const CHROOT_PACKAGES: [&str; 4] =
    ["python3.14", "python3.15", "libpython3.14-dev", "libpython3.15-dev"];

const PYENV_MINORS: [&str; 6] = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];
const VENV_MINOR: &str = "3.11";
const VENV_PACKAGES: [&str; 3] = ["numpy==2.4.6", "greenlet==3.5.6", "gevent==26.9.0"];

/// Installs what is missing, then says which interpreters are there.
pub fn install() -> Result<()> {
    if !apt::offers(&PACKAGES)? {
        bail!("the privileged tests are set up for Debian 12; install yourself: {PACKAGES:?}");
    }
    apt::install(&PACKAGES)?;
    chroot()?;
    virtual_environment()?;
    report();
    Ok(())
}

/// Folder of the Debian testing.
fn chroot_dir() -> PathBuf {
    std::env::var_os("LEAKSPY_CHROOT")
        .map_or_else(|| PathBuf::from("/var/lib/leakspy-tests/forky"), PathBuf::from)
}

/// Folder of the virtual environment.
fn venv_dir() -> PathBuf {
    // Where the tests look: beside the programs that cargo builds.
    std::env::var_os("LEAKSPY_VENV").map_or_else(
        || target_dir().join(format!("leakspy-tests/venv-{VENV_MINOR}")),
        PathBuf::from,
    )
}

fn chroot() -> Result<()> {
    let folder = chroot_dir();
    if !folder.join("var/lib/dpkg/status").is_file() {
        bootstrap(&folder)?;
    }
    if apt::missing(&CHROOT_PACKAGES, &folder)?.is_empty() {
        return Ok(());
    }
    let inside = || {
        let mut inside = command("chroot");
        inside.arg(&folder).arg("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
        // A cached archive may serve an older list; for interpreters to test on that is no harm.
        inside.args(["--quiet", "-o", "Acquire::Check-Valid-Until=false"]);
        inside
    };
    run(inside().args(["update"]))?;
    run(inside().args(["install", "--yes", "--no-install-recommends"]).args(CHROOT_PACKAGES))
}

/// Unpacks beside and renames, so that an interrupted attempt is not taken for a whole system.
fn bootstrap(folder: &Path) -> Result<()> {
    if !is_root() {
        bail!(
            "not root; `cargo xtask setup --pythons` makes {} with debootstrap",
            folder.display()
        );
    }
    let mut partial = folder.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if partial.exists() {
        fs::remove_dir_all(&partial)
            .with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
    run(command("debootstrap")
        .args(["--variant=minbase", &format!("--keyring={KEYRING}"), SUITE])
        .arg(&partial)
        .args([&apt::mirror()?, SCRIPT]))?;
    fs::rename(&partial, folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn virtual_environment() -> Result<()> {
    match pyenv_python(VENV_MINOR) {
        Some(python) => venv::make(&venv_dir(), &python, &VENV_PACKAGES),
        None => {
            println!("no CPython {VENV_MINOR}: no virtual environment made");
            Ok(())
        }
    }
}

fn report() {
    for minor in PYENV_MINORS {
        match pyenv_python(minor) {
            Some(python) => println!("CPython {minor}: {}", python.display()),
            None => {
                println!("CPython {minor}: MISSING; its tests will fail (pyenv install {minor})")
            }
        }
    }
    println!("CPython 3.14, 3.15: {}", chroot_dir().display());
    println!("numpy, greenlet, gevent: {}", venv_dir().display());
}
