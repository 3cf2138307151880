//! What can go wrong with a target, each in one line with the remedy.

use std::fmt;
use std::io;

/// A process that a name could mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Process id.
    pub pid: u32,
    /// Its short name.
    pub comm: String,
    /// The start of its command line, which may be a title that it has given itself.
    pub command: String,
    /// Its parent.
    pub parent: u32,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug escapes what a terminal would obey: names come from the target.
        write!(f, "{} {:?}", self.pid, self.command)
    }
}

/// Why something about a target could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OsError {
    /// No such process.
    #[error("no process with pid {pid}: see `ps -e` for those that run")]
    NoSuchProcess {
        /// What was asked for.
        pid: u32,
    },
    /// No process of that name.
    #[error("no process is called {name:?}: give a pid, or a name as `ps -e` shows it")]
    NoMatch {
        /// What was asked for.
        name: String,
    },
    /// Several processes of that name.
    #[error("{} processes are called {name:?}: choose one with -p PID: {}", candidates.len(),
        listed(candidates))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// All that match.
        candidates: Vec<Candidate>,
    },
    /// The id of a thread.
    #[error("{pid} is a thread of process {leader}: use -p {leader}")]
    NotLeader {
        /// What was asked for.
        pid: u32,
        /// The process it belongs to.
        leader: u32,
    },
    /// A kernel thread.
    #[error("{pid} ({comm:?}) is a kernel thread: it has no user memory to trace")]
    KernelThread {
        /// What was asked for.
        pid: u32,
        /// Its name.
        comm: String,
    },
    /// It has exited and waits for its parent.
    #[error("process {pid} ({comm:?}) has exited already (zombie): trace its successor")]
    Zombie {
        /// What was asked for.
        pid: u32,
        /// Its name.
        comm: String,
    },
    /// Its first thread has ended, others run.
    #[error(
        "process {pid} ({comm:?}) has lost its first thread while others run: the kernel then shows neither \
         its mappings nor its memory, so it cannot be traced"
    )]
    Headless {
        /// What was asked for.
        pid: u32,
        /// Its name.
        comm: String,
    },
    /// Not a 64-bit x86 process.
    #[error("process {pid} ({comm:?}) is not a 64-bit x86 process: only those can be traced")]
    Foreign {
        /// What was asked for.
        pid: u32,
        /// Its name.
        comm: String,
    },
    /// The kernel refuses.
    #[error("not permitted to {what} of process {pid}: needs {needs}; run with sudo")]
    NotPermitted {
        /// What was tried, as a verb and its object.
        what: &'static str,
        /// The target.
        pid: u32,
        /// Capabilities that allow it.
        needs: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// It exited meanwhile.
    #[error("process {pid} exited while it was being examined")]
    Vanished {
        /// The target.
        pid: u32,
    },
    /// It replaced itself by another program meanwhile.
    #[error("process {pid} executed another program while it was being examined: try again")]
    Replaced {
        /// The target.
        pid: u32,
    },
    /// A debugger has it.
    #[error(
        "process {pid} is traced by process {tracer} already, so it cannot be paused: end that (gdb, strace), \
         or go without --pause"
    )]
    Traced {
        /// The target.
        pid: u32,
        /// Who traces it: a process or a thread of one.
        tracer: u32,
    },
    /// One of its threads does not stop.
    #[error(
        "thread {thread} of process {pid} waits in the kernel and did not stop, so the process runs on: try \
         again, or go without --pause"
    )]
    Unstoppable {
        /// The target.
        pid: u32,
        /// The thread.
        thread: u32,
    },
    /// `/proc` shows another pid namespace than ours.
    #[error(
        "/proc belongs to another pid namespace than this process: run in the namespace of /proc"
    )]
    ForeignProc,
    /// Anything else.
    #[error("cannot {what}")]
    Io {
        /// What was tried, as a verb and its object.
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A file of the kernel that does not look as documented.
    #[error("{what} is not in the form that this version understands")]
    Unreadable {
        /// Which file.
        what: String,
    },
}

fn listed(candidates: &[Candidate]) -> String {
    const SHOWN: usize = 8;
    let mut text =
        candidates.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if candidates.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
