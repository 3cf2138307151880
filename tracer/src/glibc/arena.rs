//! One arena: its state, its heaps and their chunks, checked against each other.

use std::ops::Range;

use super::heap::{self, HeapPart};
use super::state::{self, ArenaState};
use super::sums::Sums;
use super::walk::{self, ReadBudget};
use super::{ResidentMemory, cached};
use crate::model::Address;

/// Where an arena is.
#[derive(Clone, Debug)]
pub struct ArenaPlace {
    /// The begin of its state.
    pub at: Address,
    /// Bytes from there to its list heads.
    pub bins: u64,
    /// Of the main arena, what the program break has grown to.
    pub brk: Option<Range<u64>>,
}

/// Reads it. `None` when its state makes no sense; what of its memory makes none is unread.
pub fn read(
    memory: &dyn ResidentMemory,
    place: &ArenaPlace,
    budget: &mut ReadBudget,
) -> Option<Sums> {
    let state = state::read(memory, place.at, place.bins)?;
    if !state.is_used {
        return Some(Sums::default());
    }
    let of_thread = heap::may_hold_arena(place.at);
    let heaps = match of_thread {
        true => heap::all(memory, place.at, place.bins + state::TAIL, &state),
        false => of_main(&state, place.brk.as_ref(), memory),
    };
    let Some(heaps) = heaps else { return Some(Sums::unread(state.system)) };
    let inside = |at: u64| heaps.iter().any(|heap| heap.start <= at && at < heap.end);
    if of_thread && !state.free.iter().all(|at| inside(*at) || is_own(*at, place)) {
        return Some(Sums::unread(state.system));
    }
    let mut sums = Sums { system: state.system, ..Sums::default() };
    for heap in &heaps {
        sums.free.heap(heap.start..heap.end);
        let top = Some(state.top).filter(|top| heap.start <= *top && *top < heap.end);
        walk::walk(memory, heap.start..heap.end, top, &mut sums, budget);
    }
    // Parts that were not made by extending the break are not known.
    let known = heaps.iter().map(|heap| heap.end - heap.start).fold(0, u64::saturating_add);
    if !of_thread {
        sums.unread += state.system.saturating_sub(known);
    }
    let fast = cached::fast_bins(memory, &state.fast, inside);
    fast.free.iter().for_each(|chunk| sums.free.cached(chunk));
    sums.cached = fast.bytes;
    Some(sums)
}

/// The part of the break that is the main arena's: it ends where its top does. `None` when the top is elsewhere.
fn of_main(
    state: &ArenaState,
    brk: Option<&Range<u64>>,
    memory: &dyn ResidentMemory,
) -> Option<Vec<HeapPart>> {
    let brk = brk.filter(|brk| brk.contains(&state.top))?;
    let size = memory.u64(Address(state.top + 8))? & !7;
    let end = state.top.checked_add(size).filter(|end| *end <= brk.end)?;
    Some(vec![HeapPart { start: brk.start.next_multiple_of(16), end }])
}

/// Whether it is a list head of the arena.
fn is_own(at: u64, place: &ArenaPlace) -> bool {
    (place.at.0..place.at.0 + place.bins + state::TAIL).contains(&at)
}
