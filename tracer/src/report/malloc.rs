//! What malloc retains, in words.

use super::quantity::{bytes, counted, rough_percent};
use crate::model::MallocUse;

/// More than this share of what is retained is most of it.
const MOST: f64 = 0.5;
/// Less than this share of it is not worth a call.
const WORTH: f64 = 0.1;

/// `134.0 MiB in 16 of 16 arenas: 108.0 MiB between blocks that are in use, 26.0 MiB at the ends of arenas`
pub fn free(malloc: &MallocUse) -> String {
    let (holes, top) = (malloc.holes.resident_bytes, malloc.top.resident_bytes);
    let arenas = match malloc.arenas {
        1 => "its arena".to_owned(),
        arenas => format!("{} of {}", malloc.retaining_arenas, counted(arenas, "arena", "arenas")),
    };
    let ends = if malloc.arenas == 1 { "at its end" } else { "at the ends of arenas" };
    format!(
        "{} that the program has freed, in {arenas}: {} between blocks that are in use, {} {ends}",
        bytes(malloc.retained_bytes()),
        bytes(holes),
        bytes(top)
    )
}

/// What an allocator retains that is not read.
pub fn unread((name, version): (&str, Option<&str>), least: u64, most: u64) -> String {
    let name = version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"));
    format!(
        "{} at least, {} at most: so much less is in blocks than once was, and the process did not shrink; \
         {name} itself is not read",
        bytes(least),
        bytes(most.max(least))
    )
}

/// Which setting concerns an allocator that is not read.
pub fn setting_of(name: &str) -> &'static str {
    match name {
        "jemalloc" => {
            "with MALLOC_CONF=dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true in its environment jemalloc \
             gives free pages back sooner; with narenas:2 fewer arenas retain less"
        }
        "mimalloc" => {
            "with MIMALLOC_PURGE_DELAY=0 in its environment mimalloc (2.1 and later) gives free pages back at once"
        }
        "tcmalloc" => {
            "with TCMALLOC_RELEASE_RATE=10 in its environment tcmalloc gives free pages back sooner"
        }
        _ => "blocks in use lie between what is free, and whole pages alone can be given back",
    }
}

/// What trimming would do.
pub fn trim(malloc: &MallocUse) -> String {
    let all = share(malloc.trimmable_bytes, malloc.retained_bytes());
    let text = format!(
        "malloc_trim(0) would give back {} ({})",
        bytes(malloc.trimmable_bytes),
        rough_percent(all)
    );
    match malloc.unread_bytes {
        0 => text,
        unread => format!("{text}; {} could not be read", bytes(unread)),
    }
}

/// Which setting concerns it. Trimming is advised where it gives back enough.
pub fn setting(malloc: &MallocUse) -> &'static str {
    let retained = malloc.retained_bytes();
    let of_threads = share(malloc.of_threads_bytes, retained);
    let trims = share(malloc.trimmable_bytes, retained) >= WORTH;
    match (share(malloc.top.resident_bytes, retained), trims) {
        (_, true) if of_threads > MOST && malloc.arenas > 2 => {
            "fewer arenas retain less: set MALLOC_ARENA_MAX=2 in its environment, or call malloc_trim(0) now and then"
        }
        (_, false) if of_threads > MOST && malloc.arenas > 2 => {
            "fewer arenas retain less: set MALLOC_ARENA_MAX=2 in its environment"
        }
        (top, true) if top > MOST => {
            "with MALLOC_TRIM_THRESHOLD_=131072 in its environment malloc gives back what is free at the end; \
             malloc_trim(0) does so, too"
        }
        (top, false) if top > MOST => {
            "with MALLOC_TRIM_THRESHOLD_=131072 in its environment malloc gives back what is free at the end"
        }
        (_, true) => {
            "call malloc_trim(0) now and then, ctypes.CDLL(None).malloc_trim(0), or try another allocator: blocks in use \
             lie between what is free, so a lower MALLOC_TRIM_THRESHOLD_ does not help"
        }
        (_, false) => {
            "try another allocator: blocks in use lie between what is free, so neither malloc_trim(0) nor a lower \
             MALLOC_TRIM_THRESHOLD_ gives much of it back"
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares are told roughly")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Sixteen arenas that retain much, for tests.
#[cfg(test)]
pub fn sample() -> MallocUse {
    use crate::model::FreeMemory;
    let free = |mib: u64| FreeMemory {
        bytes: mib << 20,
        resident_bytes: mib << 20,
        page_bytes: (mib - 1) << 20,
    };
    MallocUse {
        arenas: 16,
        retaining_arenas: 14,
        system_bytes: 162 << 20,
        used_bytes: 28 << 20,
        cached_bytes: 0,
        holes: free(108),
        top: free(26),
        of_threads_bytes: 120 << 20,
        trimmable_bytes: 107 << 20,
        unread_bytes: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retained_is_said_with_its_setting() {
        let malloc = sample();
        let text = "134.0 MiB that the program has freed, in 14 of 16 arenas: 108.0 MiB between blocks that are in \
                    use, 26.0 MiB at the ends of arenas";
        assert_eq!(free(&malloc), text);
        assert_eq!(trim(&malloc), "malloc_trim(0) would give back 107.0 MiB (80 %)");
        assert!(setting(&malloc).contains("MALLOC_ARENA_MAX"));
        let one = MallocUse { arenas: 1, retaining_arenas: 1, of_threads_bytes: 0, ..malloc };
        assert!(free(&one).contains("in its arena: "));
        assert!(!setting(&one).contains("MALLOC_ARENA_MAX"));
        let ends = MallocUse { top: malloc.holes, holes: malloc.top, unread_bytes: 4096, ..one };
        assert!(setting(&ends).contains("MALLOC_TRIM_THRESHOLD_=131072"));
        assert!(trim(&ends).ends_with("; 4.0 KiB could not be read"));
    }

    /// What would give back next to nothing is no advice.
    #[test]
    fn trimming_is_advised_where_it_gives_something_back() {
        let many = sample();
        let one = MallocUse { arenas: 1, of_threads_bytes: 0, ..many };
        let ends = MallocUse { top: many.holes, holes: many.top, ..one };
        for malloc in [many, one, ends] {
            assert!(setting(&malloc).contains("malloc_trim(0)"));
            let setting = setting(&MallocUse { trimmable_bytes: 36 << 10, ..malloc });
            let advises = setting.contains("malloc_trim(0)") && !setting.contains("neither");
            assert!(!advises, "{setting}");
        }
    }
}
