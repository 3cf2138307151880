//! Which program a process runs, as far as it tells workers of one server from other processes.

use std::fs;
use std::path::PathBuf;

use super::super::{Candidate, OsError, procfs};
use super::Process;
use super::find;

/// The program of a process, and who started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pid: u32,
    exe: PathBuf,
    arguments: Vec<u8>,
    parent: u32,
}

/// `init`, and whoever takes in the children of processes that ended: no parent of a server's
/// workers.
const FOSTER: u32 = 1;

impl Program {
    /// Of the process `pid`.
    ///
    /// # Errors
    /// It is gone, or may not be looked at.
    pub fn of(pid: u32) -> Result<Self, OsError> {
        let exe = fs::read_link(procfs::path(pid, "exe"))
            .map_err(|source| procfs::failure(pid, "see the executable", procfs::SEE, source))?;
        let status = procfs::read_text(pid, "status")?;
        let parent = procfs::field(&status, "PPid").and_then(|text| text.parse().ok());
        let parent = parent.unwrap_or(FOSTER);
        Ok(Self { pid, exe, arguments: procfs::read(pid, "cmdline")?, parent })
    }

    /// Whether two processes are workers of one program: the same executable with the same
    /// arguments, or with the same parent. The process that started the other is no worker: it does
    /// other work, with other memory.
    pub fn is_sibling(&self, other: &Self) -> bool {
        let parent = self.parent == other.parent && self.parent != FOSTER;
        self.exe == other.exe
            && (self.arguments == other.arguments || parent)
            && self.parent != other.pid
            && other.parent != self.pid
    }
}

impl Process {
    /// Pids of all processes that `text`, a pid or a name as for [`Process::select`], means; at
    /// least one.
    ///
    /// # Errors
    /// There is none.
    pub fn matching(text: &str) -> Result<Vec<u32>, OsError> {
        match text.parse() {
            Ok(pid) => Ok(vec![pid]),
            Err(_) => find::all(text),
        }
    }

    /// All processes that a name as for [`Process::select`] means, by pid; perhaps none.
    ///
    /// # Errors
    /// Processes cannot be listed.
    pub fn candidates(name: &str) -> Result<Vec<Candidate>, OsError> {
        find::candidates(name)
    }

    /// Pids of the children of a process that run the same executable, as workers of a server do.
    ///
    /// # Errors
    /// Processes cannot be listed.
    pub fn forked_by(parent: u32) -> Result<Vec<u32>, OsError> {
        find::forked_by(parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(exe: &str, arguments: &str, parent: u32) -> Program {
        Program { pid: 20, exe: exe.into(), arguments: arguments.into(), parent }
    }

    #[test]
    fn workers_share_their_program_and_arguments_or_parent() {
        let worker = program("/usr/bin/python3", "gunicorn app", 10);
        assert!(worker.is_sibling(&program("/usr/bin/python3", "gunicorn app", 11)));
        assert!(worker.is_sibling(&program("/usr/bin/python3", "gunicorn: worker [app]", 10)));
        assert!(!worker.is_sibling(&program("/usr/bin/python3", "celery", 11)));
        assert!(!worker.is_sibling(&program("/usr/bin/node", "gunicorn app", 10)));
        let master = Program { pid: 10, ..program("/usr/bin/python3", "gunicorn app", 1) };
        assert!(!master.is_sibling(&worker) && !worker.is_sibling(&master));
        let orphan = program("/usr/bin/python3", "a", FOSTER);
        assert!(!orphan.is_sibling(&program("/usr/bin/python3", "b", FOSTER)));
    }

    /// A shell and the one that it has forked.
    #[test]
    fn a_forked_child_is_known_by_its_parent() {
        let mut shell = std::process::Command::new("/bin/sh")
            .args(["-c", "exec 3<&0; (read nothing <&3; :) & echo $!; wait"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let out = shell.stdout.as_mut().expect("its output");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("a line");
        let child: u32 = line.trim().parse().expect("a pid");
        assert_eq!(Process::forked_by(shell.id()).expect("children"), [child]);
        // The child ends with its input.
        drop(shell.stdin.take());
        shell.wait().expect("an end");
        assert_eq!(Process::forked_by(child).expect("no children"), [0; 0]);
    }

    #[test]
    fn this_process_is_its_own_sibling() {
        let own = Program::of(std::process::id()).expect("a program");
        assert!(own.is_sibling(&own));
        assert_eq!(Process::matching("4711").expect("a pid"), [4711]);
        assert!(Process::matching("no-process-has-this-name").is_err());
    }
}
