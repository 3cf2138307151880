//! How full the arenas of Python's small-object allocator are. Counted by `leak_scan`, judged by `judge`.

use serde::{Deserialize, Serialize};

/// All arenas of a process, bytes of resident memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArenaUse {
    /// Arenas; 0 in earlier recordings, where they were not counted.
    #[serde(default)]
    pub arenas: u64,
    /// Those of which objects use less than a quarter.
    #[serde(default)]
    pub sparse_arenas: u64,
    /// In pools, in use or not.
    pub bytes: u64,
    /// In blocks that are allocated.
    pub used_bytes: u64,
    /// In pools without any object, which can be used for objects of any size.
    #[serde(default)]
    pub empty_bytes: u64,
}

/// What arenas retained at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArenaPoint {
    /// Seconds since the start of the capture.
    pub t: f64,
    /// Resident memory of arenas that no object used, bytes.
    pub retained_bytes: u64,
}

impl ArenaUse {
    /// Memory that no object uses: what the allocator retains.
    pub fn retained_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.used_bytes)
    }
}
