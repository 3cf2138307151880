//! Memory of a process: the target's, and our own.

use super::{Mapping, OsError, clock, procfs};

/// Resident memory of a process, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// All of it.
    pub total: u64,
    /// Heap, stacks and other memory without a file.
    pub anonymous: u64,
    /// Mapped files.
    pub file: Option<u64>,
    /// Shared memory.
    pub shmem: Option<u64>,
    /// Swapped out, which is not part of the total.
    pub swap: Option<u64>,
    /// Address space of private mappings that may be written to, without stacks that the kernel grows.
    pub writable: Option<u64>,
}

/// What this process uses itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnUsage {
    /// CPU time of all threads since the start, nanoseconds.
    pub cpu_ns: u64,
    /// Resident memory, bytes.
    pub resident: u64,
}

/// Resident memory of process `pid`. From `status`, not `smaps_rollup`: that is exact to the page,
/// but walks all page tables under the lock that the target's own page faults need.
pub fn resident(pid: u32) -> Result<Resident, OsError> {
    parse_resident(&procfs::read_text(pid, "status")?).ok_or(OsError::Vanished { pid })
}

/// A process that is ending shows a status without memory.
fn parse_resident(status: &str) -> Option<Resident> {
    let bytes = |name| procfs::field_bytes(status, name);
    Some(Resident {
        total: bytes("VmRSS")?,
        anonymous: bytes("RssAnon")?,
        file: bytes("RssFile"),
        shmem: bytes("RssShmem"),
        swap: bytes("VmSwap"),
        writable: bytes("VmData"),
    })
}

/// Memory that new work on this machine can have without swapping, bytes (`MemAvailable`).
pub fn available() -> Option<u64> {
    procfs::field_bytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")
}

/// Swap of this machine that nobody uses, bytes.
pub fn swap_free() -> Option<u64> {
    procfs::field_bytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "SwapFree")
}

/// CPU and memory of this process.
pub fn own() -> Result<OwnUsage, OsError> {
    Ok(OwnUsage { cpu_ns: clock::own_cpu_ns(), resident: resident(std::process::id())?.total })
}

/// Makes the calling thread wait for a processor where others want it, without starving among many.
pub fn yield_to_others() {
    // SAFETY: takes numbers, no pointers. On Linux, who 0 of `PRIO_PROCESS` is the calling thread
    // alone. It cannot fail: everybody may become less important.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 5) };
}

/// Gives memory that was freed back to the system: glibc keeps what threads have freed, for the
/// next time.
pub fn give_back() {
    // SAFETY: takes a number, no pointers, and only moves free memory of the allocator, under its
    // own locks.
    #[cfg(target_env = "gnu")]
    let _ = unsafe { libc::malloc_trim(0) };
}

/// glibc maps the arena of a thread as one reservation of this size, aligned to it, and opens it
/// from the front (malloc/arena.c, `new_heap` and `grow_heap`; the size is `HEAP_MAX_SIZE` of
/// 64-bit systems).
const ARENA: u64 = 64 << 20;

/// The C library's heap as address space: what the program break grew to, and the open part of the
/// arenas of threads. Other allocators map their memory in ways that look like anybody's, and are
/// not counted.
pub fn heap_bytes(mappings: &[Mapping]) -> u64 {
    let anonymous = |mapping: &Mapping| mapping.inode == 0 && mapping.path.is_empty();
    let arenas = mappings.windows(2).filter_map(|pair| {
        let [open, rest] = pair else { return None };
        let reserved = anonymous(open) && anonymous(rest) && open.writable && !rest.readable;
        let whole = open.start.0.is_multiple_of(ARENA)
            && rest.start == open.end
            && rest.end.0 - open.start.0 == ARENA;
        (reserved && whole).then_some(open)
    });
    let heap = mappings.iter().filter(|mapping| mapping.path == "[heap]");
    heap.chain(arenas).map(|mapping| mapping.end.0 - mapping.start.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::maps;

    #[test]
    fn heaps_are_the_break_and_the_arenas_of_threads() {
        let mappings = maps::parse(
            b"55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0    [heap]\n\
              7f1c00000000-7f1c00100000 rw-p 00000000 00:00 0 \n\
              7f1c00100000-7f1c04000000 ---p 00000000 00:00 0 \n\
              7f1c08000000-7f1c08100000 rw-p 00000000 00:00 0 \n\
              7f1c08100000-7f1c08200000 ---p 00000000 00:00 0 \n\
              7f1c0c001000-7f1c0c101000 rw-p 00000000 00:00 0 \n",
        );
        assert_eq!(heap_bytes(&mappings), 0x21000 + 0x10_0000);
        assert_eq!(heap_bytes(&[]), 0);
    }

    #[test]
    fn status_is_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    1024 kB\nVmData:\t 8 kB\nRssAnon:\t     512 kB\nRssFile:\t 4 kB\n";
        let resident = parse_resident(status).unwrap();
        assert_eq!((resident.total, resident.anonymous), (1 << 20, 1 << 19));
        assert_eq!((resident.file, resident.swap), (Some(4096), None));
        assert_eq!(resident.writable, Some(8192));
        assert_eq!(parse_resident("Name:\tVmRSS: 1 kB\n"), None);
        let own = own().unwrap();
        assert!(own.resident > 0 && own.cpu_ns > 0);
    }
}
