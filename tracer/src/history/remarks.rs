//! What was reported between two ticks and is saved with the next.

use std::collections::BTreeMap;

use crate::model::UnreachableBlocks;

/// Reported, and not saved yet.
#[derive(Clone, Debug, Default)]
pub struct Remarks {
    /// When full collections were noticed, and how many.
    pub collections: Vec<(f64, u64)>,
    /// What a search for pointers found, by the keys of sites.
    pub unreferenced: BTreeMap<u64, UnreachableBlocks>,
    /// Whether what earlier searches found is to be forgotten.
    pub searched: bool,
}

impl Remarks {
    /// Full collections, unless there are `most` already.
    pub fn collection(&mut self, t: f64, count: u64, most: usize) {
        if count > 0 && self.collections.len() < most {
            self.collections.push((t, count));
        }
    }

    /// What earlier searches found no longer holds.
    pub fn searched(&mut self) {
        self.unreferenced.clear();
        self.searched = true;
    }
}
