//! What this machine, and one target on it, allow: the answer of `leakspy doctor`, as facts that
//! `report` puts into words.

use serde::{Deserialize, Serialize};

use super::coded::coded;
use super::{AttachMethod, Lockdown, Need, NoObjects, Note};

/// Everything that was checked, in reading order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoctorReport {
    /// Groups of checks: kernel, privileges, target, memory of the maps.
    pub sections: Vec<DoctorSection>,
}

/// Checks that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct DoctorSection {
    /// What they are about.
    pub topic: DoctorTopic,
    /// In the order in which they should be read.
    pub facts: Vec<DoctorFact>,
}

/// What checks are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DoctorTopic {
    /// The kernel.
    Kernel,
    /// What this program may do.
    Privileges,
    /// The tables of a recording.
    KernelMemory,
    /// A process.
    Process {
        /// Its pid.
        pid: u32,
        /// Its short name: data from outside.
        comm: String,
    },
    /// A process that could not be opened.
    Unopened {
        /// What was asked for.
        selector: String,
    },
}

/// A table in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelTable {
    /// Of live blocks.
    Live,
    /// Of sites.
    Sites,
}

/// What a probe costs the target at each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeCost {
    /// The kernel emulates the instruction.
    Emulated,
    /// It is single-stepped.
    Stepped,
}

coded! {
    /// One fact about the machine or the target.
    pub enum DoctorFact {
        /// Which kernel it is.
        "kernel-release" => KernelRelease {
            /// Its version.
            release: String,
        },
        /// The kernel's own types can be read.
        "type-information" => TypeInformation {
            /// Byte offset of `thread.fsbase` in `task_struct`.
            fsbase: u32,
        },
        /// They cannot.
        "no-type-information" => NoTypeInformation {
            /// Why not, in the words of the system.
            error: String,
        },
        /// How far the kernel is locked.
        "lockdown" => Locked {
            /// So far.
            lockdown: Lockdown,
        },
        /// A way to attach probes works.
        "attach-method" => MethodWorks {
            /// Which.
            method: AttachMethod,
        },
        /// A way to attach probes does not work.
        "no-attach-method" => MethodFails {
            /// Which.
            method: AttachMethod,
            /// Whether the kernel does not have it.
            unsupported: bool,
            /// Why not, in the words of the system.
            error: String,
        },
        /// Mappings can be counted where the kernel makes them.
        "mappings-in-kernel" => MappingsSeen,
        /// Mappings are counted where the C library makes them.
        "mappings-in-library" => MappingsNotSeen {
            /// Why not in the kernel, in the words of the system.
            error: String,
        },
        /// No way to attach probes works.
        "no-probes" => NoProbes,
        /// A privilege is there.
        "privilege" => Privilege {
            /// What for.
            need: Need,
        },
        /// A privilege is missing.
        "no-privilege" => NoPrivilege {
            /// What for.
            need: Need,
            /// Names of the capabilities that it lacks.
            lacks: Vec<String>,
        },
        /// Capabilities count inside a user namespace only.
        "user-namespace" => UserNamespace,
        /// Kernel memory of a table.
        "table-memory" => TableMemory {
            /// Which.
            table: KernelTable,
            /// Most entries.
            entries: u64,
            /// Bytes while it is empty.
            empty_bytes: u64,
            /// Bytes when it is full.
            full_bytes: u64,
        },
        /// Kernel memory of the ring buffer.
        "ring-memory" => RingMemory {
            /// How much.
            bytes: u64,
        },
        /// Kernel memory that programs work in.
        "working-memory" => WorkingMemory {
            /// How much.
            bytes: u64,
        },
        /// The process may not be examined.
        "not-examined" => NotExamined {
            /// Why not, in the words of the system.
            error: String,
        },
        /// Its interpreter is understood.
        "python" => Python {
            /// Its version.
            version: String,
            /// Where the layout comes from.
            layout_source: String,
            /// Its threads.
            threads: u64,
            /// Frames that were read and checked.
            checked_frames: u64,
            /// Threads that they are of.
            checked_threads: u64,
        },
        /// No interpreter is understood.
        "no-python" => NoPython,
        /// Its Python objects can be read.
        "objects" => Objects,
        /// Its Python objects cannot be read.
        "no-objects" => NoObjects {
            /// Why not.
            reason: NoObjects,
        },
        /// The library that serves malloc.
        "allocator" => Allocator {
            /// Path in the target.
            path: String,
        },
        /// A library has an allocator for itself, whose calls are counted.
        "library-allocator" => LibraryAllocator {
            /// What the allocator is called.
            allocator: String,
            /// Path of the library in the target.
            path: String,
        },
        /// Where a probe would go.
        "probe" => Probe {
            /// The function's symbol.
            symbol: String,
            /// Bytes from its entry.
            displacement: u64,
            /// The instruction there.
            instruction: String,
            /// What a hit costs.
            cost: ProbeCost,
        },
        /// What of the target would not be seen.
        "not-seen" => NotSeen {
            /// It.
            note: Note,
        },
    }
}

/// Whether a check is a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Recording works, but sees or knows less.
    Warn,
    /// Recording does not work without it.
    Missing,
}

impl DoctorFact {
    /// Whether it is a problem.
    pub const fn status(&self) -> CheckStatus {
        match self {
            Self::NoTypeInformation { .. }
            | Self::Locked { lockdown: Lockdown::Confidentiality }
            | Self::NoProbes
            | Self::UserNamespace
            | Self::NotExamined { .. } => CheckStatus::Missing,
            // Perf events are one way of several.
            Self::NoPrivilege { need, .. } if !matches!(need, Need::AttachPerf) => {
                CheckStatus::Missing
            }
            Self::NoPrivilege { .. }
            | Self::MethodFails { .. }
            | Self::MappingsNotSeen { .. }
            | Self::NoPython
            | Self::NoObjects { .. }
            | Self::NotSeen { .. } => CheckStatus::Warn,
            _ => CheckStatus::Ok,
        }
    }
}

impl DoctorReport {
    /// The gravest status of all checks; [`CheckStatus::Ok`] when there are none.
    pub fn worst(&self) -> CheckStatus {
        let facts = self.sections.iter().flat_map(|section| &section.facts);
        facts.map(DoctorFact::status).max().unwrap_or(CheckStatus::Ok)
    }
}
