//! The answer to `who`: what retains objects of a process. Made by `heap`, printed by `report`.

use super::{CensusTarget, HeapSnapshot, HeapSubject, RetainerGroup, Tool};

/// The answer to `who`.
#[derive(Clone, Debug, PartialEq)]
pub struct RetainerReport {
    /// [`CENSUS_SCHEMA`](super::CENSUS_SCHEMA)
    pub schema: u32,
    /// What made it.
    pub tool: Tool,
    /// Whose objects.
    pub target: CensusTarget,
    /// How the heap was looked at.
    pub snapshot: HeapSnapshot,
    /// What was asked for, as it was typed.
    pub asked: String,
    /// What that is.
    pub subject: HeapSubject,
    /// Objects that were found.
    pub count: u64,
    /// Their bytes, shallow.
    pub bytes: u64,
    /// Paths that keep them, by shape, the one that keeps most first.
    pub groups: Vec<RetainerGroup>,
    /// Groups that were left out of `groups`.
    pub more_groups: u64,
}
