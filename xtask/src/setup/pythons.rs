//! Interpreters and allocators for the privileged tests.
//!
//! | what | where | variable |
//! |---|---|---|
//! | CPython 3.8 to 3.13 | pyenv's `versions` | `PYENV_ROOT` |
//! | CPython 3.14, 3.15 and the last 3.13, in a foreign file system | a Debian testing to chroot into | `LEAKSPY_CHROOT` |
//! | numpy, greenlet, gevent for 3.11 | a virtual environment in the target directory | `LEAKSPY_VENV` |

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::apt;
use super::venv::{self, pyenv_python, pyenv_root};
use crate::command::{as_root, command, run, target_dir};

/// Packages of this system: allocators to preload, a compiler for test extensions, a second opinion
/// on stacks.
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

/// What CPython is built with.
const BUILD_PACKAGES: [&str; 6] =
    ["make", "libbz2-dev", "libffi-dev", "liblzma-dev", "libssl-dev", "zlib1g-dev"];

/// Suite of Debian that has the newest interpreters, and the script that knows how to unpack it:
/// an older debootstrap has none under the suite's own name.
const SUITE: &str = "forky";
const SCRIPT: &str = "/usr/share/debootstrap/scripts/sid";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// With headers, so that test extensions can be compiled for them from outside.
const CHROOT_PACKAGES: [&str; 6] = [
    "python3.13",
    "python3.14",
    "python3.15",
    "libpython3.13-dev",
    "libpython3.14-dev",
    "libpython3.15-dev",
];

const CHROOT_MINORS: [&str; 3] = ["3.13", "3.14", "3.15"];
const PYENV_MINORS: [&str; 6] = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];
const VENV_MINOR: &str = "3.11";
const VENV_PACKAGES: [&str; 3] = ["numpy==2.4.6", "greenlet==3.5.6", "gevent==26.9.0"];

/// Installs what is missing, and says where it is.
pub fn install() -> Result<()> {
    println!("Packages for tests: {}", PACKAGES.join(" "));
    apt::install(&PACKAGES)?;
    pyenv()?;
    println!(
        "CPython 3.14, 3.15 and the last 3.13: a Debian {SUITE} in {}",
        chroot_dir().display()
    );
    chroot()?;
    println!("numpy, greenlet, gevent: {}", venv_dir().display());
    virtual_environment()
}

/// What the tests need and this machine lacks, each with what to do. Tests of an interpreter that
/// is not there fail.
pub fn missing() -> Vec<String> {
    let replaced = std::env::var("LEAKSPY_PYTHONS").unwrap_or_default();
    let elsewhere =
        |row: &str| replaced.split(',').any(|entry| entry.starts_with(&format!("{row}=")));
    let lacks_pyenv = |row: &&str| !elsewhere(row) && pyenv_python(row).is_none();
    let pyenv = PYENV_MINORS.into_iter().filter(lacks_pyenv).map(|row| {
        format!("CPython {row} (env PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install {row})")
    });
    let lacks_chroot = |minor: &&str| {
        let row = if PYENV_MINORS.contains(minor) {
            format!("{minor}-last")
        } else {
            (*minor).to_owned()
        };
        !elsewhere(&row) && !chroot_dir().join(format!("usr/bin/python{minor}")).is_file()
    };
    let chroot = CHROOT_MINORS.into_iter().filter(lacks_chroot).map(|row| {
        format!("CPython {row} in {} (cargo xtask setup --pythons)", chroot_dir().display())
    });
    let venv = venv_dir().join("bin/python3");
    let venv = (!elsewhere("venv") && !venv.is_file()).then(|| {
        format!("CPython {VENV_MINOR} with numpy, greenlet and gevent, {} (cargo xtask setup --pythons)", venv.display())
    });
    pyenv.chain(chroot).chain(venv).collect()
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

/// Has pyenv, where there is one, build the minor versions that it lacks. Without it they are named
/// by [`missing`].
fn pyenv() -> Result<()> {
    let lacking: Vec<&str> =
        PYENV_MINORS.into_iter().filter(|minor| pyenv_python(minor).is_none()).collect();
    let program = pyenv_root().map(|root| root.join("bin/pyenv")).filter(|path| path.is_file());
    let Some(program) = program.filter(|_| !lacking.is_empty()) else { return Ok(()) };
    apt::install(&BUILD_PACKAGES)?;
    for minor in lacking {
        println!("CPython {minor}: built by pyenv, which takes some minutes");
        let mut build = command(&program);
        build.env("PYTHON_CONFIGURE_OPTS", "--enable-shared");
        run(build.args(["install", "--skip-existing", minor]))?;
    }
    Ok(())
}

fn chroot() -> Result<()> {
    let folder = chroot_dir();
    if !folder.join("var/lib/dpkg/status").is_file() {
        bootstrap(&folder)?;
    }
    if apt::missing(&CHROOT_PACKAGES, &folder)?.is_empty() {
        return Ok(());
    }
    let inside = || -> Result<Command> {
        let mut inside = as_root("chroot")?;
        inside.arg(&folder).args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
        // A cached archive may serve an older list; for interpreters to test on that is no harm.
        inside.args(["-o", "Acquire::Check-Valid-Until=false"]);
        Ok(inside)
    };
    run(inside()?.args(["update"]))?;
    run(inside()?.args(["install", "--yes", "--no-install-recommends"]).args(CHROOT_PACKAGES))
}

/// Unpacks beside and renames, so that an interrupted attempt is not taken for a whole system.
fn bootstrap(folder: &Path) -> Result<()> {
    let mut partial = folder.as_os_str().to_owned();
    partial.push(".partial");
    run(as_root("rm")?.args(["--recursive", "--force"]).arg(&partial))?;
    run(as_root("mkdir")?.arg("--parents").arg(&partial))?;
    run(as_root("debootstrap")?
        .args(["--variant=minbase", &format!("--keyring={KEYRING}"), SUITE])
        .arg(&partial)
        .args([&apt::mirror()?, SCRIPT]))?;
    run(as_root("mv")?.arg("--no-target-directory").arg(&partial).arg(folder))
}

fn virtual_environment() -> Result<()> {
    match pyenv_python(VENV_MINOR) {
        Some(python) => venv::make(&venv_dir(), &python, &VENV_PACKAGES),
        // Said by `missing`.
        None => Ok(()),
    }
}
