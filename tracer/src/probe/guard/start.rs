//! Starts the guard: a program, an argument, and two descriptors.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::descriptor::open_process;

/// The program that becomes the guard: one that calls [`super::serve_inherited`] when this is its
/// only argument. It gets the socket as standard input and a handle of the tracer as standard
/// output; all other descriptors of the tracer close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardProgram {
    /// Where it is.
    pub path: PathBuf,
    /// Its only argument.
    pub argument: OsString,
}

impl GuardProgram {
    /// The argument that makes a guard of the `leakspy` program; nothing for people to type.
    pub const ARGUMENT: &'static str = "__guard";

    /// The running program, also when its file was replaced meanwhile.
    pub fn this() -> Self {
        Self { path: "/proc/self/exe".into(), argument: Self::ARGUMENT.into() }
    }

    /// Whether these arguments of a program, its name first, ask for a guard.
    pub fn is_asked_for(arguments: impl IntoIterator<Item = OsString>) -> bool {
        let mut arguments = arguments.into_iter().skip(1);
        arguments.next().as_deref() == Some(OsStr::new(Self::ARGUMENT))
            && arguments.next().is_none()
    }

    /// Starts it; gives our end of the socket.
    pub(super) fn start(&self) -> io::Result<(UnixStream, Child)> {
        let (ours, theirs) = UnixStream::pair()?;
        let tracer = open_process(std::process::id())?;
        let mut command = Command::new(&self.path);
        command
            .arg0("leakspy")
            .arg(&self.argument)
            // It must not keep a file system from being unmounted.
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(tracer))
            .stderr(Stdio::null());
        // SAFETY: `detach` only makes system calls that are allowed between fork and exec.
        unsafe { command.pre_exec(detach) };
        Ok((ours, command.spawn()?))
    }
}

/// Signals of the terminal and of whoever stops the tracer are for the tracer, which says when to
/// release. Before the exec, which keeps both: there is no moment in which a Ctrl-C ends the guard.
fn detach() -> io::Result<()> {
    // SAFETY: no preconditions; ignoring a signal installs no code.
    unsafe {
        libc::setsid();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
    Ok(())
}
