//! Reads a heap: the objects in the collector's lists, and what only they lead to.

use std::rc::Rc;

use super::cache::Cache;
use super::class::{Class, ClassId};
use super::edge::{self, Edge, EdgeLabel};
use super::objects::{Heap, MOST, Objects, Sum};
use super::view::{Object, View, word_at};
use super::{lists, pools, size};
use crate::model::Address;

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

/// Reads a heap: what the collector's lists, which begin at `heads`, and the objects at `more` lead
/// to.
pub fn read_heap(
    view: &View<'_>,
    cache: &Cache<'_>,
    heads: impl Iterator<Item = Address>,
    more: &[Address],
    depth: Depth,
) -> Heap {
    let mut heap = Heap { objects: Objects::at_most(depth.most), ..Heap::default() };
    let objects = &mut heap.objects;
    let mut met = |object| objects.enter(object).is_some_and(|entered| entered.1);
    heap.skipped.torn_lists = lists::walk(view, cache, &mut heap.classes, heads, &mut met);
    heap.objects.end_tracked();
    let mut reader = Reader { view, cache, heap, depth };
    for &address in more {
        reader.follow(Edge { to: address, label: EdgeLabel::Member });
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
                self.follow(Edge { to: address, label: EdgeLabel::Class });
            }
            types = known;
        }
    }

    fn references(&mut self, at: usize) {
        let Ok(number) = u32::try_from(at) else { return };
        let object = self.heap.objects.object(number);
        let class = Rc::clone(self.heap.classes.get(object.class));
        if self.depth.graph {
            self.heap.graph.begin();
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
        if edge.label == EdgeLabel::Weak {
            return;
        }
        let Some(target) = self.follow(edge) else { return };
        if self.depth.graph {
            self.heap.graph.refer(target, edge.label.is_certain());
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
        sum.tracked += u64::from(at < self.heap.objects.tracked());
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
