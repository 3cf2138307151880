//! A case at work: started, awaited and stopped through the folder's own `run_case.sh`.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::case::{Case, Version};
use crate::command::{command, target_dir};

/// Seconds that a virtual environment and its packages may take.
const INSTALL: u32 = 900;
/// From the start of the driver to its first operation; the slow servers import for half a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// More of a log would not fit a line of a table.
const LOG_BYTES: u64 = 4096;

/// Where cases run.
pub struct Place<'a> {
    /// The folder with `run_case.sh`.
    pub folder: &'a Path,
    /// Virtual environments.
    pub environments: PathBuf,
    /// Logs, pids and counters.
    pub run: PathBuf,
}

/// Why a case could not be watched.
#[derive(Debug)]
pub enum Hindrance {
    /// Its interpreter, its packages or this version of it are not to be had here.
    Absent(String),
    /// Anything else.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Hindrance {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// A running driver; it is stopped when this is dropped, and also when this process dies.
pub struct Live {
    pid: u32,
    counter: PathBuf,
    log: PathBuf,
    /// Waits for the end of its standard input, which we hold, and then stops the case. It is in a
    /// group of its own, so that Ctrl-C does not reach it.
    stopper: Child,
}

impl<'a> Place<'a> {
    /// Below the target directory, unless the environment says otherwise in the words of
    /// `run_case.sh`.
    pub fn new(folder: &'a Path) -> Result<Self> {
        let place = |variable: &str, name: &str| {
            let usual = || target_dir().join("leakspy-cases").join(name);
            let place = std::env::var_os(variable).map_or_else(usual, PathBuf::from);
            std::path::absolute(&place).with_context(|| format!("{variable} is no path"))
        };
        let place = Self {
            folder,
            environments: place("LEAKBENCH_VENVS", "venvs")?,
            run: place("LEAKBENCH_RUN", "run")?,
        };
        for made in [&place.environments, &place.run] {
            fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
        }
        Ok(place)
    }

    /// A place of its own for one run: `run_case.sh stop` knows a driver only by the name of its
    /// case, and would stop that of another version that runs at the same time.
    fn of(&self, case: &Case, version: Version) -> Result<PathBuf> {
        let run = self.run.join(format!("{}-{}", case.name, version.name()));
        fs::create_dir_all(&run).with_context(|| format!("cannot make {}", run.display()))?;
        Ok(run)
    }

    /// Gives `run_case.sh` what it wants to know.
    fn set(&self, command: &mut Command, run: &Path) {
        command.env("LEAKBENCH_VENVS", &self.environments).env("LEAKBENCH_RUN", run);
    }
}

impl Live {
    /// Starts a case and waits for its first operation.
    ///
    /// # Errors
    /// [`Hindrance::Absent`] when the folder's script says that something is lacking.
    pub fn start(place: &Place<'_>, case: &Case, version: Version) -> Result<Self, Hindrance> {
        let run = place.of(case, version)?;
        let counter = run.join("operations");
        // A count of an earlier run would look like a driver that is ready.
        let _ = fs::remove_file(&counter);
        // First, so that nothing is started that would not be stopped.
        let stopper = stopper(place, &case.name, &run)?;
        let log = run.join(format!("{}.driver.log", case.name));
        let mut live = Self { pid: 0, counter, log, stopper };
        let mut script = command("timeout");
        // In the foreground, so that Ctrl-C also ends an installation.
        script.args(["--foreground", &INSTALL.to_string()]);
        script.arg(place.folder.join("run_case.sh")).arg(&case.name);
        script.args((version == Version::Fixed).then_some("fixed"));
        place.set(&mut script, &run);
        live.pid = started(script.env("LEAK_STATS", &live.counter))?;
        live.wait_until_it_works()?;
        Ok(live)
    }

    /// The driver's process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How many operations it has done so far.
    pub fn operations(&self) -> u64 {
        fs::read_to_string(&self.counter)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    /// The last line that the driver left in its log.
    pub fn last_words(&self) -> String {
        let mut text = String::new();
        // A log that cannot be read has no last words.
        let _ = File::open(&self.log).and_then(|log| log.take(LOG_BYTES).read_to_string(&mut text));
        text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned()
    }

    /// Whether the driver is still there. One that ended stays a zombie where nobody collects it.
    pub fn is_alive(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The name in brackets may hold anything, so the state is what follows the last bracket.
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
        state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
    }

    fn wait_until_it_works(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.operations() == 0 {
            if !self.is_alive() {
                bail!("the driver ended; its log says: {}", self.last_words());
            }
            if Instant::now() > end {
                bail!("no operation after {PATIENCE:?}; the log says: {}", self.last_words());
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stopper.stdin.take());
        // It is bounded itself, and it has nothing to tell.
        let _ = self.stopper.wait();
    }
}

/// A process that stops the case when our end of its standard input is closed, by whatever end of
/// us.
fn stopper(place: &Place<'_>, name: &str, run: &Path) -> Result<Child> {
    let mut stop = command("sh");
    stop.args(["-c", "cat >/dev/null; exec timeout 60 \"$0\" \"$1\" stop"])
        .arg(place.folder.join("run_case.sh"))
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0);
    place.set(&mut stop, run);
    stop.spawn().context("cannot start sh")
}

/// Runs the script to its end and reads the pid that it prints.
fn started(script: &mut Command) -> Result<u32, Hindrance> {
    let said = script.stdin(Stdio::null()).output().context("cannot start run_case.sh")?;
    let complaint = String::from_utf8_lossy(&said.stderr).trim().replace('\n', "; ");
    match said.status.code() {
        Some(0) => {}
        // As run_case.sh has them: no interpreter, no such version, packages that do not install.
        Some(3..=5) => return Err(Hindrance::Absent(complaint)),
        Some(124) => {
            let reason = format!("its packages were not installed within {INSTALL} s");
            return Err(Hindrance::Absent(reason));
        }
        _ => return Err(anyhow!("run_case.sh failed ({}): {complaint}", said.status).into()),
    }
    let text = String::from_utf8_lossy(&said.stdout);
    let pid = text.trim().parse();
    Ok(pid.with_context(|| format!("run_case.sh printed no pid but {:?}", text.trim()))?)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn said(script: &str) -> Result<u32, Hindrance> {
        started(command("sh").args(["-c", script]))
    }

    #[test]
    fn the_script_tells_a_pid() {
        assert_eq!(said("echo 4711").expect("a pid"), 4711);
        assert!(matches!(said("echo hello"), Err(Hindrance::Failed(_))));
    }

    /// A folder whose script starts a driver that does one operation, or ends at once.
    fn place<'a>(folder: &'a Path, driver: &str) -> Place<'a> {
        fs::create_dir_all(folder).expect("a folder");
        let script = folder.join("run_case.sh");
        let text = format!(
            "#!/bin/sh\ncd \"$LEAKBENCH_RUN\"\n\
             [ \"$2\" = stop ] && {{ kill \"$(cat pid)\" 2>/dev/null; echo \"$1\" >stopped; exit; }}\n\
             {driver} >\"$1.driver.log\" 2>&1 </dev/null &\necho $! | tee pid\n"
        );
        fs::write(&script, text).expect("a script");
        fs::set_permissions(&script, Permissions::from_mode(0o700)).expect("a program");
        for version in ["leaky", "fixed"] {
            let _ = fs::remove_file(folder.join(format!("calm-{version}/stopped")));
        }
        Place { folder, environments: folder.to_owned(), run: folder.to_owned() }
    }

    fn case() -> Case {
        toml::from_str("name = \"calm\"\nkind = \"non-leak\"").expect("a case")
    }

    #[test]
    fn a_case_is_awaited_and_stopped() {
        let folder = target_dir().join("leakspy-cases/tests/works");
        let place = place(&folder, "{ echo 7 >\"$LEAK_STATS\"; exec sleep 600; }");
        let live = Live::start(&place, &case(), Version::Leaky).expect("it works");
        assert!(live.is_alive());
        assert_eq!(live.operations(), 7);
        drop(live);
        assert_eq!(
            fs::read_to_string(folder.join("calm-leaky/stopped")).expect("a mark"),
            "calm\n"
        );
    }

    #[test]
    fn a_driver_that_ends_is_told_with_its_last_words() {
        let folder = target_dir().join("leakspy-cases/tests/ends");
        let place = place(&folder, "{ echo Traceback; echo; echo no such module; echo; }");
        match Live::start(&place, &case(), Version::Fixed).map(drop) {
            Err(Hindrance::Failed(error)) => {
                assert_eq!(error.to_string(), "the driver ended; its log says: no such module");
            }
            other => panic!("{other:?}"),
        }
        assert!(folder.join("calm-fixed/stopped").exists());
    }

    #[test]
    fn what_is_not_to_be_had_is_no_failure() {
        for (script, reason) in [
            ("echo need Python 3.1 >&2; exit 3", "need Python 3.1"),
            ("printf 'a\\nb\\n' >&2; exit 5", "a; b"),
            ("exit 124", "its packages were not installed within 900 s"),
        ] {
            match said(script) {
                Err(Hindrance::Absent(said)) => assert_eq!(said, reason),
                other => panic!("{script}: {other:?}"),
            }
        }
        assert!(matches!(said("exit 2"), Err(Hindrance::Failed(_))));
    }
}
