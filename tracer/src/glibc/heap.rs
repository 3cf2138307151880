//! Heaps of arenas of threads: parts of 64 MiB of address space, of which the front is used. Each begins with a
//! `heap_info` (`malloc/arena.c`): its arena, the heap before it, how much of it is in use, how much is
//! open.

use super::state::ArenaState;
use crate::model::{Address, Memory};

/// `HEAP_MAX_SIZE`, at whose multiples heaps begin. With huge pages (`glibc.malloc.hugetlb`) some versions take
/// another size, which is then refused by the checks here.
const HEAP: u64 = 64 << 20;
/// Most heaps of one arena: 256 GiB.
const MOST: usize = 4096;
/// Bytes of a `heap_info`: five words and padding from 2.35 on, four before.
const INFO: [u64; 2] = [32, 48];

/// A heap: the chunks in it begin at `start`, and its used part ends at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapPart {
    /// First chunk.
    pub start: u64,
    /// End of what is in use.
    pub end: u64,
}

/// Whether an arena of a thread can be there: it follows the `heap_info` of its first heap.
pub fn may_hold_arena(at: Address) -> bool {
    INFO.contains(&(at.0 % HEAP)) && at.0 < super::state::END
}

/// The heaps of the arena at `at`, the newest first, which has its top. `bytes` is the size of the arena. `None` where they contradict
/// themselves, or do not add up to what the arena says that it has.
pub fn all(
    memory: &dyn Memory,
    at: Address,
    bytes: u64,
    state: &ArenaState,
) -> Option<Vec<HeapPart>> {
    let info = at.0 % HEAP;
    let mut base = state.top - state.top % HEAP;
    let (mut heaps, mut sum) = (Vec::new(), 0_u64);
    loop {
        let words = super::state::words(&memory.bytes(Address(base), 32)?);
        let [arena, before, size, open] = words[..] else { return None };
        if arena != at.0 || size > open || open > HEAP || size % 4096 != 0 || before % HEAP != 0 {
            return None;
        }
        let is_first = base == at.0 - info;
        let start = if is_first { (at.0 + bytes).next_multiple_of(16) } else { base + info };
        let heap = HeapPart { start, end: base + size };
        if heap.start >= heap.end || heaps.len() >= MOST || (before == 0) != is_first {
            return None;
        }
        heaps.push(heap);
        sum += size;
        if is_first {
            break;
        }
        base = before;
    }
    let newest = heaps.first()?;
    (sum == state.system && newest.start <= state.top && state.top < newest.end).then_some(heaps)
}
