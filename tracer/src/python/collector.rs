//! The garbage collector, read from outside: its lists of objects, and how often it has run over
//! everything.
//!
//! `struct _gc_runtime_state` lies somewhere in the interpreter's state (3.8: in `_PyRuntime`). No
//! version publishes where the counters are, and micro versions of 3.14 differ, so it is found by
//! what it holds: four list heads in a row, each of which its neighbours point back to. What
//! follows them tells the arrangements apart (`Include/internal/pycore_gc.h`; 3.8:
//! `pycore_pymem.h`; from 3.14 `pycore_interp_structs.h`).

use super::attach::Python;
use crate::model::{Address, Memory};

/// `struct gc_generation`: a list head (next, previous), a threshold and a count.
const GENERATION: u64 = 24;
/// `NUM_GENERATIONS`
const GENERATIONS: u64 = 3;
/// Generations, and the list of what `gc.freeze` took out of them.
const HEADS: usize = 4;
/// Alignment of the lists in the state: that of a pointer, but 4 in Debian's 3.13.15.
const ALIGNMENT: usize = 4;
/// How much of an interpreter's state is searched; the collector's part begins within its first
/// pages.
const SPAN: usize = 64 * 1024;
/// Reading stops where memory ends, in steps of a page.
const PAGE: usize = 4096;
/// Low bits of a link that are flags (`_PyGC_PREV_MASK`).
const FLAGS: u64 = 3;
/// First minor version that counts in a ring outside the state.
const FIRST_RING: u8 = 15;
/// With such a threshold of the youngest generation none is collected for hours.
const RARE: u32 = 1_000_000;
/// Heads can be looked at while the interpreter changes them.
const ATTEMPTS: usize = 8;

/// Where the lists and the counters of full collections are, for each interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    found: Vec<Found>,
}

/// The collector of one interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    counter: Counter,
    /// Heads of its lists, the youngest generation first, the frozen one last.
    heads: [Address; HEADS],
}

/// Why an interpreter does not collect by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectionOff {
    /// `gc.disable()` was called.
    Disabled,
    /// `gc.set_threshold` was called with so much for the youngest generation, or with 0.
    Threshold(u32),
}

/// Where one interpreter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    /// `generation_stats[2].collections` in the state itself (to 3.14).
    Inside(Address),
    /// `generation_stats->old[1]`: a ring whose newest entry has the total (3.15).
    Ring(Address),
}

impl Collector {
    /// Looks for the collector of each interpreter; `None` when one of them is not understood.
    pub fn find(memory: &dyn Memory, python: &Python) -> Option<Self> {
        let starts = match python.version.minor {
            // The list of interpreters and the collector are neighbours in `_PyRuntime`.
            8 => vec![python.interpreters_head],
            _ => python.interpreters.clone(),
        };
        let found: Option<Vec<Found>> =
            starts.into_iter().map(|start| find_one(memory, start, python.version.minor)).collect();
        let found = Self { found: found? };
        found.full_collections(memory).map(|_| found)
    }

    /// Heads of the lists of all interpreters, `PyGC_Head` each. Young generations come before
    /// older ones: an object that moves on while they are walked is met twice rather than never.
    pub fn heads(&self) -> impl Iterator<Item = Address> {
        (0..HEADS).flat_map(|list| self.found.iter().map(move |found| found.heads[list]))
    }

    /// What stops an interpreter from collecting by itself; `None` where all do, or it cannot be read.
    pub fn off(&self, memory: &dyn Memory) -> Option<CollectionOff> {
        self.found.iter().find_map(|found| found.off(memory))
    }

    /// Whether `gc.freeze` was called since `last` was read: more objects are behind what was the last that is never
    /// collected. Updates `last`, one for each interpreter.
    pub fn froze(&self, memory: &dyn Memory, last: &mut Vec<Address>) -> bool {
        let ends: Vec<Address> =
            self.found.iter().map(|found| found.frozen(memory).unwrap_or_default()).collect();
        let before = std::mem::replace(last, ends);
        let heads = self.found.iter().map(|found| found.heads[HEADS - 1]);
        let mut pairs = before.iter().zip(last.iter()).zip(heads);
        pairs.any(|((before, now), head)| {
            // One that was freed leads nowhere any more, and what was before it is the last.
            let next = memory.u64(*before).map_or(0, |next| next & !FLAGS);
            before != now && next != 0 && next != head.0
        })
    }

    /// Full collections of all interpreters since each began; `None` when they cannot be read.
    pub fn full_collections(&self, memory: &dyn Memory) -> Option<u64> {
        self.found.iter().try_fold(0_u64, |sum, found| {
            let count = found.counter.read(memory)?;
            // More than any process can have done: something else is here.
            (count < 1 << 40).then(|| sum.saturating_add(count))
        })
    }
}

impl Found {
    /// The last object that is never collected, or the head of their list.
    fn frozen(&self, memory: &dyn Memory) -> Option<Address> {
        let [.., head] = self.heads;
        memory.u64(head.offset(8)?).map(|last| Address(last & !FLAGS))
    }

    /// `enabled` and `debug` are the two numbers before the generations; there is a word of padding behind them
    /// where `trash_delete_nesting` comes first (to 3.14, where the generations are aligned to words). Two words that
    /// are both zero have `enabled` in them, whichever it is: `debug` is zero by default, and so are the others.
    fn off(&self, memory: &dyn Memory) -> Option<CollectionOff> {
        let [youngest, ..] = self.heads;
        let number = |address: Option<u64>| {
            let bytes = memory.bytes(Address(address?), 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let threshold = number(youngest.0.checked_add(16))?;
        let before = [12, 8].map(|back| number(youngest.0.checked_sub(back)));
        match threshold {
            _ if before == [Some(0), Some(0)] => Some(CollectionOff::Disabled),
            0 | RARE.. => Some(CollectionOff::Threshold(threshold)),
            _ => None,
        }
    }
}

impl Counter {
    fn read(self, memory: &dyn Memory) -> Option<u64> {
        match self {
            Self::Inside(address) => memory.u64(address),
            Self::Ring(address) => {
                let index = memory.u8(address.offset(ring::INDEX)?)?;
                let entry = u64::from(index) * ring::ENTRY;
                let inside = u64::from(index) < ring::ENTRIES;
                memory.u64(address.offset(entry + ring::COLLECTIONS)?).filter(|_| inside)
            }
        }
    }
}

/// `struct gc_stats` of CPython 3.15 (gh-146527), builds with a GIL.
mod ring {
    /// `sizeof(struct gc_generation_stats)`
    pub const ENTRY: u64 = 64;
    /// `collections` in it.
    pub const COLLECTIONS: u64 = 16;
    /// `GC_OLD_STATS_SIZE`
    pub const ENTRIES: u64 = 3;
    /// `index` of an old buffer.
    pub const INDEX: u64 = ENTRIES * ENTRY;
    /// `old[1]`: behind the young buffer of 11 entries and an index, and `old[0]`.
    pub const OLDEST: u64 = (11 * ENTRY + 8) + (ENTRIES * ENTRY + 8);
}

fn find_one(memory: &dyn Memory, start: Address, minor: u8) -> Option<Found> {
    let bytes = readable(memory, start);
    (0..bytes.len()).step_by(ALIGNMENT).filter(|&at| may_begin(&bytes[at..])).find_map(|at| {
        let state = start.offset(u64::try_from(at).ok()?)?;
        (0..ATTEMPTS).find_map(|_| arrangement(memory, state, minor))
    })
}

/// Bytes from `start` until memory ends, at most [`SPAN`].
fn readable(memory: &dyn Memory, start: Address) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < SPAN {
        let Some(next) = u64::try_from(bytes.len()).ok().and_then(|at| start.offset(at)) else {
            break;
        };
        match memory.bytes(next, PAGE) {
            Some(page) => bytes.extend(page),
            None => break,
        }
    }
    bytes
}

/// Whether three generations can begin here, going by the words alone.
fn may_begin(bytes: &[u8]) -> bool {
    let link = |word: u64| word & !FLAGS != 0 && word < 1 << 47;
    let word =
        |index: usize| bytes.get(8 * index..)?.first_chunk().copied().map(u64::from_le_bytes);
    let generation = |index: usize| {
        let words = (word(3 * index), word(3 * index + 1), word(3 * index + 2));
        let (Some(next), Some(previous), Some(settings)) = words else { return false };
        // Thresholds are 700 or 2,000 and 10 by default; people set more, but not billions.
        link(next) && link(previous) && (settings & 0xffff_ffff) < 1 << 30
    };
    (0..3).all(generation)
}

/// Which arrangement the state at `state`, where three generations begin, has.
fn arrangement(memory: &dyn Memory, state: Address, minor: u8) -> Option<Found> {
    let at = |offset: u64| state.offset(offset);
    if !(0..GENERATIONS)
        .all(|index| at(index * GENERATION).is_some_and(|head| is_head(memory, head)))
    {
        return None;
    }
    // Only the generations need not be aligned to words.
    let end = at(GENERATIONS * GENERATION)?.0;
    let behind = end.checked_next_multiple_of(8)? - state.0;
    // To 3.13 a pointer to the youngest generation comes first.
    let permanent = match memory.pointer(at(behind)?)? == state {
        true => behind + 8,
        false => behind,
    };
    if !is_head(memory, at(permanent)?) {
        return None;
    }
    let statistics = at(permanent + GENERATION)?;
    let counter = match minor {
        ..FIRST_RING => Counter::Inside(statistics.offset(2 * 24)?),
        _ => Counter::Ring(memory.pointer(statistics)?.offset(ring::OLDEST)?),
    };
    let heads = [state, at(GENERATION)?, at(2 * GENERATION)?, at(permanent)?];
    Some(Found { counter, heads })
}

/// Whether a doubly linked list begins at `head`.
fn is_head(memory: &dyn Memory, head: Address) -> bool {
    let link = |address: Option<Address>| {
        address.and_then(|at| memory.u64(at)).map(|word| Address(word & !FLAGS))
    };
    let next = link(Some(head));
    let previous = link(head.offset(8));
    let back = next.and_then(|next| link(next.offset(8)));
    back == Some(head) && link(previous) == Some(head)
}

#[cfg(test)]
mod tests;
