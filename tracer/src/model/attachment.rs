//! What was attached to, and how.

use serde::{Deserialize, Serialize};

/// How probes are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachMethod {
    /// Session links: the entry decides whether the return is seen (kernel 6.13 on).
    Session,
    /// Multi links for entries and returns (kernel 6.10 on).
    Multi,
    /// Perf events (any kernel; needs CAP_SYS_ADMIN).
    Perf,
    /// Perf events on trace events that targets share, so that their number does not matter (any
    /// kernel with tracefs; needs CAP_SYS_ADMIN).
    Trace,
}

/// A process that is being recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its pid.
    pub pid: u32,
    /// Its short name: data from outside.
    pub comm: String,
    /// Version of its CPython, `None` where none is understood: then there are native stacks only.
    pub python: Option<String>,
    /// Probes that are in place.
    pub probes: usize,
    /// How the kernel attaches them.
    pub method: AttachMethod,
}
