//! Why a session ends without a result.

use thiserror::Error;

use crate::probe::ProbeError;
use crate::store::StoreError;

/// Why a session could not begin or go on.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The kernel or the probes.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The recording.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Part of the program is not there yet.
    #[error("{what} is not built in yet")]
    NotYet {
        /// Which.
        what: &'static str,
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

impl SessionError {
    /// What this failure means for whoever called the program.
    pub fn failure(&self) -> Failure {
        const ESRCH: i32 = 3;
        match self {
            Self::Probe(
                ProbeError::Maps { .. }
                | ProbeError::Program { .. }
                | ProbeError::PerfProgram { .. },
            ) => Failure::Missing,
            Self::Probe(ProbeError::Attach { source, .. }) => {
                if source.raw_os_error() == Some(ESRCH) {
                    Failure::TargetGone
                } else if source.kind() == std::io::ErrorKind::PermissionDenied {
                    Failure::Missing
                } else {
                    Failure::Error
                }
            }
            _ => Failure::Error,
        }
    }
}
