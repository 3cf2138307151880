//! What the C library's malloc has: in use, and freed by the program but retained. Made by `glibc`, judged by
//! `judge`.

use serde::{Deserialize, Serialize};

/// What glibc's malloc of a process had at one moment; all sizes are bytes. Blocks with a mapping of their own
/// are no part of it: they are given back when they are freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MallocUse {
    /// Arenas, with the main one.
    pub arenas: u64,
    /// Those of them that retain a megabyte or more.
    pub retaining_arenas: u64,
    /// What they have of the system.
    pub system_bytes: u64,
    /// In blocks that are in use, with their headers; so are the caches of threads.
    pub used_bytes: u64,
    /// In small blocks that the program has freed and that the arena retains for the next of their size (fast
    /// bins).
    pub cached_bytes: u64,
    /// Free between blocks that are in use.
    pub holes: FreeMemory,
    /// Free at the end of each arena.
    pub top: FreeMemory,
    /// Of the free memory of all arenas, what is resident in those of threads.
    pub of_threads_bytes: u64,
    /// Resident pages that `malloc_trim(0)` would give back.
    pub trimmable_bytes: u64,
    /// What could not be read, or contradicted itself.
    pub unread_bytes: u64,
}

/// Free memory of an allocator, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeMemory {
    /// All of it.
    pub bytes: u64,
    /// What of it is resident.
    pub resident_bytes: u64,
    /// What of that is in pages that nothing else is in.
    pub page_bytes: u64,
}

/// [`MallocUse`] while it was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MallocPoint {
    /// Seconds since the start of the capture.
    pub t: f64,
    /// Anonymous resident memory of the process at the same time.
    pub rss_anon_bytes: u64,
    /// What malloc had.
    #[serde(flatten)]
    pub malloc: MallocUse,
}

impl MallocUse {
    /// Free memory that is resident: what the allocator retains.
    pub fn retained_bytes(&self) -> u64 {
        self.holes.resident_bytes.saturating_add(self.top.resident_bytes)
    }

    /// The sum of the uses of different arenas.
    pub fn plus(&self, other: &Self) -> Self {
        let sum = u64::saturating_add;
        Self {
            arenas: sum(self.arenas, other.arenas),
            retaining_arenas: sum(self.retaining_arenas, other.retaining_arenas),
            system_bytes: sum(self.system_bytes, other.system_bytes),
            used_bytes: sum(self.used_bytes, other.used_bytes),
            cached_bytes: sum(self.cached_bytes, other.cached_bytes),
            holes: self.holes.plus(other.holes),
            top: self.top.plus(other.top),
            of_threads_bytes: sum(self.of_threads_bytes, other.of_threads_bytes),
            trimmable_bytes: sum(self.trimmable_bytes, other.trimmable_bytes),
            unread_bytes: sum(self.unread_bytes, other.unread_bytes),
        }
    }
}

impl FreeMemory {
    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            resident_bytes: self.resident_bytes.saturating_add(other.resident_bytes),
            page_bytes: self.page_bytes.saturating_add(other.page_bytes),
        }
    }
}
