//! One place that allocates.

use serde::Serialize;

use super::Frame;

/// Which allocator family a block came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    /// malloc and its family.
    Malloc,
    /// Anonymous mappings: pymalloc's arenas, thread stacks, big arrays. Address space, not all resident.
    Mmap,
}

/// What one site (stack, size class, domain) has live and did since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Stable for one stack of one program: eight hexadecimal digits.
    pub id: String,
    /// Bytes asked for and not freed.
    pub live_bytes: u64,
    /// Blocks not freed.
    pub live_count: u64,
    /// Bytes allocated since the start.
    pub allocated_bytes: u64,
    /// Blocks allocated since the start.
    pub allocated_count: u64,
    /// Upper bound of the size class in bytes, a power of two.
    pub size_class: u64,
    /// Allocator family.
    pub domain: Domain,
    /// The traced function that was called (`malloc`, `mmap`, …).
    pub allocator: String,
    /// Root first, the allocator's caller last.
    pub stack: Vec<Frame>,
    /// Why the stack is less than whole, as sentences; empty when it is whole.
    pub notes: Vec<String>,
}
