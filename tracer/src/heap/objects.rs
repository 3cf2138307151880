//! All objects of a heap: those in the collector's lists, and what only they lead to.

use std::rc::Rc;

use super::cache::Cache;
use super::class::{Class, ClassId};
use super::classes::Classes;
use super::edge::{self, Edge, Label};
use super::index::Index;
use super::lists;
use super::pools;
use super::size;
use super::view::{Object, View, word_at};
use crate::model::{Address, PoolUse};

/// Most objects that are kept, as many as [`Graph`] can number.
const MOST: usize = (1 << 30) - 1;

/// Objects by number: first those that the collector tracks.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    addresses: Vec<Address>,
    classes: Vec<ClassId>,
    tracked: usize,
    index: Index,
    /// Most that are kept.
    most: usize,
    /// Whether there were more.
    full: bool,
}

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Lists of the collector of which a part could not be followed.
    pub torn_lists: u64,
    /// References that led to no object, or could not be read.
    pub references: u64,
    /// Objects whose size made no sense.
    pub sizes: u64,
    /// Places where a pool could be that were too many to be looked at.
    pub pools: u64,
}

/// A heap, read.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    /// Its objects.
    pub objects: Objects,
    /// Their types.
    pub classes: Classes,
    /// Which leads to which, if that was wanted.
    pub graph: Graph,
    /// Sums for each type, by its number, if those were wanted.
    pub sums: Vec<Sum>,
    /// How full the pools of its allocator are, if that was wanted and there are any.
    pub pools: Option<PoolUse>,
    /// What was left out.
    pub skipped: Skipped,
}

/// Objects of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How many of them the collector tracks.
    pub tracked: u64,
    /// Their shallow bytes.
    pub bytes: u64,
}

/// What is to be known of a heap besides its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Which leads to which, at four bytes a reference.
    pub graph: bool,
    /// Sums for each type.
    pub sums: bool,
    /// How full the pools of the allocator are.
    pub pools: bool,
    /// Most objects that are kept: what is read of a heap with more of them is not the whole.
    pub most: usize,
}

impl Default for Depth {
    /// Objects alone, as many as there are.
    fn default() -> Self {
        Self { graph: false, sums: false, pools: false, most: MOST }
    }
}

/// References between objects, by their numbers: those of object `i` are `targets[starts[i]..starts[i + 1]]`.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

/// In a target: this may be no reference.
const UNCERTAIN: u32 = 1 << 31;

impl Graph {
    /// What an object refers to: number, and whether that is certain.
    pub fn of(&self, number: u32) -> impl Iterator<Item = (u32, bool)> + '_ {
        let at = |index: usize| {
            self.starts.get(index).map_or(self.targets.len(), |start| *start as usize)
        };
        let (from, to) = (at(number as usize), at(number as usize + 1));
        let targets = self.targets.get(from..to).unwrap_or(&[]);
        targets.iter().map(|target| (target & !UNCERTAIN, target & UNCERTAIN == 0))
    }

    /// Of `count` objects those that `through` lead to and that cannot be reached from `roots` otherwise:
    /// what would be free if `through` were.
    pub fn only_through(&self, count: usize, through: &[u32], roots: &[u32]) -> Vec<u32> {
        let mut barred = vec![false; count];
        for &number in through {
            if let Some(barred) = barred.get_mut(number as usize) {
                *barred = true;
            }
        }
        self.spread(&mut barred, roots);
        // What was not reached is barred no longer, so that what `through` lead to is found among it.
        let reached = barred;
        let mut kept = reached.clone();
        for &number in through {
            if let Some(kept) = kept.get_mut(number as usize) {
                *kept = false;
            }
        }
        self.spread(&mut kept, through);
        let barred: std::collections::HashSet<u32> = through.iter().copied().collect();
        let new = |number: &u32| {
            let at = *number as usize;
            kept[at] && (!reached[at] || barred.contains(number))
        };
        (0..u32::try_from(count).unwrap_or(0)).filter(new).collect()
    }

    /// Marks all that `from` lead to, except through what is marked already.
    fn spread(&self, marked: &mut [bool], from: &[u32]) {
        let mut open: Vec<u32> = Vec::new();
        let mut mark = |number: u32, open: &mut Vec<u32>| {
            if let Some(mark) = marked.get_mut(number as usize)
                && !std::mem::replace(mark, true)
            {
                open.push(number);
            }
        };
        from.iter().for_each(|&number| mark(number, &mut open));
        while let Some(at) = open.pop() {
            self.of(at).for_each(|(target, _)| mark(target, &mut open));
        }
    }
}

impl Objects {
    /// How many.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there were more than could be kept.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// How many of them the collector tracks: those with the lowest numbers.
    pub fn tracked(&self) -> usize {
        self.tracked
    }

    /// An object.
    pub fn get(&self, number: u32) -> Object {
        let index = number as usize;
        Object { address: self.addresses[index], class: self.classes[index] }
    }

    /// The number of the object at an address.
    pub fn number(&self, address: Address) -> Option<u32> {
        self.index.get(address)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = Object> + '_ {
        let pairs = self.addresses.iter().zip(&self.classes);
        pairs.map(|(&address, &class)| Object { address, class })
    }

    /// Enters an object; its number, and whether it is new. `None` when there is no room.
    fn enter(&mut self, object: Object) -> Option<(u32, bool)> {
        if let Some(known) = self.index.get(object.address) {
            return Some((known, false));
        }
        if self.len() >= self.most.min(MOST) {
            self.full = true;
            return None;
        }
        let number = u32::try_from(self.len()).ok()?;
        self.index.enter(object.address, number);
        self.addresses.push(object.address);
        self.classes.push(object.class);
        Some((number, true))
    }
}

/// Reads a heap: what the collector's lists, which begin at `heads`, and the objects at `more` lead to.
pub fn read(
    view: &View<'_>,
    cache: &Cache<'_>,
    heads: impl Iterator<Item = Address>,
    more: &[Address],
    depth: Depth,
) -> Heap {
    let mut heap = Heap::default();
    heap.objects.most = depth.most;
    let objects = &mut heap.objects;
    let mut met = |object| objects.enter(object).is_some_and(|entered| entered.1);
    heap.skipped.torn_lists = lists::walk(view, cache, &mut heap.classes, heads, &mut met);
    heap.objects.tracked = heap.objects.len();
    let mut reader = Reader { view, cache, heap, depth };
    for &address in more {
        reader.follow(Edge { to: address, label: Label::Member });
    }
    reader.spread();
    let mut heap = reader.heap;
    if depth.pools {
        (heap.pools, heap.skipped.pools) = pools::usage(view, cache, &heap);
    }
    heap
}

struct Reader<'a, 'v> {
    view: &'a View<'v>,
    cache: &'a Cache<'v>,
    heap: Heap,
    depth: Depth,
}

impl Reader<'_, '_> {
    /// Follows the references of every object, and of those that this finds.
    fn spread(&mut self) {
        let (mut at, mut types) = (0, 0);
        loop {
            while at < self.heap.objects.len() {
                self.references(at);
                at += 1;
            }
            // Types that are no objects of the heap (written in C) hold objects as well.
            let known = self.heap.classes.all().len();
            if types == known {
                return;
            }
            for class in types..known {
                let address = self.heap.classes.all()[class].address;
                self.follow(Edge { to: address, label: Label::Class });
            }
            types = known;
        }
    }

    fn references(&mut self, at: usize) {
        let Ok(number) = u32::try_from(at) else { return };
        let object = self.heap.objects.get(number);
        let class = Rc::clone(self.heap.classes.get(object.class));
        if self.depth.graph {
            let start = self.heap.graph.targets.len();
            self.heap.graph.starts.push(u32::try_from(start).unwrap_or(u32::MAX));
        }
        let view = self.view;
        let left_out = edge::edges(view, object.address, &class, &mut |edge| self.reference(edge));
        self.heap.skipped.references += left_out;
        if self.depth.sums {
            // Now, while its memory is at hand.
            self.sum(at, object, &class);
        }
    }

    fn reference(&mut self, edge: Edge) {
        if edge.label == Label::Weak {
            return;
        }
        let Some(target) = self.follow(edge) else { return };
        let targets = &mut self.heap.graph.targets;
        if self.depth.graph && targets.len() < u32::MAX as usize {
            targets.push(target | if edge.label.is_certain() { 0 } else { UNCERTAIN });
        }
    }

    fn sum(&mut self, at: usize, object: Object, class: &Class) {
        let bytes = size::shallow(self.view, object.address, class);
        self.heap.skipped.sizes += u64::from(bytes.is_none());
        let class = object.class.0 as usize;
        if self.heap.sums.len() <= class {
            self.heap.sums.resize(class + 1, Sum::default());
        }
        let sum = &mut self.heap.sums[class];
        sum.count += 1;
        sum.tracked += u64::from(at < self.heap.objects.tracked);
        sum.bytes = sum.bytes.saturating_add(bytes.unwrap_or(0));
    }

    /// The number of the object that a reference leads to, if there is one.
    fn follow(&mut self, edge: Edge) -> Option<u32> {
        if let Some(known) = self.heap.objects.number(edge.to) {
            return Some(known);
        }
        let class = self.class_of(edge);
        if class.is_none() && edge.label.is_certain() {
            self.heap.skipped.references += 1;
        }
        let object = Object { address: edge.to, class: class? };
        self.heap.objects.enter(object).map(|entered| entered.0)
    }

    fn class_of(&mut self, edge: Edge) -> Option<ClassId> {
        if !edge.to.0.is_multiple_of(8)
            || (!edge.label.is_certain() && !self.cache.is_there(edge.to))
        {
            return None;
        }
        let mut head = [0; 16];
        if !self.view.memory.read(edge.to, &mut head) {
            return None;
        }
        let (refcount, class) = (word_at(&head, 0), Address(word_at(&head, 8)));
        if !self.view.refcount.is_alive(refcount) {
            return None;
        }
        match edge.label.is_certain() {
            true => self.heap.classes.at(self.view, class),
            false => self.heap.classes.known(class),
        }
    }
}

impl Heap {
    /// Shallow bytes of an object; 0, and counted, when they make no sense.
    pub fn bytes(&mut self, view: &View<'_>, number: u32) -> u64 {
        let object = self.objects.get(number);
        let bytes = size::shallow(view, object.address, self.classes.get(object.class));
        self.skipped.sizes += u64::from(bytes.is_none());
        bytes.unwrap_or(0)
    }
}
