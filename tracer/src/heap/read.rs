//! Reads a heap: the objects in the collector's lists, and what only they lead to.

mod anew;

use std::rc::Rc;

use super::blocks::{self, BlockVisitor, Next};
use super::cache::Cache;
use super::class::{Class, ClassId, Kind, flag};
use super::edge::{self, Edge, EdgeLabel};
use super::index::AddressMap;
use super::lists::HEAD;
use super::objects::{Heap, MOST, Objects, Sum};
use super::refcount::References;
use super::view::{Object, View, word_at};
use super::{containers, length, lists, pools, size, surplus};
use crate::model::Address;
use anew::Ahead;

/// What is to be known of a heap besides its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Which leads to which, at four bytes a reference.
    pub graph: bool,
    /// How many references lead to each object, and how many it counts.
    pub references: bool,
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
        Self { graph: false, references: false, sums: false, pools: false, most: MOST }
    }
}

/// Most blocks of C that are read.
const CLAIMED: usize = 1 << 22;

/// Items of a container that grows often enough for its table to move while a heap is read.
const LARGE: u64 = 2048;
/// Bytes of a container itself, and of its table for each item, about.
const HEADER: u64 = 64;
const EACH: u64 = 32;

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
    let mut reader = Reader {
        view,
        cache,
        heap,
        depth,
        starts: Vec::new(),
        bytes: 0,
        claimed: AddressMap::default(),
        shared: Vec::new(),
        owner: None,
        late: Vec::new(),
        stale: Vec::new(),
        ahead: Ahead::default(),
        blocks_left: cache.size() / 8,
    };
    for &address in more {
        reader.follow(Edge { to: address, label: EdgeLabel::Member });
    }
    reader.spread();
    let mut heap = reader.heap;
    heap.graph.refer_late(reader.late);
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
    /// Words of the object that is being read that lead to no object: perhaps to blocks.
    starts: Vec<Address>,
    /// Bytes of the objects so far.
    bytes: u64,
    /// Blocks that were read.
    claimed: AddressMap<()>,
    /// What waits for the others: modules, by their number, with words that perhaps lead to blocks.
    shared: Vec<(u32, Vec<Address>)>,
    /// Which of them is being read.
    owner: Option<u32>,
    /// What may be in their blocks.
    late: Vec<(u32, u32)>,
    /// References of the object that is being read that lead to no object any more.
    stale: Vec<EdgeLabel>,
    /// Large containers that were read when they were met.
    ahead: Ahead,
    /// Words of blocks that may still be read.
    blocks_left: u64,
}

impl BlockVisitor for Reader<'_, '_> {
    fn word(&mut self, word: Address, hops: u8) -> Next {
        let Some(target) = self.follow(Edge { to: word, label: EdgeLabel::Inside { hops } }) else {
            return Next::Follow;
        };
        self.refer(target);
        match self.owner {
            _ if !self.depth.graph => {}
            Some(owner) => self.late.push((owner, target)),
            None => self.heap.graph.refer(target, false),
        }
        Next::Leave
    }

    fn claim(&mut self, block: Address) -> bool {
        // The head of a tracked object is no block of C.
        let is_head = block.offset(HEAD).is_some_and(|at| self.heap.objects.number(at).is_some());
        !is_head && self.claimed.len() < CLAIMED && self.claimed.insert(block.0, ()).is_none()
    }
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
                match self.shared.pop() {
                    Some((owner, starts)) => self.inside_shared(owner, starts),
                    None => return,
                }
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
        self.counted(number, object, &class);
        match self.ahead.take(number) {
            Some(edges) => edges.into_iter().for_each(|edge| self.reference(edge)),
            None => self.own_references(object, &class),
        }
        self.look_again(object, &class);
        self.inside(number, class.kind);
        if self.depth.sums {
            // Now, while its memory is at hand.
            self.sum(number, object, &class);
        }
    }

    fn own_references(&mut self, object: Object, class: &Class) {
        if class.kind.grows() {
            self.renew(object.address, class.kind);
        }
        let view = self.view;
        let left_out = edge::edges(view, object.address, class, &mut |edge| self.reference(edge));
        self.heap.skipped.references += left_out;
    }

    /// Reads a large container together with its table: what it was when its neighbour was read may lead to
    /// a table that is gone by now.
    fn renew(&self, object: Address, kind: Kind) {
        let large = || {
            let measured = length::measure(self.view, object, kind);
            measured.filter(|(items, _)| *items >= LARGE)
        };
        if large().is_none() {
            return;
        }
        self.cache.renew(object, HEADER);
        if let Some((items, table)) = large() {
            let mapped = self.cache.renew(table, items.saturating_mul(EACH));
            if !mapped.is_empty() {
                self.view.mapped.extend(mapped);
            }
        }
    }

    fn reference(&mut self, edge: Edge) {
        if edge.label == EdgeLabel::Weak {
            return;
        }
        let Some(target) = self.follow(edge) else {
            match edge.label {
                EdgeLabel::Word(_) => self.starts.push(edge.to),
                label if label.is_certain() => self.is_stale(label),
                _ => {}
            }
            return;
        };
        self.refer(target);
        if self.depth.graph {
            self.heap.graph.refer(target, edge.label.is_certain());
        }
    }

    /// One more reference leads to an object.
    fn refer(&mut self, target: u32) {
        if self.depth.references {
            let references = self.references_to(target);
            references.found = references.found.saturating_add(1);
        }
    }

    fn references_to(&mut self, number: u32) -> &mut References {
        let at = number as usize;
        if self.heap.references.len() <= at {
            self.heap.references.resize(at + 1, References::default());
        }
        &mut self.heap.references[at]
    }

    /// Takes down what an object counts, now, while what leads to it is read.
    fn counted(&mut self, number: u32, object: Object, class: &Class) {
        if self.depth.references && surplus::is_followed(class) {
            let counted = self.view.word(object.address, 0);
            let counted = counted.and_then(|word| self.view.refcount.count(word));
            self.references_to(number).counted =
                counted.and_then(|count| u32::try_from(count).ok());
        }
    }

    /// What the blocks that the object's struct leads to hold. Each block is read for the first object
    /// that leads to it: what many share (a connection) tells little. Modules come last: what their code
    /// keeps for all objects of its types may lead to what one of them holds.
    fn inside(&mut self, number: u32, kind: Kind) {
        let starts = std::mem::take(&mut self.starts);
        if starts.is_empty() {
            return;
        }
        match kind {
            Kind::Module => self.shared.push((number, starts)),
            _ => self.search(&starts),
        }
    }

    fn inside_shared(&mut self, owner: u32, starts: Vec<Address>) {
        self.owner = Some(owner);
        self.search(&starts);
        self.owner = None;
    }

    fn search(&mut self, starts: &[Address]) {
        if self.blocks_left > 0 {
            let words = blocks::search(self.view, starts, self);
            self.blocks_left = self.blocks_left.saturating_sub(words);
        }
    }

    fn sum(&mut self, number: u32, object: Object, class: &Class) {
        let left = self.view.mapped.bytes().saturating_sub(self.bytes);
        // What is read while it changes can be in two places: all of it is no more than there is.
        let bytes = size::shallow(self.view, object.address, class).filter(|bytes| *bytes <= left);
        let is_large = class.kind.grows() && bytes >= Some(containers::LEAST_BYTES);
        if is_large || containers::buffer(self.view, object.address, class).is_some() {
            self.heap.large.push(number);
        }
        self.bytes = self.bytes.saturating_add(bytes.unwrap_or(0));
        self.heap.skipped.sizes += u64::from(bytes.is_none());
        let class = object.class.0 as usize;
        if self.heap.sums.len() <= class {
            self.heap.sums.resize(class + 1, Sum::default());
        }
        let sum = &mut self.heap.sums[class];
        sum.count += 1;
        sum.tracked += u64::from((number as usize) < self.heap.objects.tracked());
        sum.bytes = sum.bytes.saturating_add(bytes.unwrap_or(0));
    }

    /// The number of the object that a reference leads to, if there is one.
    fn follow(&mut self, edge: Edge) -> Option<u32> {
        if let Some(known) = self.heap.objects.number(edge.to) {
            return Some(known);
        }
        let certain = edge.label.is_certain();
        let object = self.class_of(edge).map(|class| Object { address: edge.to, class });
        let met = object.filter(|object| certain || self.is_plausible(edge.to, object.class));
        let edges = met.map(|object| if certain { self.read_ahead(object) } else { Ok(None) });
        let (Some(object), Some(Ok(edges))) = (met, edges) else {
            self.heap.skipped.references += u64::from(certain);
            return None;
        };
        let (number, _) = self.heap.objects.enter(object)?;
        if let Some(edges) = edges {
            self.ahead.put(number, edges);
        }
        Some(number)
    }

    /// Whether what looks like an object that nothing certain leads to says so more than once: its size
    /// makes sense, and if it could be in the collector's lists, where it was not found, its head says
    /// that it is in none.
    fn is_plausible(&self, at: Address, class: ClassId) -> bool {
        let class = self.heap.classes.get(class);
        let untracked = class.flags & flag::GC == 0
            || at.0.checked_sub(HEAD).and_then(|head| self.view.memory.u64(Address(head)))
                == Some(0);
        untracked && size::shallow(self.view, at, class).is_some()
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
            // A word that only looks like one must not make up types.
            false if self.heap.objects.number(class).is_none() => self.heap.classes.known(class),
            false => self.heap.classes.at(self.view, class),
        }
    }
}
