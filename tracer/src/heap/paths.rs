//! Shortest paths from the roots of a heap to its objects.
//!
//! A path that lasts is worth more than a short one. So the search goes in turns, and each names only what none
//! before it led to:
//!
//! 1. what modules and static types retain: globals, class attributes;
//! 2. what running frames of the application's own functions have in local variables;
//! 3. what suspended coroutines, generators and frame objects have, that these lead to;
//! 4. what the other running frames have, libraries' and the standard library's;
//! 5. what event loops have: sockets, timers and callbacks lead to nearly all that a server has, and tell little of it.
//!
//! A local variable is read while its thread runs on, and may be gone when its name is asked for.

use std::collections::VecDeque;

use super::class::{Class, Kind};
use super::graph::Graph;
use super::objects::Heap;
use super::view::{Object, View};
use crate::model::{Address, RootKind};

/// No path is known.
const NONE: u32 = u32::MAX;
/// In a step: the object is retained by the root with the number in the other bits.
const ROOT: u32 = 1 << 31;

/// What an object was reached from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// A root, by its number among those given to [`Paths::find`]; those behind them hold what is
    /// found here.
    Root(u32),
    /// Another object.
    Object(u32),
}

/// Objects that a root holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What it is.
    pub kind: RootKind,
    /// Of a frame, whether it runs the application's own code.
    pub is_application: bool,
    /// The objects.
    pub holds: Vec<u32>,
    /// Objects that it perhaps holds.
    pub may_hold: Vec<u32>,
}

/// For each object the step before it on a shortest path from a root.
#[derive(Clone, Debug)]
pub struct Paths {
    steps: Vec<u32>,
    /// Kinds of all roots, those that were found behind those that were given.
    kinds: Vec<RootKind>,
    referenced: Referenced,
}

impl Paths {
    /// Searches from `roots` on: over certain references first, from types written in C next, then
    /// over what may be references. What is still not reached, but counts more references than
    /// there are, is held by something in C; the rest is garbage, if all objects were seen.
    pub fn find(view: &View<'_>, heap: &Heap, roots: &[Root]) -> Self {
        let classes: Vec<Wait> = heap.classes.all().iter().map(|class| Wait::of(class)).collect();
        let waits = |object: Object| classes[object.class.0 as usize];
        let mut search = Search::new(&heap.graph, heap.objects.iter().map(waits).collect());
        search.certain(roots, &static_types(heap));
        search.again();
        for (number, root) in (0..).zip(roots) {
            for &held in &root.may_hold {
                search.reach(held, number | ROOT);
            }
        }
        search.spread(Certainty::Any);
        let referenced = Referenced::count(heap, roots);
        for held in held_from_outside(view, heap, &search, &referenced) {
            search.root(RootKind::Native, &[held]);
        }
        search.spread(Certainty::Only);
        search.again();
        search.spread(Certainty::Any);
        if heap.skipped.torn_lists > 0 {
            // What leads to the rest may be among the objects that were missed.
            search.root(RootKind::Native, &search.unreached());
        }
        Self { steps: search.steps, kinds: search.kinds, referenced }
    }

    /// How many references to each object were found, those of the given roots among them.
    pub fn referenced(&self) -> &Referenced {
        &self.referenced
    }

    /// How an object was reached; `None` for garbage.
    pub fn step(&self, number: u32) -> Option<PathStep> {
        match *self.steps.get(number as usize)? {
            NONE => None,
            step if step & ROOT != 0 => Some(PathStep::Root(step & !ROOT)),
            step => Some(PathStep::Object(step)),
        }
    }

    /// The path to an object: the number of its root, if it has one, and the objects from the root
    /// on.
    pub fn way(&self, number: u32) -> (Option<u32>, Vec<u32>) {
        let mut way = vec![number];
        let mut at = number;
        let root = loop {
            match self.step(at) {
                Some(PathStep::Object(before)) if way.len() < self.steps.len() => {
                    way.push(before);
                    at = before;
                }
                Some(PathStep::Root(root)) => break Some(root),
                _ => break None,
            }
        };
        way.reverse();
        (root, way)
    }

    /// What a root is.
    pub fn kind(&self, root: u32) -> RootKind {
        self.kinds.get(root as usize).copied().unwrap_or(RootKind::Native)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Certainty {
    Only,
    Any,
}

/// Until when what an object leads to has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    No,
    /// It has local variables of a call that goes on later.
    Suspended,
    /// It is an event loop, or what tells it of sockets.
    Loop,
}

impl Wait {
    fn of(class: &Class) -> Self {
        let name = class.name.as_str();
        match class.kind {
            Kind::Frame | Kind::Generator => Self::Suspended,
            Kind::Plain | Kind::Opaque if name.ends_with("EventLoop") => Self::Loop,
            Kind::Plain if name.starts_with("selectors.") && name.ends_with("Selector") => {
                Self::Loop
            }
            Kind::Opaque if matches!(name, "uvloop.Loop" | "uvloop.loop.Loop") => Self::Loop,
            _ => Self::No,
        }
    }
}

struct Search<'a> {
    graph: &'a Graph,
    steps: Vec<u32>,
    kinds: Vec<RootKind>,
    open: VecDeque<u32>,
    /// Of each object.
    waits: Vec<Wait>,
    /// Those for which it is not yet time.
    waiting: Vec<u32>,
    turn: Wait,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, waits: Vec<Wait>) -> Self {
        let steps = vec![NONE; waits.len()];
        let (kinds, open, waiting) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { graph, steps, kinds, open, waits, waiting, turn: Wait::No }
    }

    /// Reaches all that `roots` and static types lead to over certain references.
    fn certain(&mut self, roots: &[Root], static_types: &[u32]) {
        let is_lasting = |root: &Root| root.kind != RootKind::Frame;
        self.kinds = roots.iter().map(|root| root.kind).collect();
        self.held_by(roots, is_lasting);
        self.spread(Certainty::Only);
        self.root(RootKind::StaticType, static_types);
        self.spread(Certainty::Only);
        self.held_by(roots, |root| !is_lasting(root) && root.is_application);
        self.spread(Certainty::Only);
        self.go_on(Wait::Suspended);
        self.held_by(roots, |root| !is_lasting(root) && !root.is_application);
        self.spread(Certainty::Only);
        self.go_on(Wait::Loop);
    }

    /// From now on what waited until this turn is opened.
    fn go_on(&mut self, turn: Wait) {
        self.turn = turn;
        self.open.extend(std::mem::take(&mut self.waiting));
        self.spread(Certainty::Only);
    }

    /// Reaches what some of the given roots hold.
    fn held_by(&mut self, roots: &[Root], wanted: impl Fn(&Root) -> bool) {
        for (number, root) in (0..ROOT).zip(roots).filter(|(_, root)| wanted(root)) {
            root.holds.iter().for_each(|held| self.reach(*held, number | ROOT));
        }
    }

    /// One more root.
    fn root(&mut self, kind: RootKind, holds: &[u32]) {
        let Some(number) = u32::try_from(self.kinds.len()).ok().filter(|number| *number < !ROOT)
        else {
            return;
        };
        self.kinds.push(kind);
        for &held in holds {
            self.reach(held, number | ROOT);
        }
    }

    fn reach(&mut self, number: u32, step: u32) {
        if let Some(known @ &mut NONE) = self.steps.get_mut(number as usize) {
            *known = step;
            self.open.push_back(number);
        }
    }

    fn unreached(&self) -> Vec<u32> {
        let steps = self.steps.iter().zip(0..);
        steps.filter(|(step, _)| **step == NONE).map(|(_, number)| number).collect()
    }

    fn spread(&mut self, certainty: Certainty) {
        let graph = self.graph;
        while let Some(at) = self.open.pop_front() {
            if self.waits.get(at as usize).is_some_and(|wait| *wait > self.turn) {
                self.waiting.push(at);
                continue;
            }
            for (target, certain) in graph.references_of(at) {
                if certain || certainty == Certainty::Any {
                    self.reach(target, at);
                }
            }
        }
    }

    /// Opens everything that was reached, once more.
    fn again(&mut self) {
        let reached = self.steps.iter().zip(0..).filter(|(step, _)| **step != NONE);
        self.open = reached.map(|(_, number)| number).collect();
    }
}

/// Types that the collector does not track.
pub fn static_types(heap: &Heap) -> Vec<u32> {
    let types = heap.classes.all().iter().filter_map(|class| heap.objects.number(class.address));
    types.filter(|&number| number as usize >= heap.objects.tracked()).collect()
}

/// How many references to each object were found.
#[derive(Clone, Debug)]
pub struct Referenced(Vec<u32>);

impl Referenced {
    /// Those of other objects and of `roots`, certain or not.
    pub fn count(heap: &Heap, roots: &[Root]) -> Self {
        let mut found = vec![0_u32; heap.objects.len()];
        let mut count = |target: u32| {
            if let Some(found) = found.get_mut(target as usize) {
                *found = found.saturating_add(1);
            }
        };
        for number in 0..u32::try_from(heap.objects.len()).unwrap_or(0) {
            heap.graph.references_of(number).for_each(|(target, _)| count(target));
        }
        roots
            .iter()
            .flat_map(|root| root.holds.iter().chain(&root.may_hold))
            .for_each(|&target| count(target));
        Self(found)
    }

    /// So many were found.
    pub fn found(&self, number: u32) -> u64 {
        self.0.get(number as usize).map_or(0, |found| u64::from(*found))
    }

    /// So many it counts; `None` of one that is never freed (immortal), or cannot be read.
    pub fn counted(&self, view: &View<'_>, heap: &Heap, number: u32) -> Option<u64> {
        let address: Address = heap.objects.object(number).address;
        view.word(address, 0).and_then(|word| view.refcount.count(word))
    }
}

/// Objects that were not reached and count more references than were found. One that is never freed is held
/// by the interpreter. One that counts none was freed while the heap was read: what it led to may have moved to where
/// nobody looked for it any more.
fn held_from_outside(
    view: &View<'_>,
    heap: &Heap,
    search: &Search<'_>,
    referenced: &Referenced,
) -> Vec<u32> {
    let unreached = search.unreached().into_iter();
    let is_beyond = |number: &u32| {
        let counted = referenced.counted(view, heap, *number);
        is_held_outside(counted, referenced.found(*number))
    };
    unreached.filter(is_beyond).collect()
}

/// The same of one object; what it counts is `None` where it is never freed or cannot be read.
fn is_held_outside(counted: Option<u64>, found: u64) -> bool {
    counted.is_none_or(|counted| counted == 0 || counted > found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_counts_just_the_references_that_were_found_is_garbage() {
        assert!(!is_held_outside(Some(2), 2) && !is_held_outside(Some(1), 2));
        assert!(is_held_outside(Some(3), 2) && is_held_outside(None, 2));
        assert!(is_held_outside(Some(0), 0) && is_held_outside(Some(0), 1), "freed meanwhile");
    }

    /// References between seven objects.
    fn graph(references: &[(u32, u32)]) -> Graph {
        let mut graph = Graph::default();
        for number in 0..7 {
            graph.begin();
            let own = references.iter().filter(|(from, _)| *from == number);
            own.for_each(|(_, to)| graph.refer(*to, true));
        }
        graph
    }

    /// What certain references lead to; object 5 is a coroutine.
    fn searched<'a>(graph: &'a Graph, roots: &[Root]) -> Search<'a> {
        let wait = |number| if number == 5 { Wait::Suspended } else { Wait::No };
        let mut search = Search::new(graph, (0..7).map(wait).collect());
        search.certain(roots, &[]);
        search
    }

    fn reached_from(references: &[(u32, u32)], roots: &[Root]) -> Vec<Option<u32>> {
        let graph = graph(references);
        let search = searched(&graph, roots);
        let paths =
            Paths { steps: search.steps, kinds: search.kinds, referenced: Referenced(Vec::new()) };
        (0..7).map(|number| paths.way(number).0).collect()
    }

    fn root(kind: RootKind, is_application: bool, holds: &[u32]) -> Root {
        Root { kind, is_application, holds: holds.to_vec(), may_hold: Vec::new() }
    }

    fn frame(is_application: bool, holds: &[u32]) -> Root {
        root(RootKind::Frame, is_application, holds)
    }

    /// However short the path through a local variable is.
    #[test]
    fn what_a_module_retains_is_reached_from_the_module() {
        let chain = [(0, 1), (1, 2), (2, 3)];
        let roots = [frame(true, &[3, 4]), root(RootKind::Module, false, &[0])];
        let reached = reached_from(&chain, &roots);
        assert_eq!(reached[3], Some(1));
        assert_eq!(reached[4], Some(0), "only the frame has it");
    }

    #[test]
    fn the_frame_of_the_application_is_named_before_those_of_libraries() {
        let roots = [frame(false, &[2]), frame(true, &[0]), frame(false, &[4])];
        let reached = reached_from(&[(0, 1), (1, 2)], &roots);
        assert_eq!(reached[2], Some(1));
        assert_eq!(reached[4], Some(2), "only the library has it");
    }

    /// A module leads to the loop, which leads to the object through a shorter path than the frame of a library does.
    #[test]
    fn event_loops_come_last() {
        let graph = graph(&[(0, 1), (1, 6), (2, 3), (3, 4), (4, 6)]);
        let roots = [root(RootKind::Module, false, &[0]), frame(false, &[2])];
        let wait = |number| if number == 1 { Wait::Loop } else { Wait::No };
        let mut search = Search::new(&graph, (0..7).map(wait).collect());
        search.certain(&roots, &[]);
        assert_eq!((search.steps[6], search.steps[1]), (4, 0));
    }

    /// A module leads to a coroutine with the object; so does a frame of the application, and one of a library.
    #[test]
    fn variables_of_coroutines_come_before_those_of_libraries_only() {
        let module = root(RootKind::Module, false, &[0]);
        let references = [(0, 5), (5, 6), (1, 2), (2, 6)];
        for (is_application, expected) in [(true, 1), (false, 0)] {
            let roots = [module.clone(), frame(is_application, &[1])];
            assert_eq!(reached_from(&references, &roots)[6], Some(expected));
        }
        let certain = [(0, 5), (5, 6), (0, 1), (1, 2), (2, 3), (3, 6)];
        let graph = graph(&certain);
        assert_eq!(searched(&graph, &[module]).steps[6], 3, "not the coroutine");
    }
}
