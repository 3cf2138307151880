//! Retainers: the paths from roots to objects, grouped by shape and put into words.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::edge::Edge;
use super::label::Namer;
use super::objects::Heap;
use super::paths::{PathStep, Paths, Root, static_types};
use super::roots::Named;
use super::shape;
use super::view::{Object, View};
use crate::model::{Address, OutsideReferences, Reference, RetainerGroup, RootKind, Via};

/// Longest path through garbage that is shown.
const SHOWN: usize = 64;

/// A heap with the paths to all of its objects.
pub struct Retainers<'a> {
    namer: Namer<'a>,
    roots: Vec<Named>,
    paths: Paths,
    /// Made when a path through garbage is asked for.
    referrers: OnceCell<HashMap<u32, u32>>,
}

/// Roots with the numbers of what they hold.
fn numbered(heap: &Heap, roots: &[Named]) -> Vec<Root> {
    let numbers = |root: &Named, certain: bool| {
        let edges = root.edges.iter().filter(|edge| edge.label.is_certain() == certain);
        edges.filter_map(|edge: &Edge| heap.objects.number(edge.to)).collect()
    };
    let held = |root: &Named| Root {
        kind: root.kind,
        is_application: root.is_application,
        holds: numbers(root, true),
        may_hold: numbers(root, false),
    };
    roots.iter().map(held).collect()
}

/// For each root the first that is like it: threads that run the same function are alike, whatever they are called.
fn alike_roots(roots: &[Named]) -> Vec<u32> {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let alike = (0..).zip(roots).map(|(number, root)| match root.name.split_once(", frame ") {
        Some((_, function)) if root.kind == RootKind::Frame => {
            *known.entry(function).or_insert(number)
        }
        _ => number,
    });
    alike.collect()
}

impl<'a> Retainers<'a> {
    /// Finds the paths from `roots`. The heap must have been read with its graph.
    pub fn new(view: &'a View<'a>, heap: &'a Heap, roots: Vec<Named>, code_type: Address) -> Self {
        let paths = Paths::find(view, heap, &numbered(heap, &roots));
        Self {
            namer: Namer { view, heap, code_type, values: false },
            roots,
            paths,
            referrers: OnceCell::new(),
        }
    }

    /// Tells values of strings, too.
    #[must_use]
    pub fn with_values(mut self, values: bool) -> Self {
        self.namer.values = values;
        self
    }

    /// The paths to all objects.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Objects that a root holds, whether it was given or found.
    pub fn root_objects(&self) -> Vec<u32> {
        let heap = self.namer.heap;
        let found = (0..u32::try_from(heap.objects.len()).unwrap_or(0))
            .filter(|number| matches!(self.paths.step(*number), Some(PathStep::Root(_))));
        let given = numbered(heap, &self.roots);
        let held = given.iter().flat_map(|root| root.holds.iter().chain(&root.may_hold));
        held.copied().chain(static_types(heap)).chain(found).collect()
    }

    /// What holds these objects, given with their bytes, most first: at most `top` groups, and how
    /// many more there are.
    pub fn groups(&self, objects: &[(u32, u64)], top: usize) -> (Vec<RetainerGroup>, u64) {
        let roots = alike_roots(&self.roots);
        let paths = (&self.paths, &roots[..]);
        let alike = shape::groups(self.namer.view, self.namer.heap, paths, objects);
        let more = u64::try_from(alike.len().saturating_sub(top)).unwrap_or(u64::MAX);
        let groups = alike.iter().take(top).map(|alike| {
            let (root, root_name, path) = self.path(alike.example);
            let outside = (root == RootKind::Native).then(|| self.outside(alike.example)).flatten();
            let (count, bytes) = (alike.count, alike.bytes);
            RetainerGroup { count, bytes, root, root_name, outside, path }
        });
        (groups.collect(), more)
    }

    /// References to the first object on the path to one; `None` where it cannot be read or is never freed.
    fn outside(&self, number: u32) -> Option<OutsideReferences> {
        let first = *self.paths.way(number).1.first()?;
        let Namer { view, heap, .. } = self.namer;
        let referenced = self.paths.referenced();
        Some(OutsideReferences {
            address: heap.objects.object(first).address,
            counted: referenced.counted(view, heap, first)?,
            found: referenced.found(first),
            pointers: None,
        })
    }

    fn path(&self, number: u32) -> (RootKind, String, Vec<Reference>) {
        let (root, way) = self.paths.way(number);
        let way: Vec<Object> = way.iter().map(|at| self.namer.heap.objects.object(*at)).collect();
        let Some(root) = root else {
            let (first, path) = self.cycle(number);
            return (RootKind::Garbage, self.words(first), path);
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
        let object = self.namer.heap.objects.object(number);
        let reference = self.namer.reference(Via::Gone, true, object);
        match reference.detail {
            Some(detail) => {
                format!("{} {} at {}", reference.class, detail.notation(), reference.address)
            }
            None => format!("{} at {}", reference.class, reference.address),
        }
    }

    /// A path that leads to garbage from other garbage, back to what is met a second time, and
    /// where it begins.
    fn cycle(&self, number: u32) -> (u32, Vec<Reference>) {
        let referrers = self.referrers.get_or_init(|| self.referrers_of_garbage());
        let mut way = vec![number];
        let mut at = number;
        while way.len() < SHOWN {
            let Some(&before) = referrers.get(&at) else { break };
            way.push(before);
            if way[..way.len() - 1].contains(&before) {
                break;
            }
            at = before;
        }
        way.reverse();
        let first = way.first().copied().unwrap_or(number);
        let way: Vec<Object> = way.iter().map(|at| self.namer.heap.objects.object(*at)).collect();
        (first, self.namer.way(&way, None))
    }

    /// For each object that no root leads to one that refers to it, if there is any; itself last.
    fn referrers_of_garbage(&self) -> HashMap<u32, u32> {
        let heap = self.namer.heap;
        let mut referrers = HashMap::new();
        for number in 0..u32::try_from(heap.objects.len()).unwrap_or(0) {
            if self.paths.step(number).is_some() {
                continue;
            }
            for (target, certain) in heap.graph.references_of(number) {
                if certain && target != number && self.paths.step(target).is_none() {
                    referrers.entry(target).or_insert(number);
                }
            }
        }
        referrers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_run_the_same_function_are_alike() {
        let root = |kind, name: &str| Named {
            kind,
            name: name.into(),
            thread: None,
            is_application: false,
            edges: Vec::new(),
        };
        let roots = [
            root(RootKind::Module, "module a, frame x"),
            root(RootKind::Frame, "thread 7 (Thread-1), frame watch (a.py:5)"),
            root(RootKind::Module, "module b, frame x"),
            root(RootKind::Frame, "thread 9 (Thread-2), frame watch (a.py:5)"),
            root(RootKind::Frame, "thread 9 (Thread-2), frame run (a.py:5)"),
        ];
        assert_eq!(alike_roots(&roots), [0, 1, 2, 1, 4]);
    }
}
