//! A heap with bits flipped at random, read as a whole.

use std::collections::HashMap;

use anyhow::{Context, Result};
use leakspy::heap::{
    self, BlockRange, Budget, Cache, Depth, LiveBlock, Mapped, Ranges, Refcount, Retainers, View,
};
use leakspy::model::{Address, Memory};
use leakspy::os::pages::Pages;
use leakspy::python::{Collector, Python};

use crate::chance::Chance;
use crate::heap::interpreter;

/// A process that stands still by itself, and where its memory is.
pub struct Original {
    pages: Pages,
    python: Python,
    collector: Collector,
    ranges: Ranges,
    mapped: Mapped,
}

/// Its memory with some bits flipped.
struct Flipped<'a> {
    memory: &'a dyn Memory,
    flips: HashMap<u64, u8>,
    /// Addresses of the flips, in order.
    places: Vec<u64>,
}

impl Memory for Flipped<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        if !self.memory.read(address, into) {
            return false;
        }
        let first = self.places.partition_point(|place| *place < address.0);
        for place in &self.places[first..] {
            let inside = usize::try_from(place - address.0).ok().and_then(|at| into.get_mut(at));
            let Some(byte) = inside else { break };
            *byte ^= self.flips[place];
        }
        true
    }
}

impl Original {
    /// Of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let (process, python) = interpreter(pid)?;
        let pages = Pages::open(&process)?;
        let collector = Collector::find(pages.memory(), &python).context("its collector")?;
        let survey = pages.survey()?;
        let there = survey.ranges.iter().map(|range| (range.start, range.end)).collect();
        // Types have their names in files that they were mapped from.
        let of_file = |path: &str| path.starts_with('/') && !path.starts_with("/dev");
        let files = process
            .mappings()?
            .iter()
            .filter(|mapping| mapping.readable && !mapping.shared)
            .filter(|mapping| of_file(&mapping.path.to_string_lossy()))
            .map(|mapping| (mapping.start.0, mapping.end.0))
            .collect();
        let mapped = process
            .mappings()?
            .iter()
            .map(|mapping| (mapping.start.0, mapping.end.0))
            .collect::<Vec<_>>();
        let (ranges, mapped) = (Ranges { there, files, ..Ranges::default() }, Mapped::new(mapped));
        Ok(Self { pages, python, collector, ranges, mapped })
    }

    /// Flips bits, and reads everything as `census --sessions` and `who` do. How many objects were
    /// found.
    pub fn read_flipped(&self, flips: u64, chance: &mut Chance) -> usize {
        let mut flipped = HashMap::new();
        for _ in 0..flips {
            let count = u64::try_from(self.ranges.there.len()).unwrap_or(1);
            let range = usize::try_from(chance.below(count)).unwrap_or(0);
            let (start, end) = self.ranges.there[range];
            let bit = 1_u8 << chance.below(8);
            flipped.insert(start + chance.below(end - start), bit);
        }
        let mut places: Vec<u64> = flipped.keys().copied().collect();
        places.sort_unstable();
        let memory = Flipped { memory: self.pages.memory(), flips: flipped, places };
        self.read(&memory)
    }

    /// Whether it has more objects than so many.
    pub fn has_more_than(&self, most: usize) -> bool {
        self.view(self.pages.memory(), |view, cache| {
            let depth = Depth { most, ..Depth::default() };
            let heap = heap::read_heap(view, cache, self.collector.heads(), &[], depth);
            heap.objects.is_full() && heap.objects.len() == most
        })
    }

    /// Has something made of a memory that is this process's, or nearly.
    fn view<T: Default>(
        &self,
        memory: &dyn Memory,
        make: impl FnOnce(&View<'_>, &Cache<'_>) -> T,
    ) -> T {
        let survey = || self.ranges.clone();
        let cache = Cache::new(memory, &survey);
        let budget = Budget::for_heap_bytes(cache.size());
        let Some(objects) = heap::objects(self.python.version) else { return T::default() };
        let refcount = Refcount::for_minor(self.python.version.minor);
        let layout = &self.python.layout;
        let mapped = &self.mapped;
        make(&View { memory: &cache, layout, objects, refcount, mapped, budget: &budget }, &cache)
    }

    fn read(&self, memory: &dyn Memory) -> usize {
        self.view(memory, |view, cache| self.read_all(view, cache))
    }

    fn read_all(&self, view: &View<'_>, cache: &Cache<'_>) -> usize {
        let mut roots = heap::frames(view, &self.python);
        let more: Vec<Address> =
            roots.iter().flat_map(|root| &root.edges).map(|edge| edge.to).collect();
        let depth = Depth { graph: true, sums: true, pools: true, ..Depth::default() };
        let mut heap = heap::read_heap(view, cache, self.collector.heads(), &more, depth);
        heap::name_threads(view, &heap, &mut roots);
        roots.extend(heap::modules(view, &heap));
        let types = heap::histogram(&heap);
        let all = types.iter().map(|row| row.bytes).fold(0, u64::saturating_add);
        assert!(all <= self.mapped.bytes(), "{all} bytes of {}", self.mapped.bytes());
        let numbers: Vec<u32> = (0..).take(heap.objects.len()).step_by(97).collect();
        let objects = heap.bytes_of(view, &numbers);
        let held =
            Retainers::new(view, &heap, roots.clone(), self.python.code_type).with_values(true);
        let (groups, _) = held.groups(&objects, 50);
        let joined = heap::join(view, &heap, &held, blocks(&heap));
        let types: Vec<String> = types.iter().take(50).map(|class| class.name.clone()).collect();
        let retainers = heap::retainers_of(&heap, &held, &types, |_| Some(0));
        let _ = heap::find(view, &heap, "dict");
        let sessions = heap::sessions(view, &mut heap, roots, self.python.code_type);
        std::hint::black_box((joined.by_site(|_| true), retainers, groups, sessions, &heap.pools));
        heap.objects.len()
    }
}

/// Pretended blocks of two sites that some objects lie in, and that overlap where objects are near.
fn blocks(heap: &heap::Heap) -> Vec<LiveBlock> {
    let objects = heap.objects.iter().step_by(41).zip(0_u64..);
    let block = |address: u64, number: u64| LiveBlock {
        block: BlockRange { start: Address(address.saturating_sub(16)), size: 64 << (number % 8) },
        site: number % 2,
        born_ns: number,
        weight: 1,
    };
    objects.map(|(object, number)| block(object.address.0, number)).collect()
}
