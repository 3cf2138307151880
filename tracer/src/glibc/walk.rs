//! The chunks of a heap, one after the other. A chunk begins with two words: the size of the one before it, if
//! that is free, and its own size, whose low bits are flags (`malloc/malloc.c`, "Chunk"). Whether a chunk is free
//! stands in the one behind it.

use std::ops::Range;

use super::ResidentMemory;
use super::sums::{ResidentParts, Sums};
use crate::model::Address;

const PREVIOUS_IN_USE: u64 = 1;
const MAPPED: u64 = 2;
const FLAGS: u64 = 7;
/// Smallest chunk.
const LEAST: u64 = 32;
/// A heap that is followed by another ends with a chunk of this size and one of none.
const FENCE: u64 = 16;
/// Bytes that are read at once, and most that are read of one process.
const WINDOW: u64 = 128 << 10;
const MOST: u64 = 4 << 30;

/// What may still be read.
#[derive(Clone, Copy, Debug)]
pub struct ReadBudget {
    bytes: u64,
}

impl Default for ReadBudget {
    fn default() -> Self {
        Self { bytes: MOST }
    }
}

/// Reads words of a heap through a window.
struct Window<'a> {
    memory: &'a dyn ResidentMemory,
    resident: &'a ResidentParts,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The two words at `at`; of memory that is not resident there are none.
    fn header(&mut self, at: u64, budget: &mut ReadBudget) -> Option<(u64, u64)> {
        if !self.has(at) {
            let end = self.resident.end_of(at)?.min(at.checked_add(WINDOW)?);
            let length = end.checked_sub(at).filter(|length| *length >= 16)?;
            budget.bytes = budget.bytes.checked_sub(length)?;
            self.bytes.resize(usize::try_from(length).ok()?, 0);
            self.start = at;
            if !self.memory.read(Address(at), &mut self.bytes) {
                self.bytes.clear();
                return None;
            }
        }
        let offset = usize::try_from(at - self.start).ok()?;
        let word = |offset: usize| {
            self.bytes.get(offset..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
        };
        Some((word(offset)?, word(offset + 8)?))
    }

    fn has(&self, at: u64) -> bool {
        let length = u64::try_from(self.bytes.len()).unwrap_or(0);
        at >= self.start && at.saturating_add(16) <= self.start.saturating_add(length)
    }
}

/// Walks over the chunks of a heap and adds them up. `top` is the arena's last chunk, where it is in this heap: then the
/// walk must come to it, and it must end where the heap does. What is not reached, since chunks before it make no sense,
/// is unread.
pub fn walk(
    memory: &dyn ResidentMemory,
    heap: Range<u64>,
    top: Option<u64>,
    sums: &mut Sums,
    budget: &mut ReadBudget,
) {
    let parts = memory.resident(heap.clone()).unwrap_or_default();
    let mut resident = ResidentParts::new(parts);
    let known = resident.clone();
    let mut window = Window { memory, resident: &known, start: 0, bytes: Vec::new() };
    let mut chunks = Chunks { at: heap.start, end: heap.end, top, before: None };
    while let Some(header) = window.header(chunks.at, budget) {
        let Some(step) = chunks.step(header) else { break };
        match step.before {
            Some((chunk, true)) => {
                sums.free.free(&chunk);
                sums.holes = sums.holes.plus(resident.free(chunk));
            }
            Some((chunk, false)) => {
                sums.free.used(&chunk);
                sums.used += chunk.end - chunk.start;
            }
            None => {}
        }
        if let Some(last) = step.last {
            match top {
                Some(_) => {
                    sums.free.free(&last);
                    sums.top = resident.free(last);
                }
                None => sums.used += last.end - last.start,
            }
            return;
        }
    }
    sums.unread += heap.end.saturating_sub(chunks.before.map_or(chunks.at, |chunk| chunk.start));
}

/// Where a walk is.
struct Chunks {
    at: u64,
    end: u64,
    top: Option<u64>,
    /// The chunk before: what it is stands in the next one.
    before: Option<Range<u64>>,
}

/// What a header says.
struct Step {
    /// The chunk before, and whether it is free.
    before: Option<(Range<u64>, bool)>,
    /// The top, or what ends a heap that has none.
    last: Option<Range<u64>>,
}

impl Chunks {
    /// Reads a header and goes on to the next; `None` where it makes no sense.
    fn step(&mut self, (size_before, word): (u64, u64)) -> Option<Step> {
        let (size, is_used) = (word & !FLAGS, word & PREVIOUS_IN_USE != 0);
        let agrees =
            self.before.as_ref().is_none_or(|chunk| chunk.end - chunk.start == size_before);
        if word & MAPPED != 0 || size % 16 != 0 || !is_used && (self.before.is_none() || !agrees) {
            return None;
        }
        let chunk = self.at..self.at.checked_add(size)?;
        let is_fence = self.top.is_none() && self.end - self.at <= 2 * LEAST;
        let is_top = self.top == Some(self.at);
        let is_last = is_top || is_fence && size == 0;
        let passes_top = self.top.is_some_and(|top| self.at > top);
        let least = if is_fence { FENCE } else { LEAST };
        if chunk.end > self.end || passes_top || !is_last && size < least {
            return None;
        }
        if is_top && (chunk.end != self.end || !is_used) {
            return None;
        }
        let last = is_last.then(|| if is_top { chunk.clone() } else { self.at..self.end });
        let before = self.before.take().map(|before| (before, !is_used));
        self.at = chunk.end;
        self.before = Some(chunk);
        Some(Step { before, last })
    }
}
