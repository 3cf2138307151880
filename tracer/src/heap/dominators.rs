//! Which object alone retains which: the dominator tree of a graph of references.
//!
//! An object dominates those that no path from a root reaches without it, so that they would be free if it
//! were. The tree is found with the Semi-NCA algorithm (L. Georgiadis, *Linear-Time Algorithms for Dominators and Related
//! Problems*, Princeton 2005, chapter 2), in nearly linear time for the graphs that occur.

use super::graph::Graph;

/// No object.
const NONE: u32 = u32::MAX;
/// The root of all roots, in preorder.
const TOP: u32 = 0;

/// The dominator tree of what roots lead to.
#[derive(Clone, Debug)]
pub struct Dominators {
    /// Objects in the order of a depth-first search; the first stands for all roots.
    order: Vec<u32>,
    /// For each of them the place in `order` of what dominates it next; a smaller one.
    dominators: Vec<u32>,
}

/// A depth-first search.
struct Search {
    order: Vec<u32>,
    /// Places of objects in `order`.
    places: Vec<u32>,
    /// For each place that of the parent.
    parents: Vec<u32>,
}

/// Who refers to what: those who refer to place `i` are `from[starts[i]..starts[i + 1]]`, all as places.
struct Referrers {
    starts: Vec<u32>,
    from: Vec<u32>,
}

impl Dominators {
    /// Of the objects that `roots` lead to, of `count`.
    pub fn find(graph: &Graph, count: usize, roots: &[u32]) -> Self {
        let search = Search::run(graph, count, roots);
        let referrers = Referrers::find(graph, &search, roots);
        // What is not needed any more goes at once: all of these are as long as the heap.
        let Search { order, places, parents } = search;
        drop(places);
        let semi = semidominators(&parents, &referrers);
        drop(referrers);
        let mut dominators = parents;
        for at in 1..dominators.len() {
            // Of what dominates the parent, the lowest that the semidominator does not exclude.
            let mut over = dominators[at];
            while over > semi[at] {
                over = dominators[over as usize];
            }
            dominators[at] = over;
        }
        Self { order, dominators }
    }

    /// For each of `wanted` the number and the sum of weights of all that it dominates, itself included; `None` for
    /// those that no root leads to. `weight` is asked once for each of the objects that count.
    pub fn sums(
        &self,
        wanted: &[u32],
        mut weight: impl FnMut(u32) -> u64,
    ) -> Vec<Option<(u64, u64)>> {
        let counts: std::collections::HashSet<u32> = wanted.iter().copied().collect();
        let mut is_below = vec![false; self.order.len()];
        let mut sums = vec![(0_u64, 0_u64); self.order.len()];
        for at in 1..self.order.len() {
            is_below[at] =
                counts.contains(&self.order[at]) || is_below[self.dominators[at] as usize];
            if is_below[at] {
                sums[at] = (1, weight(self.order[at]));
            }
        }
        let mut found = std::collections::HashMap::new();
        for at in (1..self.order.len()).rev().filter(|at| is_below[*at]) {
            let (objects, bytes) = sums[at];
            if counts.contains(&self.order[at]) {
                found.insert(self.order[at], (objects, bytes));
            }
            let over = &mut sums[self.dominators[at] as usize];
            *over = (over.0 + objects, over.1.saturating_add(bytes));
        }
        wanted.iter().map(|number| found.get(number).copied()).collect()
    }
}

impl Search {
    fn run(graph: &Graph, count: usize, roots: &[u32]) -> Self {
        let (mut order, mut parents) = (vec![NONE], vec![TOP]);
        let mut places = vec![NONE; count];
        // An object is entered when it is taken from the stack, under the last that refers to it.
        let mut open: Vec<(u32, u32)> = roots.iter().map(|&root| (root, TOP)).collect();
        while let Some((number, parent)) = open.pop() {
            let Some(place @ &mut NONE) = places.get_mut(number as usize) else { continue };
            let here = u32::try_from(order.len()).unwrap_or(NONE);
            *place = here;
            order.push(number);
            parents.push(parent);
            let targets = graph.references_of(number).map(|(target, _)| target);
            let is_new = |target: &u32| places.get(*target as usize) == Some(&NONE);
            open.extend(targets.filter(is_new).map(|target| (target, here)));
        }
        Self { order, places, parents }
    }

    /// Places of what the object at a place refers to.
    fn references<'a>(&'a self, graph: &'a Graph, at: usize) -> impl Iterator<Item = usize> + 'a {
        let targets = graph.references_of(self.order[at]);
        targets.filter_map(|(target, _)| self.place(target))
    }

    fn place(&self, number: u32) -> Option<usize> {
        self.places
            .get(number as usize)
            .filter(|place| **place != NONE)
            .map(|place| *place as usize)
    }
}

impl Referrers {
    fn find(graph: &Graph, search: &Search, roots: &[u32]) -> Self {
        let count = search.order.len();
        let mut starts = vec![0_u32; count + 1];
        let mut count_one = |to: usize| starts[to + 1] = starts[to + 1].saturating_add(1);
        roots.iter().filter_map(|&root| search.place(root)).for_each(&mut count_one);
        (1..count).for_each(|at| search.references(graph, at).for_each(&mut count_one));
        for at in 0..count {
            starts[at + 1] = starts[at + 1].saturating_add(starts[at]);
        }
        let mut from = vec![TOP; starts[count] as usize];
        let mut next = starts.clone();
        let mut put = |to: usize, referrer: u32| {
            if let Some(from) = from.get_mut(next[to] as usize) {
                *from = referrer;
                next[to] += 1;
            }
        };
        roots.iter().filter_map(|&root| search.place(root)).for_each(|to| put(to, TOP));
        for (at, referrer) in (0..count).zip(0_u32..).skip(1) {
            search.references(graph, at).for_each(|to| put(to, referrer));
        }
        Self { starts, from }
    }

    fn of(&self, at: usize) -> &[u32] {
        &self.from[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

/// For each place the first from which a path leads to it through later places only.
fn semidominators(parents: &[u32], referrers: &Referrers) -> Vec<u32> {
    let mut semi: Vec<u32> = (0_u32..).take(parents.len()).collect();
    let mut forest = Forest { ancestors: parents.to_vec(), labels: semi.clone(), way: Vec::new() };
    let count = u32::try_from(parents.len()).unwrap_or(NONE);
    for number in (1..count).rev() {
        let at = number as usize;
        semi[at] = parents[at];
        for &referrer in referrers.of(at) {
            let least = forest.least(referrer, number + 1, &semi);
            semi[at] = semi[at].min(semi[least as usize]);
        }
    }
    semi
}

/// The part of the search's tree that was looked at, with its paths compressed.
struct Forest {
    ancestors: Vec<u32>,
    /// On the compressed part of the path, the place with the least semidominator.
    labels: Vec<u32>,
    way: Vec<u32>,
}

impl Forest {
    /// The place with the least semidominator on the path upwards from `at`, among those from `first` on.
    fn least(&mut self, at: u32, first: u32, semi: &[u32]) -> u32 {
        let mut top = at;
        while self.ancestors[top as usize] >= first {
            self.way.push(top);
            top = self.ancestors[top as usize];
        }
        let (ancestor, mut best) = (self.ancestors[top as usize], self.labels[top as usize]);
        while let Some(at) = self.way.pop() {
            let at = at as usize;
            if semi[best as usize] < semi[self.labels[at] as usize] {
                self.labels[at] = best;
            } else {
                best = self.labels[at];
            }
            self.ancestors[at] = ancestor;
        }
        self.labels[at as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph(count: usize, edges: &[(u32, u32)]) -> Graph {
        let mut graph = Graph::default();
        for number in (0..).take(count) {
            graph.begin();
            for (_, to) in edges.iter().filter(|(from, _)| *from == number) {
                graph.refer(*to, true);
            }
        }
        graph
    }

    fn counts(count: usize, edges: &[(u32, u32)], roots: &[u32]) -> Vec<Option<u64>> {
        let wanted: Vec<u32> = (0..).take(count).collect();
        let dominators = Dominators::find(&graph(count, edges), count, roots);
        let sums = dominators.sums(&wanted, |_| 1);
        sums.iter().map(|sum| sum.map(|(objects, _)| objects)).collect()
    }

    /// Two ways to an object: neither retains it alone; what both hang from does.
    #[test]
    fn what_two_refer_to_belongs_to_what_both_hang_from() {
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 3)];
        assert_eq!(counts(6, &edges, &[0]), [5, 1, 1, 2, 1, 0].map(|n| Some(n).filter(|n| *n > 0)));
        assert_eq!(counts(6, &edges, &[0, 3])[0], Some(3));
    }

    /// Weights are asked for what counts only.
    #[test]
    fn only_what_is_wanted_is_weighed() {
        let graph = graph(4, &[(0, 1), (1, 2), (0, 3)]);
        let mut weighed = Vec::new();
        let sums = Dominators::find(&graph, 4, &[0]).sums(&[1], |number| {
            weighed.push(number);
            10
        });
        assert_eq!((sums, weighed), (vec![Some((2, 20))], vec![1, 2]));
    }

    /// A graph as deep as it has objects.
    #[test]
    fn long_chains_are_followed() {
        let mut graph = Graph::default();
        let count = 200_000;
        for number in 0..count {
            graph.begin();
            graph.refer((number + 1) % count, true);
            graph.refer(number / 2, false);
        }
        let dominators = Dominators::find(&graph, count as usize, &[0]);
        assert_eq!(
            dominators.sums(&[0, 150_000], |_| 2),
            [Some((200_000, 400_000)), Some((50_000, 100_000))]
        );
    }

    proptest! {
        /// The same as leaving each object out in turn.
        #[test]
        fn agrees_with_the_definition(
            edges in proptest::collection::vec((0_u32..12, 0_u32..12), 0..40),
            roots in proptest::collection::vec(0_u32..12, 0..4),
        ) {
            let graph = graph(12, &edges);
            let found = counts(12, &edges, &roots);
            for (number, found) in (0..).zip(found) {
                let expected = graph.only_through(12, &[number], &roots);
                let is_reached = !roots.is_empty()
                    && graph.only_through(12, &roots, &[]).binary_search(&number).is_ok();
                let expected = u64::try_from(expected.len()).unwrap_or(0);
                prop_assert_eq!(found, is_reached.then_some(expected), "{}", number);
            }
        }
    }
}
