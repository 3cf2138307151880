//! What every reader of objects needs: bytes, where the fields are, and the types that are known.

use std::cell::Cell;

use super::class::ClassId;
use super::layout::ObjectLayout;
use super::mapped::Mapped;
use super::refcount::Refcount;
use crate::model::{Address, Memory};
use crate::python::Layout;

/// A heap as its readers see it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Its bytes.
    pub memory: &'a dyn Memory,
    /// Where frames, code and strings keep their fields.
    pub layout: &'a Layout,
    /// Where other objects do.
    pub objects: &'a ObjectLayout,
    /// How references are counted.
    pub refcount: Refcount,
    /// What the process has mapped.
    pub mapped: &'a Mapped,
    /// How much more of containers is read.
    pub budget: &'a Budget,
}

/// An object and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Where it is.
    pub address: Address,
    /// Its type.
    pub class: ClassId,
}

impl View<'_> {
    /// The word at `offset` in the object at `object`.
    pub fn word(&self, object: Address, offset: u64) -> Option<u64> {
        self.memory.u64(object.offset(offset)?)
    }
}

/// The word at an offset in bytes that were read; 0 where they end before it does.
#[inline]
pub fn word_at(bytes: &[u8], offset: usize) -> u64 {
    let word = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

/// Words of containers that are read at most. A heap has no more of them than fit into its memory;
/// lengths that were made up could have the same memory read again and again.
#[derive(Debug)]
pub struct Budget(Cell<u64>);

impl Budget {
    /// For a heap in so many bytes: each of them may be read a few times, for a few snapshots at
    /// the same objects.
    pub fn for_heap_bytes(bytes: u64) -> Self {
        const TIMES: u64 = 8;
        const LEAST: u64 = 1 << 20;
        Self(Cell::new((bytes / 8).saturating_mul(TIMES).saturating_add(LEAST)))
    }

    /// Takes from it; false, and nothing is left, when there is not enough.
    pub fn take(&self, words: u64) -> bool {
        let left = self.0.get().checked_sub(words);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}
