//! How much would be freed if one object were.

use serde::Serialize;

/// What one object alone retains, itself included: what no path from a root reaches without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RetainedSize {
    /// Objects.
    pub objects: u64,
    /// Bytes of those that certainly nothing else retains: their reference counts are explained.
    pub least_bytes: u64,
    /// Bytes of all, also where a count says that something unknown refers to them.
    pub most_bytes: u64,
}

/// What the object at the end of a path retains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetainedPlace {
    /// The path of references from a root in words, root first, as those of
    /// [`TypeRetainer`](super::TypeRetainer): data from outside.
    pub path: Vec<String>,
    /// How much that is.
    pub size: RetainedSize,
}
