//! What the kernel allows a program, and what leakspy needs of it.

use serde::{Deserialize, Serialize};

/// Something that leakspy wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Load programs and create maps.
    LoadPrograms,
    /// The same on kernels before 5.11, which charge maps to a limit.
    LockMemory,
    /// Attach probes by one multi or session link (kernel 6.10 on).
    AttachMulti,
    /// Attach probes by perf events.
    AttachPerf,
    /// Read the target's mappings and memory.
    ReadTarget,
    /// Open the files that the target has mapped.
    OpenMappedFiles,
}

/// How far the kernel is locked against root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lockdown {
    /// Not at all.
    None,
    /// It may not be changed.
    Integrity,
    /// Its memory may not be read either. Probes work; kernel-memory reads of programs do not.
    Confidentiality,
}
