//! The process that was watched, and the program that watched it.

use serde::Serialize;

/// The program that made a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Program name.
    pub name: String,
    /// Program version.
    pub version: String,
}

/// The process that was watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Process id.
    pub pid: u32,
    /// Short command name.
    pub comm: String,
    /// Executable as the target sees it.
    pub exe: String,
    /// Start of the process, seconds since the epoch.
    pub started: u64,
    /// Its interpreter, or `None` when it has none that is understood.
    pub python: Option<PythonTarget>,
    /// Tightest memory limit, bytes.
    pub limit_bytes: Option<u64>,
}

/// The target's interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PythonTarget {
    /// `3.11.7`
    pub version: String,
    /// Where the offsets came from: `table` or `debug offsets`.
    pub layout_source: String,
}
