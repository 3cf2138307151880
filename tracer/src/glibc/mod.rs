//! glibc's malloc, read from outside: its arenas, what of their memory is in use, and what is free and
//! retained. Nothing is called in the target and no debug symbols are needed.
//!
//! | step | where |
//! |---|---|
//! | `main_arena` in the data of libc, known by the list heads in it that point to themselves | `find` |
//! | the fields of an arena, checked against each other | `state` |
//! | the ring of arenas, and the heaps of each | `arena`, `heap` |
//! | the chunks of a heap, one after the other | `walk` |
//! | what is free and cached without being marked: fast bins | `cached` |
//! | bytes and resident pages of free chunks | `sums` |
//! | where those are, and those that threads have cached | `free`, `tcache` |
//!
//! Layouts are those of 64-bit glibc 2.27 to 2.43 (`malloc/malloc.c`, `malloc/arena.c`). The program
//! goes on while it is read, so every number is checked against another one, and an arena that
//! contradicts itself counts as unread: nothing is claimed of it.

mod arena;
mod cached;
mod find;
mod free;
mod heap;
mod state;
mod sums;
mod tcache;
#[cfg(test)]
mod tests;
mod walk;

use std::ops::Range;

pub use find::{MainArena, find};

use crate::model::{Address, MallocUse, Memory};
use free::FreeChunks;
use sums::Sums;
use walk::ReadBudget;

/// Memory of which it is known what is resident: reading anything else would bring it in.
pub trait ResidentMemory: Memory {
    /// The resident parts of a range, by address; `None` when that cannot be read.
    fn resident(&self, range: Range<u64>) -> Option<Vec<Range<u64>>>;
}

/// An arena is read again when the program was in the middle of something, at most so many times.
const TRIES: usize = 3;
/// Most arenas of one process; glibc makes eight for each processor.
const ARENAS: usize = 4096;

/// Reads all arenas; `brk` is the mapping that the program break has grown to (`[heap]`). `None` when the
/// ring of arenas makes no sense (any more).
pub fn read(
    memory: &dyn ResidentMemory,
    main: MainArena,
    brk: Option<Range<u64>>,
) -> Option<MallocUse> {
    let add = |all: MallocUse, at, sums: Sums| all.plus(&sums.told(at != main.address));
    each(memory, main, brk, MallocUse::default(), add)
}

/// Memory in free chunks, by address: what stands there is left over. Of arenas that were read whole only. `None` when
/// the ring of arenas makes no sense.
pub fn free(
    memory: &dyn ResidentMemory,
    main: MainArena,
    brk: Option<Range<u64>>,
) -> Option<Vec<Range<u64>>> {
    let add = |all: FreeChunks, _, sums: Sums| match sums.is_whole() {
        true => all.plus(sums.free),
        false => all,
    };
    Some(each(memory, main, brk, FreeChunks::default(), add)?.contents(memory))
}

/// Goes through all arenas.
fn each<T>(
    memory: &dyn ResidentMemory,
    main: MainArena,
    brk: Option<Range<u64>>,
    mut all: T,
    add: impl Fn(T, Address, Sums) -> T,
) -> Option<T> {
    let mut budget = ReadBudget::default();
    for at in ring(memory, main)? {
        let brk = brk.clone().filter(|_| at == main.address);
        let place = arena::ArenaPlace { at, bins: main.bins, brk };
        all = add(all, at, best(memory, &place, &mut budget)?);
    }
    Some(all)
}

/// What was read of an arena at the try that read most of it.
fn best(
    memory: &dyn ResidentMemory,
    place: &arena::ArenaPlace,
    budget: &mut ReadBudget,
) -> Option<Sums> {
    let mut best: Option<Sums> = None;
    for _ in 0..TRIES {
        let Some(found) = arena::read(memory, place, budget) else { continue };
        let is_whole = found.is_whole();
        if best.as_ref().is_none_or(|known| found.unread < known.unread) {
            best = Some(found);
        }
        if is_whole {
            break;
        }
    }
    best
}

/// The addresses of all arenas, the main one first.
fn ring(memory: &dyn Memory, main: MainArena) -> Option<Vec<Address>> {
    let mut arenas = vec![main.address];
    loop {
        let next = state::next(memory, *arenas.last()?, main.bins)?;
        if next == main.address {
            return Some(arenas);
        }
        if arenas.len() >= ARENAS || arenas.contains(&next) || !heap::may_hold_arena(next) {
            return None;
        }
        arenas.push(next);
    }
}
