//! What goes wrong is said in one line, with the right exit code, and nothing written is lost.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use leakspy_tests::chance::{Chance, repetitions};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::process::{Ending, Process};
use leakspy_tests::text;
use leakspy_tests::tracer::{Recording, binary, run};
use leakspy_tests::workload::Workload;

/// One line of error, this code, these words, and no word of having begun.
fn refused(ending: &Ending, code: i32, words: &[&str]) -> Result<()> {
    ensure!(ending.code() == Some(code), "expected exit code {code}: {ending}");
    let lines: Vec<&String> = ending.stderr.iter().filter(|line| !line.trim().is_empty()).collect();
    ensure!(lines.len() == 1, "one line, please: {ending}");
    let said = lines[0].to_lowercase();
    for word in words {
        ensure!(said.contains(&word.to_lowercase()), "the message does not say {word:?}: {ending}");
    }
    ensure!(!said.starts_with("recording"), "{ending}");
    Ok(())
}

fn idle() -> Result<Workload> {
    Workload::python(&Interpreter::find("3.11")?, "kept")
}

/// A place to write to.
fn output(directory: &Path) -> String {
    directory.join("out.leakspy").display().to_string()
}

#[test]
fn no_such_process() -> Result<()> {
    let gone = Process::start("true", &mut Command::new("true"))?;
    let pid = gone.pid().to_string();
    gone.wait()?;
    let directory = tempfile::tempdir()?;
    refused(&run(&["record", "-p", &pid, "-o", &output(directory.path())])?, 1, &[&pid])?;
    refused(
        &run(&["record", "-p", "no-such-name-anywhere", "-o", &output(directory.path())])?,
        1,
        &["no-such-name-anywhere"],
    )?;
    ensure!(!directory.path().join("out.leakspy").exists(), "a file was made for nothing");
    Ok(())
}

#[test]
fn a_kernel_thread() -> Result<()> {
    let pid = kernel_thread()?.to_string();
    let directory = tempfile::tempdir()?;
    refused(
        &run(&["record", "-p", &pid, "-o", &output(directory.path())])?,
        1,
        &[&pid, "kernel thread"],
    )
}

/// PF_KTHREAD in the flags of some process.
fn kernel_thread() -> Result<u32> {
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let flags =
            stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(6)?.parse::<u64>().ok());
        if flags.is_some_and(|flags| flags & 0x0020_0000 != 0) {
            return Ok(pid);
        }
    }
    bail!("no kernel thread is visible here: run this test outside of pid namespaces")
}

/// Runs a copy of leakspy, put into a folder, without any privilege.
fn unprivileged(directory: &Path, arguments: &[&str]) -> Result<Ending> {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777))?;
    let copy = directory.join("leakspy");
    std::fs::copy(binary()?, &copy)?;
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ]);
    command.arg(&copy).args(arguments);
    Process::start("leakspy without privileges", &mut command)?.wait()
}

/// Without privileges: which one is missing, and code 5.
#[test]
fn not_permitted() -> Result<()> {
    let target = idle()?;
    let directory = tempfile::tempdir()?;
    let (pid, output) = (target.pid().to_string(), output(directory.path()));
    let ending = unprivileged(directory.path(), &["record", "-p", &pid, "-o", &output])?;
    refused(&ending, 5, &["cap_"])?;
    target.quit()
}

/// What `doctor` cannot see without privileges is a row of its table, and the rest is there.
#[test]
fn a_doctor_without_privileges() -> Result<()> {
    let target = idle()?;
    let directory = tempfile::tempdir()?;
    let pid = target.pid().to_string();
    let ending = unprivileged(directory.path(), &["doctor", "-p", &pid])?;
    ensure!(ending.code() == Some(5) && ending.stderr.is_empty(), "{ending}");
    let page = ending.stdout.join("\n");
    for words in ["Privileges", "Kernel memory of a recording", &format!("Process {pid}")] {
        ensure!(page.contains(words), "no {words:?}: {ending}");
    }
    let row =
        ending.stdout.iter().find(|line| line.contains("MISSING") && line.contains("examine it"));
    ensure!(row.is_some_and(|row| row.contains("not permitted")), "{ending}");
    ensure!(page.contains("CAP_SYS_PTRACE"), "{ending}");
    target.quit()
}

/// Said before the work starts.
#[test]
fn output_not_writable() -> Result<()> {
    let target = idle()?;
    let pid = target.pid().to_string();
    let directory = tempfile::tempdir()?;
    let nowhere = directory.path().join("not/there/x.leakspy").display().to_string();
    for path in [nowhere.as_str(), "/proc/x.leakspy", &directory.path().display().to_string()] {
        refused(&run(&["record", "-p", &pid, "-d", "1s", "-o", path])?, 1, &[path])?;
    }
    target.quit()
}

/// A small file system of its own; unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "leakspy-tests"])
            .arg(directory.path())
            .status()?;
        ensure!(status.success(), "cannot mount a small file system");
        Ok(Self(directory))
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Fails only when it was never mounted.
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// The disk fills while recording: one line, code 1, the target is left clean, and what had been
/// written still opens.
#[test]
fn disk_full() -> Result<()> {
    let disk = SmallDisk::new("256k")?;
    let mut target = Workload::python(&Interpreter::find("3.11")?, "sites")?;
    let file = disk.path().join("out.leakspy");
    let mut command = Command::new(binary()?);
    command.args(["record", "-p", &target.pid().to_string(), "-o"]).arg(&file);
    let mut process = Process::start("leakspy record on a small disk", &mut command)?;
    process.notice(|line| line.starts_with("recording"))?;
    target.command("go 2000 1")?;
    leakspy_tests::kernel::signal(process.pid(), libc::SIGINT)?;
    let ending = process.wait()?;
    ensure!(ending.code() == Some(1), "{ending}");
    let told: Vec<&String> = ending
        .stderr
        .iter()
        .filter(|line| line.contains("full") || line.contains("space"))
        .collect();
    ensure!(told.len() == 1, "one line about the full disk: {ending}");
    text::await_clean(target.pid())?;
    opens_or_refuses(&file)?;
    target.quit()
}

/// `report` on whatever bytes: a report or one line of error, and never a panic.
fn opens_or_refuses(file: &Path) -> Result<i32> {
    let ending = run(&["report", &file.display().to_string(), "-f", "json"])?;
    let code = ending.code().with_context(|| format!("died: {ending}"))?;
    ensure!(code == 0 || code == 1, "{ending}");
    ensure!(!ending.stderr.iter().any(|line| line.contains("panicked")), "{ending}");
    if code == 1 {
        refused(&ending, 1, &[])?;
    }
    Ok(code)
}

/// A recording as it lies on the disk.
fn good_recording() -> Result<Vec<u8>> {
    let mut target = idle()?;
    let recording = Recording::start(target.pid(), &[])?;
    target.go()?;
    let finished = recording.stop()?;
    finished.report()?;
    target.quit()?;
    std::fs::read(finished.file()).context("read the recording")
}

#[test]
fn cut_short() -> Result<()> {
    let good = good_recording()?;
    let mut chance = Chance::new();
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("cut.leakspy");
    for _ in 0..repetitions(60) {
        let length = usize::try_from(chance.below(good.len() as u64))?;
        std::fs::write(&file, &good[..length])?;
        let code = opens_or_refuses(&file)?;
        ensure!(
            code == 1,
            "a recording cut to {length} of {} bytes was taken for whole",
            good.len()
        );
    }
    Ok(())
}

#[test]
fn bytes_changed() -> Result<()> {
    let good = good_recording()?;
    let mut chance = Chance::new();
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("hostile.leakspy");
    for _ in 0..repetitions(60) {
        let mut bad = good.clone();
        for _ in 0..1 + chance.below(40) {
            let place = usize::try_from(chance.below(bad.len() as u64))?;
            bad[place] = u8::try_from(chance.below(256))?;
        }
        std::fs::write(&file, &bad)?;
        opens_or_refuses(&file)?;
    }
    Ok(())
}

/// Written by a leakspy that is not this one.
#[test]
fn another_format() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("newer.leakspy");
    std::fs::write(&file, good_recording()?)?;
    for version in [0, 999] {
        let database = rusqlite::Connection::open(&file)?;
        database.pragma_update(None, "user_version", version)?;
        database.close().map_err(|(_, error)| error)?;
        let ending = run(&["report", &file.display().to_string()])?;
        refused(&ending, 1, &[&version.to_string(), "format", "leakspy"])?;
    }
    Ok(())
}

/// The tracer is killed in the middle: what was already written opens.
#[test]
fn killed_recording_opens() -> Result<()> {
    let mut target = idle()?;
    let recording = Recording::start(target.pid(), &[])?;
    target.go()?;
    let kept = tempfile::tempdir()?;
    let file = recording.file();
    let copy = kept.path().join("out.leakspy");
    let link = |suffix: &str| {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        std::fs::hard_link(name(&file), name(&copy))
    };
    link("").context("the recording is written where it was asked for")?;
    // Present only in write-ahead mode.
    let _ = link("-wal");
    recording.kill()?;
    opens_or_refuses(&copy)?;
    target.quit()
}
