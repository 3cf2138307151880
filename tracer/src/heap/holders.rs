//! Who holds objects: their ways from the roots, sorted by shape and put into words.

use std::collections::{HashMap, VecDeque};

use super::edge::Edge;
use super::label::Namer;
use super::objects::Heap;
use super::paths::{Paths, Root};
use super::roots::Named;
use super::shape;
use super::view::{Object, View};
use crate::model::{Address, HolderGroup, Reference, RootKind};

/// Longest way round that is told.
const SHOWN: usize = 64;
/// Longest way round that is looked for in garbage.
const CYCLE: usize = 100_000;

/// A heap with the ways to all of its objects.
pub struct Held<'a> {
    namer: Namer<'a>,
    roots: Vec<Named>,
    paths: Paths,
}

impl<'a> Held<'a> {
    /// Finds the ways from `roots`. The heap must have been read with its graph.
    pub fn new(view: &'a View<'a>, heap: &'a Heap, roots: Vec<Named>, code_type: Address) -> Self {
        let numbers = |root: &Named, certain: bool| {
            let edges = root.edges.iter().filter(|edge| edge.label.is_certain() == certain);
            edges.filter_map(|edge: &Edge| heap.objects.number(edge.to)).collect()
        };
        let held = |root: &Named| Root {
            kind: root.kind,
            holds: numbers(root, true),
            may_hold: numbers(root, false),
        };
        let given: Vec<Root> = roots.iter().map(held).collect();
        let paths = Paths::find(view, heap, &given);
        Self { namer: Namer { view, heap, code_type, values: false }, roots, paths }
    }

    /// Tells values of strings, too.
    #[must_use]
    pub fn with_values(mut self, values: bool) -> Self {
        self.namer.values = values;
        self
    }

    /// The ways to all objects.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// What holds these objects, given with their bytes, most first: at most `top` groups, and how many more there are.
    pub fn groups(&self, objects: &[(u32, u64)], top: usize) -> (Vec<HolderGroup>, u64) {
        let alike = shape::groups(self.namer.view, self.namer.heap, &self.paths, objects);
        let more = u64::try_from(alike.len().saturating_sub(top)).unwrap_or(u64::MAX);
        let groups = alike.iter().take(top).map(|alike| {
            let (root, root_name, chain) = self.chain(alike.example);
            HolderGroup { count: alike.count, bytes: alike.bytes, root, root_name, chain }
        });
        (groups.collect(), more)
    }

    fn chain(&self, number: u32) -> (RootKind, String, Vec<Reference>) {
        let (root, way) = self.paths.way(number);
        let way: Vec<Object> = way.iter().map(|at| self.namer.heap.objects.get(*at)).collect();
        let Some(root) = root else {
            let chain = self.cycle(number);
            return (RootKind::Garbage, self.words(number), chain);
        };
        let kind = self.paths.kind(root);
        let named = self.roots.get(root as usize);
        let edge = named.and_then(|named| {
            let mut edges = named.edges.iter();
            edges.find(|edge| Some(edge.to) == way.first().map(|object| object.address))
        });
        let (name, first) = match (kind, named, edge) {
            (RootKind::Frame, Some(named), Some(edge)) => {
                (named.name.clone(), way.first().map(|object| (edge.label, *object)))
            }
            (_, Some(named), _) => (named.name.clone(), None),
            (_, None, _) => {
                let first =
                    way.first().and_then(|object| self.namer.heap.objects.number(object.address));
                (first.map_or(String::new(), |first| self.words(first)), None)
            }
        };
        (kind, name, self.namer.way(&way, first))
    }

    /// An object by its type and address.
    fn words(&self, number: u32) -> String {
        let object = self.namer.heap.objects.get(number);
        let reference = self.namer.reference(String::new(), true, object);
        match reference.detail {
            Some(detail) => format!("{} {detail} at {}", reference.class, reference.address),
            None => format!("{} at {}", reference.class, reference.address),
        }
    }

    /// The shortest way from garbage back to itself.
    fn cycle(&self, number: u32) -> Vec<Reference> {
        let graph = &self.namer.heap.graph;
        let mut before = HashMap::new();
        let mut open = VecDeque::from([number]);
        while let Some(at) = open.pop_front() {
            for (target, _) in graph.of(at) {
                if target == number {
                    return self.back(at, number, &before);
                }
                let new = self.paths.step(target).is_none() && !before.contains_key(&target);
                if new && before.len() < CYCLE {
                    before.insert(target, at);
                    open.push_back(target);
                }
            }
        }
        Vec::new()
    }

    fn back(&self, last: u32, number: u32, before: &HashMap<u32, u32>) -> Vec<Reference> {
        let mut way = vec![number, last];
        let mut at = last;
        while at != number && way.len() < 2 * SHOWN {
            let Some(&next) = before.get(&at) else { break };
            way.push(next);
            at = next;
        }
        if last == number {
            way.truncate(2);
        }
        way.reverse();
        let way: Vec<Object> = way.iter().map(|at| self.namer.heap.objects.get(*at)).collect();
        self.namer.way(&way, None)
    }
}
