//! Somebody who wants an end: Ctrl-C and its like, as a question that a loop can ask.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::OsError;

/// What ends a program that is asked politely.
const SIGNALS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Signals belong to the whole process, so there is one answer.
static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on an end can be asked for.
#[derive(Debug)]
pub struct Interrupted(());

/// Takes the first SIGINT, SIGTERM or SIGHUP for a wish that [`Interrupted::is_asked`] tells. The
/// second of a kind ends the program at once, as without this.
///
/// # Errors
/// The kernel refuses.
pub fn listen() -> Result<Interrupted, OsError> {
    for signal in SIGNALS {
        // SAFETY: zeros are a valid `sigaction`: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = note as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND | libc::SA_RESTART;
        // SAFETY: the handler only stores into an atomic, which may be done at any moment; the old
        // action is not asked for.
        if unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } != 0 {
            let source = io::Error::last_os_error();
            return Err(OsError::Io { what: "listen for Ctrl-C".to_owned(), source });
        }
    }
    Ok(Interrupted(()))
}

extern "C" fn note(_signal: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed);
}

impl Interrupted {
    /// Whether an end was asked for.
    pub fn is_asked(&self) -> bool {
        ASKED.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_is_a_wish() {
        let interrupted = listen().expect("a handler");
        assert!(!interrupted.is_asked());
        // SAFETY: takes a number; the handler is ours.
        assert_eq!(unsafe { libc::raise(libc::SIGHUP) }, 0);
        assert!(interrupted.is_asked());
    }
}
