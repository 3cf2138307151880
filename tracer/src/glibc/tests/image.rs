//! Memory of a process with arenas, made up word by word.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::super::state;
use super::super::{MainArena, MallocUse, ResidentMemory, find, free, read};
use crate::model::{Address, Memory};

/// Writable data of libc, in which the main arena lies.
pub const DATA: Range<u64> = 0x7f00_0000_0000..0x7f00_0000_8000;
pub const MAIN: u64 = 0x7f00_0000_1c80;
pub const BRK: u64 = 0x5555_0000_0000;
/// Where heaps of threads may begin.
pub const HEAP: u64 = 64 << 20;
pub const FIRST_HEAP: u64 = 0x7f10_0000_0000;

/// A chunk: its size, and whether it is in use.
pub type Chunk = (u64, bool);

#[derive(Clone, Debug)]
pub struct Image {
    pub bins: u64,
    pub brk: Range<u64>,
    /// What is not resident.
    pub absent: Vec<Range<u64>>,
    words: BTreeMap<u64, u64>,
    parts: Vec<Range<u64>>,
    arenas: Vec<u64>,
    /// Reads so far.
    pub reads: Cell<usize>,
}

impl Image {
    /// A process whose list heads begin so many bytes behind the begin of an arena, with chunks in its break and a
    /// top of that size.
    pub fn new(bins: u64, chunks: &[Chunk], top: u64) -> Self {
        let mut image = Self {
            bins,
            brk: BRK..BRK,
            absent: Vec::new(),
            words: BTreeMap::new(),
            parts: vec![DATA],
            arenas: Vec::new(),
            reads: Cell::new(0),
        };
        let at = image.chunks(BRK, chunks);
        image.put(at + 8, top | 1);
        image.brk = BRK..(at + top).next_multiple_of(4096);
        image.parts.push(image.brk.clone());
        image.arena(MAIN, at, at + top - BRK);
        image
    }

    /// Adds an arena of a thread with these heaps, the newest last, which has the top.
    pub fn thread(&mut self, info: u64, heaps: &[&[Chunk]], top: u64) -> u64 {
        let base = FIRST_HEAP + HEAP * 16 * u64::try_from(self.arenas.len()).unwrap();
        let arena = base + info;
        let (mut system, mut before) = (0, 0);
        for (index, chunks) in (0..).zip(heaps) {
            let at = base + index * HEAP;
            let first = if index == 0 {
                (arena + self.bins + state::TAIL).next_multiple_of(16)
            } else {
                at + info
            };
            let end = self.chunks(first, chunks);
            let is_last = index + 1 == u64::try_from(heaps.len()).unwrap();
            let size = if is_last {
                (end + top).next_multiple_of(4096)
            } else {
                (end + 64).next_multiple_of(4096)
            } - at;
            if is_last {
                self.put(end + 8, (at + size - end) | 1);
                self.arena(arena, end, system + size);
            } else {
                // What was the top there is free, but for a fence.
                let rest = at + size - end - 32;
                if rest >= 32 {
                    self.put(end + 8, rest | 1);
                    self.put(end + rest, rest);
                    self.put(end + rest + 8, 16);
                    self.put(end + rest + 24, 1);
                } else {
                    self.put(end + 8, (rest + 16) | 1);
                    self.put(end + rest + 16 + 8, 1);
                }
            }
            for (offset, word) in [(0, arena), (8, before), (16, size), (24, size)] {
                self.put(at + offset, word);
            }
            self.parts.push(at..at + size);
            system += size;
            before = at;
        }
        arena
    }

    /// Puts chunks, and gives the address behind the last.
    fn chunks(&mut self, from: u64, chunks: &[Chunk]) -> u64 {
        let (mut at, mut before_used) = (from, true);
        for (size, used) in chunks {
            self.put(at + 8, size | u64::from(before_used));
            at += size;
            if !used {
                self.put(at, *size);
            }
            before_used = *used;
        }
        // Whatever comes next says what the last one is.
        assert!(before_used, "the last chunk is in use, else it would be a part of the top");
        at
    }

    fn arena(&mut self, at: u64, top: u64, system: u64) {
        let heads = at + self.bins;
        for index in 0..127 {
            let own = heads + 16 * index - 16;
            self.put(heads + 16 * index, own);
            self.put(heads + 16 * index + 8, own);
        }
        self.put(heads - 16, top);
        self.put(heads + 2048 + 24, system);
        self.put(heads + 2048 + 32, system);
        self.arenas.push(at);
        for (index, arena) in self.arenas.clone().into_iter().enumerate() {
            let next = *self.arenas.get(index + 1).unwrap_or(&self.arenas[0]);
            self.put(arena + self.bins + 2048, next);
        }
    }

    pub fn put(&mut self, at: u64, word: u64) {
        assert_eq!(at % 8, 0);
        self.words.insert(at, word);
    }

    pub fn word(&self, at: u64) -> u64 {
        self.words.get(&at).copied().unwrap_or(0)
    }

    /// Words that are not zero.
    pub fn places(&self) -> Vec<u64> {
        self.words.keys().copied().collect()
    }

    pub fn find(&self) -> Option<MainArena> {
        find(self, &[DATA])
    }

    pub fn read(&self) -> Option<MallocUse> {
        read(self, self.find()?, Some(self.brk.clone()))
    }

    pub fn free(&self) -> Vec<Range<u64>> {
        let main = self.find().expect("a main arena");
        free(self, main, Some(self.brk.clone())).expect("a ring of arenas")
    }
}

impl Memory for Image {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.reads.set(self.reads.get() + 1);
        let Some(end) = address.0.checked_add(u64::try_from(into.len()).unwrap()) else {
            return false;
        };
        if !self.parts.iter().any(|part| part.start <= address.0 && end <= part.end) {
            return false;
        }
        into.fill(0);
        for (at, word) in self.words.range(address.0 & !7..end) {
            for (index, byte) in (0..).zip(word.to_le_bytes()) {
                let offset =
                    (at + index).checked_sub(address.0).and_then(|at| usize::try_from(at).ok());
                if let Some(place) = offset.and_then(|offset| into.get_mut(offset)) {
                    *place = byte;
                }
            }
        }
        true
    }
}

impl ResidentMemory for Image {
    fn resident(&self, range: Range<u64>) -> Option<Vec<Range<u64>>> {
        let mut parts = vec![range];
        for absent in &self.absent {
            let cut = |part: Range<u64>| {
                let before = part.start..part.end.min(absent.start).max(part.start);
                let behind = part.start.max(absent.end).min(part.end)..part.end;
                [before, behind].into_iter().filter(|part| !part.is_empty())
            };
            parts = parts.into_iter().flat_map(cut).collect();
        }
        Some(parts)
    }
}
