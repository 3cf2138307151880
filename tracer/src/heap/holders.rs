//! Who refers to a few objects, besides the path that leads to them.

use std::collections::HashMap;

use super::objects::Heap;

/// What refers to an object, and what refers to that where somebody does.
pub type Holder = (u32, Option<u32>);

/// Most of one object that are told.
const MOST: usize = 8;

/// What refers to some objects.
#[derive(Clone, Debug, Default)]
pub struct Holders {
    first: HashMap<u32, Vec<u32>>,
    second: HashMap<u32, Vec<u32>>,
}

impl Holders {
    /// Of these objects of a heap that was read with its graph: it is gone through twice.
    pub fn find(heap: &Heap, objects: &[u32]) -> Self {
        let first = referrers(heap, objects);
        let between: Vec<u32> = first.values().flatten().copied().collect();
        Self { second: referrers(heap, &between), first }
    }

    /// Of one of them, from the object on.
    pub fn of(&self, object: u32) -> impl Iterator<Item = Holder> + '_ {
        let first = self.first.get(&object).into_iter().flatten().copied();
        first.flat_map(|first| {
            let second = self.second.get(&first).into_iter().flatten().copied();
            std::iter::once((first, None)).chain(second.map(move |second| (first, Some(second))))
        })
    }
}

/// Certain references only, and those of the first few.
fn referrers(heap: &Heap, objects: &[u32]) -> HashMap<u32, Vec<u32>> {
    let mut found: HashMap<u32, Vec<u32>> =
        objects.iter().map(|object| (*object, Vec::new())).collect();
    if found.is_empty() {
        return found;
    }
    for number in 0..u32::try_from(heap.objects.len()).unwrap_or(0) {
        for (target, certain) in heap.graph.references_of(number) {
            if certain
                && let Some(known) = found.get_mut(&target)
                && known.len() < MOST
            {
                known.push(number);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_told_with_theirs() {
        let found = Holders {
            first: HashMap::from([(7, vec![5, 6])]),
            second: HashMap::from([(5, vec![]), (6, vec![2, 3])]),
        };
        let of: Vec<Holder> = found.of(7).collect();
        assert_eq!(of, [(5, None), (6, None), (6, Some(2)), (6, Some(3))]);
        assert_eq!(found.of(8).count(), 0);
    }
}
