//! Why a session ends without a result.

use std::error::Error;

use crate::heap::NoHeapSubject;
use crate::model::NoObjects;
use crate::os::OsError;
use crate::os::allocator::AllocatorError;
use crate::probe::ProbeError;
use crate::store::StoreError;

/// Why a session could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The process or the system.
    #[error(transparent)]
    Os(#[from] OsError),
    /// The kernel or the probes.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The recording.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process's allocator.
    #[error(transparent)]
    Allocator(#[from] AllocatorError),
    /// There is nothing to put a probe on.
    #[error("cannot trace process {pid}: no function of its allocator can carry a probe")]
    NothingToTrace {
        /// The process.
        pid: u32,
    },
    /// There are no Python objects to be read.
    #[error("cannot read the Python objects of process {pid}")]
    NoHeap {
        /// The process.
        pid: u32,
        /// Why, for `report` to put into words.
        reason: NoObjects,
    },
    /// Nothing of the process is what was asked for.
    #[error(transparent)]
    Subject(#[from] NoHeapSubject),
    /// The session ended before it was this target's turn.
    #[error("{target} was not attached: it was time to end before that")]
    NotBegun {
        /// As it was asked for.
        target: String,
    },
    /// A job panicked.
    #[error("leakspy failed at its work for this process; please report it")]
    Broken,
    /// The asynchronous runtime or its descriptors.
    #[error("cannot wait for events")]
    Wait {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// What a failure means for whoever called the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something went wrong.
    Error,
    /// The target is gone.
    TargetGone,
    /// A privilege or a feature of the kernel is missing.
    Missing,
}

/// An error and its causes as one line, each as `said` has it. A cause that the text before it says
/// already is left out.
pub fn joined(
    error: &(dyn Error + 'static),
    said: impl Fn(&(dyn Error + 'static)) -> String,
) -> String {
    let mut line = String::new();
    for cause in std::iter::successors(Some(error), |error| (**error).source()) {
        let text = said(cause);
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
    }
    line
}

impl SessionError {
    /// What this failure means for whoever called the program.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Os(error) | Self::Allocator(AllocatorError::Os(error)) => of_system(error),
            Self::Probe(error) if error.is_target_gone() => Failure::TargetGone,
            Self::Probe(error) if error.is_refused() => Failure::Missing,
            _ => Failure::Error,
        }
    }
}

fn of_system(error: &OsError) -> Failure {
    match error {
        OsError::Vanished { .. } | OsError::Replaced { .. } => Failure::TargetGone,
        OsError::NotPermitted { .. } => Failure::Missing,
        _ => Failure::Error,
    }
}
