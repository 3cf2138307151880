//! Retained sizes: what would be freed if an object were, with the tables and blocks that are owned by what
//! it retains.
//!
//! A reference that nobody found keeps an object all the same, and shows in its count only. So sizes are
//! ranges: at least what remains when every object with a surplus of counted references is a root, and at
//! most what remains when none is. Objects that are never freed are roots in both.

use std::collections::HashMap;

use super::dominators::Dominators;
use super::footprint::footprint;
use super::objects::Heap;
use super::retainers::Retainers;
use super::view::View;
use crate::model::{RetainedPlace, RetainedSize, RetainerGroup};

/// Most places whose sizes are told.
const PLACES: usize = 1024;

/// What retains how much, of one heap.
pub struct RetainedSizes<'a> {
    view: &'a View<'a>,
    heap: &'a Heap,
    /// Bytes of blocks that objects own, by number.
    owned: HashMap<u32, u64>,
    least: Dominators,
    most: Dominators,
}

impl<'a> RetainedSizes<'a> {
    /// Of a heap that was read with its graph. `owned` are bytes of blocks outside the heap, by the number of
    /// the object that owns them.
    pub fn find(
        view: &'a View<'a>,
        heap: &'a Heap,
        held: &Retainers<'_>,
        owned: HashMap<u32, u64>,
    ) -> Self {
        let mut roots = held.root_objects();
        let referenced = held.paths().referenced();
        let mut surplus = Vec::new();
        for number in 0..u32::try_from(heap.objects.len()).unwrap_or(0) {
            match referenced.counted(view, heap, number) {
                None => roots.push(number),
                Some(counted) if counted > referenced.found(number) => surplus.push(number),
                Some(_) => {}
            }
        }
        let count = heap.objects.len();
        let most = Dominators::find(&heap.graph, count, &roots);
        roots.append(&mut surplus);
        let least = Dominators::find(&heap.graph, count, &roots);
        Self { view, heap, owned, least, most }
    }

    /// Sizes of what each of these objects retains; `None` of garbage.
    pub fn of(&self, numbers: &[u32]) -> Vec<Option<RetainedSize>> {
        let sums = |of: &Dominators| {
            // All together not more than is mapped.
            let mut left = self.view.mapped.bytes();
            of.sums(numbers, |number| {
                let bytes = self.bytes(number).min(left);
                left -= bytes;
                bytes
            })
        };
        let sizes = sums(&self.least).into_iter().zip(sums(&self.most));
        sizes
            .map(|(least, most)| {
                let (objects, most_bytes) = most?;
                let least_bytes = least.map_or(0, |(_, bytes)| bytes).min(most_bytes);
                Some(RetainedSize { objects, least_bytes, most_bytes })
            })
            .collect()
    }

    /// What it takes, or the bytes of the blocks that it owns, which may count the same memory.
    fn bytes(&self, number: u32) -> u64 {
        let object = self.heap.objects.object(number);
        let class = self.heap.classes.get(object.class);
        footprint(self.view, object.address, class)
            .max(self.owned.get(&number).copied().unwrap_or(0))
    }

    /// What the objects on these paths retain, each told once.
    pub fn on<'p>(&self, paths: impl Iterator<Item = &'p RetainerGroup>) -> Vec<RetainedPlace> {
        let mut places: Vec<(u32, Vec<String>)> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for group in paths.filter(|group| group.root.is_root()) {
            let words = group.words();
            for (reference, end) in group.path.iter().zip(2..) {
                let number = self.heap.objects.number(reference.address);
                if let (Some(number), Some(words)) = (number, words.get(..end))
                    && places.len() < PLACES
                    && known.insert(number)
                {
                    places.push((number, words.to_vec()));
                }
            }
        }
        let numbers: Vec<u32> = places.iter().map(|(number, _)| *number).collect();
        let sizes = self.of(&numbers).into_iter().zip(places);
        sizes.filter_map(|(size, (_, path))| Some(RetainedPlace { path, size: size? })).collect()
    }
}
