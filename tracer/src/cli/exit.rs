//! Exit codes that mean something, and the one line that says why.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::process::ExitCode;

use super::live::Outcome;
use crate::report::{escape, notes};
use crate::session::error::joined;
use crate::session::{Ending, Failure, SessionError};
use crate::store::StoreError;

/// How the program ends. 2 is also clap's, for what cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Exit {
    /// All is well.
    Fine,
    /// Something went wrong.
    Error,
    /// What was typed makes no sense.
    Usage,
    /// There are findings that are as sure as was asked for.
    Findings,
    /// The target is gone; what was recorded until then is there.
    TargetGone,
    /// A privilege or a feature of the kernel is missing.
    Missing,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Findings => 3,
            Self::TargetGone => 4,
            Self::Missing => 5,
        }
    }

    /// What it means, for the manual.
    pub fn meaning(self) -> Cow<'static, str> {
        let meaning = match self {
            Self::Fine => "All is well.",
            Self::Error => "Something went wrong; one line on standard error says what.",
            Self::Usage => "The command line makes no sense.",
            Self::Findings => "There are findings at or above the level that was asked for.",
            Self::TargetGone => {
                return format!("{}.", notes::stopped("The target vanished")).into();
            }
            Self::Missing => {
                "A privilege or a feature of the kernel is missing; the message names it."
            }
        };
        Cow::Borrowed(meaning)
    }

    /// Every way to end.
    pub fn all() -> &'static [Self] {
        // No argument: clap's list of the variants spares one by hand.
        clap::ValueEnum::value_variants()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A mistake in what was typed that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// The exit that an error asks for.
pub fn status_of(error: &anyhow::Error) -> Exit {
    if error.chain().any(|cause| cause.is::<UsageError>()) {
        return Exit::Usage;
    }
    let session = error.chain().find_map(|cause| cause.downcast_ref::<SessionError>());
    session.map_or(Exit::Error, of_session)
}

/// The exit that the error of a session asks for.
pub fn of_session(error: &SessionError) -> Exit {
    match error.failure() {
        Failure::TargetGone => Exit::TargetGone,
        Failure::Missing => Exit::Missing,
        Failure::Error => Exit::Error,
    }
}

/// The worst of what happened to several targets: a failure of ours, a missing privilege, a target
/// that is gone.
pub fn worst(outcomes: &[Outcome]) -> Exit {
    let exits = outcomes.iter().map(|outcome| match outcome {
        Ok(Ending::Asked) => Exit::Fine,
        Ok(Ending::TargetGone(_)) => Exit::TargetGone,
        Ok(Ending::ProbesLost(_)) => Exit::Error,
        Err(error) => of_session(error),
    });
    exits.fold(Exit::Fine, worse)
}

/// The worse of two.
pub fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Error => 3,
        Exit::Missing => 2,
        Exit::TargetGone => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Whether the reader of our output has left, which is its right: `leakspy report | head`.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// An error and its causes in one line, harmless to a terminal. A cause that the text before it
/// says already is left out.
pub fn line(error: &anyhow::Error) -> String {
    line_of(error.as_ref())
}

/// The same of an error that is not boxed.
pub fn line_of(error: &(dyn Error + 'static)) -> String {
    joined(error, said)
}

fn said(cause: &(dyn Error + 'static)) -> String {
    let text = match cause.downcast_ref() {
        Some(SessionError::NoHeap { reason, .. }) => {
            format!("{cause}: {}", notes::no_objects(reason))
        }
        _ if is_full_disk(cause) => notes::stopped(&cause.to_string()),
        _ => cause.to_string(),
    };
    escape::terminal(text.trim_end()).into_owned()
}

/// Whether there was no room for a recording: said by a session, or by the store itself.
fn is_full_disk(cause: &(dyn Error + 'static)) -> bool {
    let error = match cause.downcast_ref() {
        Some(SessionError::Store(error)) => Some(error),
        _ => cause.downcast_ref(),
    };
    matches!(error, Some(StoreError::DiskFull { .. }))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::probe::ProbeError;

    fn denied() -> io::Error {
        io::Error::from(io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn errors_are_one_line_with_their_causes() {
        let error = anyhow::Error::from(denied()).context("cannot open a\u{1b}[31m\nfile");
        assert_eq!(line(&error), "cannot open a\\x1b[31m\\nfile: permission denied");
        let twice = anyhow::Error::from(denied()).context("cannot do it: permission denied");
        assert_eq!(line(&twice), "cannot do it: permission denied");
    }

    #[test]
    fn a_full_disk_leaves_what_was_recorded() {
        let full = || StoreError::DiskFull { path: "week.leakspy".into() };
        let said = "no space left for week.leakspy; what was recorded until then is kept";
        assert_eq!(line_of(&SessionError::from(full())), said);
        assert_eq!(line(&SessionError::from(full()).into()), said);
        assert_eq!(line(&full().into()), said);
    }

    #[test]
    fn exits_say_what_kind_of_failure_it_was() {
        let refused = |code| ProbeError::Attach {
            path: "x".into(),
            source: io::Error::from_raw_os_error(code),
        };
        let missing = SessionError::from(refused(1));
        assert_eq!(
            status_of(&anyhow::Error::from(missing).context("cannot record")),
            Exit::Missing
        );
        assert_eq!(status_of(&SessionError::from(refused(3)).into()), Exit::TargetGone);
        assert_eq!(status_of(&UsageError("what?".into()).into()), Exit::Usage);
        assert_eq!(status_of(&anyhow::anyhow!("anything")), Exit::Error);
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let left: Result<(), io::Error> = Err(io::ErrorKind::BrokenPipe.into());
        let error = left.context("cannot write").expect_err("an error");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&denied().into()));
    }

    #[test]
    fn each_code_has_one_meaning() {
        let codes: Vec<u8> = Exit::all().iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
    }
}
