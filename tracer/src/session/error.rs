//! Why a session ends without a result.

use thiserror::Error;

use crate::os::OsError;
use crate::os::allocator::AllocatorError;
use crate::probe::ProbeError;
use crate::store::StoreError;

/// Why a session could not begin or go on.
#[derive(Debug, Error)]
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
    #[error("cannot trace process {pid}: {reason}")]
    NothingToTrace {
        /// The process.
        pid: u32,
        /// Why, in words.
        reason: String,
    },
    /// The asynchronous runtime or its descriptors.
    #[error("cannot wait for events")]
    Wait {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
