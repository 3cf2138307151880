//! Which CPythons the tests run on, and where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Replaces rows of the table: `3.8=/usr/bin/python3.8,3.14=/srv/root:/usr/bin/python3.14`. What
/// comes before a colon is entered with chroot, in a mount namespace of its own.
pub const PYTHONS: &str = "LEAKSPY_PYTHONS";
/// Root of the Debian testing that holds the newest interpreters.
pub const CHROOT: &str = "LEAKSPY_CHROOT";
/// A virtual environment of CPython 3.11 with numpy, greenlet and gevent; by default the one that
/// the setup makes in the target directory.
pub const VENV: &str = "LEAKSPY_VENV";

const DEFAULT_CHROOT: &str = "/var/lib/leakspy-tests/forky";
const SETUP: &str = "`cargo xtask setup --pythons` installs what the tests need";

/// Debian's own: static, stripped, optimised by profile.
pub const STATIC: &str = "static";
/// CPython 3.11 with numpy, greenlet and gevent.
pub const WITH_PACKAGES: &str = "venv";

/// The last 3.13 of Debian testing, whose collector lies otherwise than in 3.13.0.
pub const LAST_3_13: &str = "3.13-last";

/// One interpreter.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// Row of the table: `3.8` to `3.15`, [`LAST_3_13`], [`STATIC`] or [`WITH_PACKAGES`].
    pub row: String,
    /// Root that it lives in, when that is not ours.
    pub root: Option<PathBuf>,
    /// Path inside the root.
    pub program: PathBuf,
}

impl Interpreter {
    /// The interpreter of a row. A missing one is an error, never a reason to skip.
    pub fn find(row: &str) -> Result<Self> {
        let (root, program) = match replaced(row)? {
            Some(place) => place,
            None => usual(row)?,
        };
        let seen_from_here = match &root {
            Some(root) => within(root, &program)?,
            None => program.clone(),
        };
        if !seen_from_here.exists() {
            bail!("no CPython for row {row} at {}: {SETUP}", seen_from_here.display());
        }
        Ok(Self { row: row.to_owned(), root, program })
    }

    /// Runs a script that lies at `script` in the interpreter's own root.
    pub fn command(&self, script: &Path) -> Command {
        let mut command = match &self.root {
            None => Command::new(&self.program),
            Some(root) => {
                // Both replace themselves by what they start, so that the process id stays.
                let mut command = Command::new("unshare");
                command.arg("--mount").arg("chroot").arg(root).arg(&self.program);
                command
            }
        };
        command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONMALLOC");
        command
    }

    /// Where its C headers are.
    pub fn headers(&self) -> Result<PathBuf> {
        let output = Command::new(&self.program)
            .args(["-c", "import sysconfig; print(sysconfig.get_path('include'), end='')"])
            .output()
            .with_context(|| format!("run {}", self.program.display()))?;
        let path = PathBuf::from(String::from_utf8(output.stdout)?);
        if !path.join("Python.h").exists() {
            bail!("no Python.h in {}: {SETUP}", path.display());
        }
        Ok(path)
    }
}

type Place = (Option<PathBuf>, PathBuf);

fn replaced(row: &str) -> Result<Option<Place>> {
    let table = std::env::var(PYTHONS).unwrap_or_default();
    for entry in table.split(',').filter(|entry| !entry.is_empty()) {
        let (name, place) = entry.split_once('=').with_context(|| {
            format!("{PYTHONS}: {entry:?} is not of the form ROW=[ROOT:]PROGRAM")
        })?;
        if name == row {
            return Ok(Some(match place.split_once(':') {
                Some((root, program)) => (Some(root.into()), program.into()),
                None => (None, place.into()),
            }));
        }
    }
    Ok(None)
}

fn usual(row: &str) -> Result<Place> {
    Ok(match row {
        STATIC => (None, "/usr/bin/python3".into()),
        WITH_PACKAGES => (None, venv()?.join("bin/python3")),
        "3.14" | "3.15" | LAST_3_13 => {
            let root =
                std::env::var_os(CHROOT).map_or_else(|| DEFAULT_CHROOT.into(), PathBuf::from);
            let minor = row.trim_end_matches("-last");
            (Some(root), format!("/usr/bin/python{minor}").into())
        }
        _ => (None, pyenv(row)?),
    })
}

fn venv() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os(VENV) {
        return Ok(directory.into());
    }
    let test = std::env::current_exe().context("path of the test program")?;
    let target = test.ancestors().nth(3).context("a test program lies in TARGET/PROFILE/deps")?;
    Ok(target.join("leakspy-tests/venv-3.11"))
}

/// The newest pyenv version of a minor version.
fn pyenv(minor: &str) -> Result<PathBuf> {
    let root = match std::env::var_os("PYENV_ROOT") {
        Some(root) => PathBuf::from(root),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither PYENV_ROOT nor HOME is set")?)
                .join(".pyenv")
        }
    };
    let versions = root.join("versions");
    let patch = std::fs::read_dir(&versions)
        .with_context(|| format!("no pyenv versions in {}: {SETUP}", versions.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix(minor)?.strip_prefix('.')?.parse::<u32>().ok())
        .max();
    match patch {
        Some(patch) => Ok(versions.join(format!("{minor}.{patch}/bin/python3"))),
        None => bail!("no CPython {minor} in {}: {SETUP}", versions.display()),
    }
}

/// `path` of another root as seen from ours; its symbolic links would lead astray, so only its
/// directory is looked at.
fn within(root: &Path, path: &Path) -> Result<PathBuf> {
    let relative =
        path.strip_prefix("/").with_context(|| format!("{} is not absolute", path.display()))?;
    Ok(root.join(relative))
}

/// Declares one test per interpreter of the supported matrix for each function
/// `fn(&Interpreter) -> anyhow::Result<()>` named.
#[macro_export]
macro_rules! on_every_interpreter {
    ($($function:ident),+ $(,)?) => {$(
        mod $function {
            $crate::on_rows!(
                $function: cpython_3_8 = "3.8", cpython_3_9 = "3.9", cpython_3_10 = "3.10", cpython_3_11 = "3.11",
                cpython_3_12 = "3.12", cpython_3_13 = "3.13", cpython_3_13_last = "3.13-last", cpython_3_14 = "3.14",
                cpython_3_15 = "3.15",
                static_stripped = "static"
            );
        }
    )+};
}

/// One test per row named.
#[macro_export]
macro_rules! on_rows {
    ($function:ident: $($name:ident = $row:literal),+) => {$(
        #[test]
        fn $name() -> anyhow::Result<()> {
            super::$function(&$crate::interpreter::Interpreter::find($row)?)
        }
    )+};
}
