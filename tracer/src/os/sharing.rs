//! How much of its memory a process has for itself, and how much it shares with those that it was
//! forked from or has forked.

use std::time::{Duration, Instant};

use super::process::minor_faults;
use super::{OsError, procfs};

/// What `smaps_rollup` says at one moment, bytes (kernel `Documentation/filesystems/proc.rst`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Pages that were written and that no other process has.
    pub private_dirty: u64,
    /// Pages that were written and that other processes have, too: after a fork, until one of them
    /// writes to them.
    pub shared_dirty: u64,
    /// Anonymous memory, resident and swapped out.
    pub anonymous: u64,
    /// Pages that were got or copied so far without reading a disk.
    pub minor_faults: u64,
}

/// Reads it, and says how long that took: the kernel goes through all page tables for it, some 10 to
/// 25 ms for each GiB, and lets go of the lock when somebody waits for it (since 5.9).
///
/// # Errors
/// The process is gone, or may not be seen.
pub fn read(pid: u32) -> Result<(Sharing, Duration), OsError> {
    let begun = Instant::now();
    let text = procfs::read_text(pid, "smaps_rollup")?;
    let took = begun.elapsed();
    let mut sharing = parse(&text).ok_or(OsError::Vanished { pid })?;
    sharing.minor_faults = minor_faults(pid)?;
    Ok((sharing, took))
}

fn parse(text: &str) -> Option<Sharing> {
    let bytes = |name| procfs::field_bytes(text, name);
    Some(Sharing {
        private_dirty: bytes("Private_Dirty")?,
        shared_dirty: bytes("Shared_Dirty")?,
        anonymous: bytes("Anonymous")?.saturating_add(bytes("Swap")?),
        minor_faults: 0,
    })
}

impl Sharing {
    /// Bytes that were shared `before` and that the process has written to since, so that it has
    /// them alone now: at least so many. `allocated` bytes of what it has alone are new. What others
    /// did, by writing or by ending, makes no fault here.
    pub fn unshared_since(&self, before: &Self, allocated: u64) -> u64 {
        /// Bytes that one fault copies.
        const PAGE: u64 = 4096;
        let new = self.anonymous.saturating_sub(before.anonymous).max(allocated);
        let copied = self.minor_faults.saturating_sub(before.minor_faults).saturating_mul(PAGE);
        let private = self.private_dirty.saturating_sub(before.private_dirty);
        let shared = before.shared_dirty.saturating_sub(self.shared_dirty);
        private.min(copied).saturating_sub(new).min(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn sharing(private_mib: u64, shared_mib: u64, faults: u64) -> Sharing {
        Sharing {
            private_dirty: private_mib * MIB,
            shared_dirty: shared_mib * MIB,
            anonymous: (private_mib + shared_mib) * MIB,
            minor_faults: faults,
        }
    }

    #[test]
    fn what_it_wrote_to_is_its_own() {
        let before = sharing(2, 100, 1000);
        let after = sharing(92, 10, 1000 + 90 * 256);
        assert_eq!(after.unshared_since(&before, 0), 90 * MIB);
        assert_eq!(before.unshared_since(&before, 0), 0);
        assert_eq!(before.unshared_since(&after, 0), 0);
    }

    #[test]
    fn what_others_did_is_not_its_doing() {
        let before = sharing(2, 100, 1000);
        assert_eq!(sharing(102, 0, 1010).unshared_since(&before, 0), 10 * 4096, "the parent ended");
    }

    #[test]
    fn new_memory_is_no_unsharing() {
        let before = sharing(2, 100, 0);
        assert_eq!(sharing(92, 100, 90 * 256).unshared_since(&before, 90 * MIB), 0, "a leak");
        let both = sharing(92, 50, 90 * 256);
        assert_eq!(both.unshared_since(&before, 40 * MIB), 50 * MIB);
        let replaced = sharing(102, 0, 100 * 256);
        assert_eq!(replaced.unshared_since(&before, 100 * MIB), 0, "given back, and taken anew");
    }

    #[test]
    fn the_rollup_is_read_in_bytes() {
        let text = "55d0-7ffd ---p 00000000 00:00 0   [rollup]\nRss: 9 kB\nShared_Dirty:    4 kB\n\
                    Private_Dirty:   8 kB\nAnonymous:   12 kB\nSwap:  100 kB\nSwapPss:  1 kB\n";
        let sharing = parse(text).unwrap();
        assert_eq!((sharing.private_dirty, sharing.shared_dirty), (8192, 4096));
        assert_eq!(sharing.anonymous, 112 << 10);
        assert_eq!(parse("Rss: 9 kB\n"), None);
        let (own, _) = read(std::process::id()).unwrap();
        assert!(own.private_dirty > 0 && own.minor_faults > 0);
    }
}
