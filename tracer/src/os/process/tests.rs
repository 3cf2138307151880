//! On children of the test and on the test itself: no privilege is needed for those.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::model::{Address, Memory as _};
use crate::os::file::FileRefusal;
use crate::os::module::SkippedMapping;
use crate::os::{Files, Modules, allocator, interpreter};

/// A child that ends with the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guard {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn say(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the next line.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        // Unbuffered beyond the line: children write one line at a time.
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

/// A `cat` that certainly runs: it has answered.
fn cat(program: &Path) -> Guard {
    let mut child = Guard::start(&mut Command::new(program));
    child.say("ready\n");
    assert_eq!(child.hear(), "ready\n");
    child
}

fn which_cat() -> PathBuf {
    fs::canonicalize("/bin/cat").unwrap()
}

#[test]
fn a_child_is_described_and_its_end_is_seen() {
    let mut child = cat(&which_cat());
    let pid = child.0.id();
    let process = Process::open(pid).unwrap();
    assert_eq!((process.pid(), process.comm()), (pid, "cat"));
    assert_eq!(process.exe(), &which_cat());
    assert_eq!(process.threads().unwrap(), [pid]);
    assert_eq!(process.namespace_pids().first(), Some(&pid));
    assert!(process.started_epoch_ns() <= clock::epoch_ns());
    assert!(process.started_epoch_ns() > clock::epoch_ns() - 3_600_000_000_000);
    assert_eq!(process.life(), Life::Running);
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert_eq!(process.life(), Life::Exited);
    assert!(matches!(Process::open(pid), Err(OsError::NoSuchProcess { .. })));
}

#[test]
fn another_program_in_the_same_process_is_seen() {
    let mut child =
        Guard::start(Command::new("/bin/sh").args(["-c", "echo ready; read line; exec cat"]));
    assert_eq!(child.hear(), "ready\n");
    let process = Process::open(child.0.id()).unwrap();
    let mut by_pid = Process::open(child.0.id()).unwrap();
    by_pid.memory = by_pid.memory.without_file();
    assert_eq!((process.life(), by_pid.life()), (Life::Running, Life::Running));
    child.say("\nnow cat\n");
    assert_eq!(child.hear(), "now cat\n");
    assert_eq!((process.life(), by_pid.life()), (Life::Replaced, Life::Replaced));
    assert!(!process.memory().read(Address(process.image.start_code), &mut [0]));
}

#[test]
fn what_is_no_process_is_refused() {
    let leader = std::process::id();
    let thread = std::thread::spawn(move || {
        // SAFETY: takes nothing and cannot fail.
        let thread = u32::try_from(unsafe { libc::gettid() }).unwrap();
        (thread, Process::open(thread))
    });
    let (thread, refused) = thread.join().unwrap();
    let message = refused.unwrap_err().to_string();
    assert_eq!(message, format!("{thread} is a thread of process {leader}: use -p {leader}"));
    assert!(matches!(Process::open(u32::MAX), Err(OsError::NoSuchProcess { .. })));
    assert!(matches!(Process::select("no such name\x1b[31m"), Err(OsError::NoMatch { .. })));
}

#[test]
fn a_zombie_is_refused() {
    let mut child = Guard::start(Command::new("/bin/sh").args(["-c", "exit 0"]));
    assert_eq!(child.hear(), ""); // the end of its output comes with its end
    let pid = child.0.id();
    // The parent is told when it has ended, and leaves it unreaped.
    // SAFETY: a zeroed siginfo is valid, and the call only writes to it.
    let mut information: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: as above; it lives through the call.
    assert_eq!(unsafe { libc::waitid(libc::P_PID, pid, &raw mut information, options) }, 0);
    assert!(matches!(Process::open(pid), Err(OsError::Zombie { .. })));
}

#[test]
fn a_unique_name_selects_and_an_ambiguous_one_lists() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("leakspy-unit");
    copy(which_cat(), &program);
    let first = cat(&program);
    assert_eq!(Process::select("leakspy-unit").unwrap().pid(), first.0.id());
    let second = cat(&program);
    let Err(OsError::Ambiguous { candidates, .. }) = Process::select("leakspy-unit") else {
        panic!("two processes have that name");
    };
    let pids: Vec<u32> = candidates.iter().map(|candidate| candidate.pid).collect();
    let mut expected = [first.0.id(), second.0.id()];
    expected.sort_unstable();
    assert_eq!(pids, expected);
}

/// By a program of its own: while this process writes an executable, a child that another test
/// forks may hold it open for writing too, and then it cannot be run ("text file busy").
fn copy(from: impl AsRef<Path>, to: &Path) {
    assert!(Command::new("cp").arg(from.as_ref()).arg(to).status().unwrap().success());
}

#[test]
fn a_replaced_executable_is_never_mistaken_for_the_running_one() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a program");
    copy(which_cat(), &program);
    let child = cat(&program);
    fs::copy("/bin/sh", folder.path().join("new")).unwrap();
    fs::rename(folder.path().join("new"), &program).unwrap();
    let modules = Modules::of_process(&Process::open(child.0.id()).unwrap()).unwrap();
    match modules.main().and_then(|main| modules.get(main)) {
        Some(main) => {
            assert!(main.deleted);
            assert_eq!(main.path, program);
            assert_eq!(main.file.contents().unwrap(), fs::read(which_cat()).unwrap());
            assert_eq!(main.file.map().unwrap()[..], fs::read(which_cat()).unwrap());
            assert_eq!(fs::read(main.file.path()).unwrap(), fs::read(which_cat()).unwrap());
        }
        // Without the capability for the exact way the path is all there is, and it must not be
        // taken.
        None => assert!(modules.skipped.iter().any(|(path, reason)| {
            *path == program && matches!(reason, SkippedMapping::File(FileRefusal::OtherFile))
        })),
    }
}

#[test]
fn the_test_itself_is_dissected_rightly() {
    let process = Process::open(std::process::id()).unwrap();
    let modules = Modules::of_process(&process).unwrap();
    let here = Address(own(the_test_itself_is_dissected_rightly as *const ()));
    assert_eq!(modules.at(here), modules.main());
    let main = modules.get(modules.main().unwrap()).unwrap();
    assert_eq!(main.address(main.vaddr(here).unwrap()), Some(here));
    assert_eq!(interpreter::find(&modules, process.memory()), []);
    let found = allocator::locate(process.pid(), &modules, process.memory()).unwrap();
    for (function, address) in [
        ("malloc", own(libc::malloc as *const ())),
        ("free", own(libc::free as *const ())),
        ("mmap", own(libc::mmap as *const ())),
        ("posix_memalign", own(libc::posix_memalign as *const ())),
    ] {
        let mut located = found.located.iter();
        let located = located.find(|located| located.function.symbol() == function).unwrap();
        assert_eq!(located.address, Address(address), "{function}");
        assert!(located.size.is_some());
    }
    assert_eq!((found.others.len(), found.hooks.len()), (0, 0));
}

fn own(function: *const ()) -> u64 {
    u64::try_from(function as usize).unwrap()
}

#[test]
fn what_several_processes_map_is_parsed_once() {
    let files = Files::default();
    let children = [cat(&which_cat()), cat(&which_cat())];
    let modules =
        |child: &Guard| Modules::with(&Process::open(child.0.id()).unwrap(), &files).unwrap();
    let first = modules(&children[0]);
    let parsed = files.parsed();
    assert!(parsed >= u64::try_from(first.list().len()).unwrap() && !first.list().is_empty());
    let second = modules(&children[1]);
    assert_eq!(files.parsed(), parsed);
    let ids = |modules: &Modules| -> Vec<_> {
        let mut ids: Vec<_> =
            modules.list().iter().map(|module| (module.inode, module.file.id())).collect();
        ids.sort_unstable_by_key(|(inode, _)| *inode);
        ids
    };
    assert_eq!(ids(&first), ids(&second));
    // Whoever comes after the last of them begins anew.
    drop((first, second));
    modules(&children[0]);
    assert_eq!(files.parsed(), 2 * parsed);
}
