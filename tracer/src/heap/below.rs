//! Containers in a container that does not grow itself: the objects that grow are in them, many of one type as its
//! values or as an attribute of each of its items.

use std::collections::HashMap;

use super::attribute::attribute;
use super::bound;
use super::length::measure;
use super::objects::Heap;
use super::view::{Object, View};
use crate::model::{Address, ContainersBelow, DeclaredBound, Reference, RetainerGroup, Via};

/// Most items of a container whose own items are looked at; those of one with more are not known.
const MOST: usize = 100_000;
/// Containers that are looked at.
const LOOKED_AT: usize = 64;

/// What is below containers on paths, by the address of the outer one. `stands` knows which of the inner ones were seen
/// not to grow: where they declare no limit they are not what grows.
pub fn on_paths(
    view: &View<'_>,
    heap: &Heap,
    paths: &[&RetainerGroup],
    stands: impl Fn(Address) -> bool,
) -> HashMap<Address, ContainersBelow> {
    let mut found = HashMap::new();
    let mut left = LOOKED_AT;
    for path in paths.iter().map(|group| &group.path) {
        for at in 0..path.len() {
            let Some((inner, name)) = inner(view, heap, path, at) else { continue };
            if left > 0 && !found.contains_key(&path[at].address) {
                left -= 1;
                let below = below(view, heap, path[at].address, (&inner.class, name), &stands);
                found.extend(below.map(|below| (path[at].address, below)));
            }
        }
    }
    found
}

fn is_container(view: &View<'_>, heap: &Heap, address: Address) -> bool {
    let number = heap.objects.number(address);
    let class = number.map(|number| heap.classes.get(heap.objects.object(number).class));
    class.is_some_and(|class| measure(view, address, class.kind).is_some())
}

/// The container in that at a place of a path, and the attribute of an item that leads to it.
fn inner<'p>(
    view: &View<'_>,
    heap: &Heap,
    path: &'p [Reference],
    at: usize,
) -> Option<(&'p Reference, Option<&'p str>)> {
    let item = path.get(at + 1).filter(|item| item.times <= 1)?;
    let is_item = matches!(item.via, Via::Item { .. } | Via::Value { .. });
    if !is_item || !is_container(view, heap, path[at].address) {
        return None;
    }
    if is_container(view, heap, item.address) {
        return path.get(at + 2).map(|_| (item, None));
    }
    let inner = path.get(at + 2).filter(|inner| inner.times <= 1)?;
    let Via::Attribute { name: Some(name) } = &inner.via else { return None };
    is_container(view, heap, inner.address).then_some((inner, Some(name.as_str())))
}

/// The containers of a type in another one.
fn below(
    view: &View<'_>,
    heap: &Heap,
    outer: Address,
    (class, name): (&str, Option<&str>),
    stands: &impl Fn(Address) -> bool,
) -> Option<ContainersBelow> {
    let items = heap.graph.references_of(heap.objects.number(outer)?);
    let items: Vec<Object> = items
        .take(MOST + 1)
        .filter(|(_, certain)| *certain)
        .map(|(number, _)| heap.objects.object(number))
        .collect();
    if items.len() > MOST {
        return None;
    }
    let of_item = |item: &Object| match name {
        None => Some((*item, None)),
        Some(name) => {
            let value = attribute(view, heap, item.address, name)?;
            Some((heap.objects.object(heap.objects.number(value)?), Some(*item)))
        }
    };
    let mut sum = Sum::default();
    for (inner, owner) in items.iter().filter_map(of_item) {
        let of_class = heap.classes.get(inner.class);
        if of_class.name == class
            && let Some((length, _)) = measure(view, inner.address, of_class.kind)
        {
            let limit = bound::of_itself_or(view, heap, inner, owner);
            sum.add(length, limit, stands(inner.address));
        }
    }
    sum.told(class, name)
}

/// What is known of the containers so far.
#[derive(Default)]
struct Sum {
    count: u64,
    items: u64,
    largest: u64,
    limited: u64,
    used: u64,
    limits: u64,
    kind: Option<String>,
}

impl Sum {
    fn add(&mut self, items: u64, limit: Option<bound::Limit>, stands: bool) {
        let limit = limit.and_then(|(kind, limit)| Some((kind, limit?)));
        if let Some((kind, limit)) = limit {
            self.limited += 1;
            self.limits = self.limits.saturating_add(limit);
            self.used = self.used.saturating_add(items);
            self.kind.get_or_insert(kind);
        } else if stands {
            return;
        }
        self.count += 1;
        self.items = self.items.saturating_add(items);
        self.largest = self.largest.max(items);
    }

    /// Where there are several.
    fn told(self, class: &str, name: Option<&str>) -> Option<ContainersBelow> {
        let Self { count, items, largest, limited, used, limits, kind } = self;
        let kind = kind.filter(|_| limited == count);
        let below = ContainersBelow {
            class: class.to_owned(),
            attribute: name.map(str::to_owned),
            count,
            items,
            largest,
            bound: kind.map(|kind| DeclaredBound {
                kind: ContainersBelow::kind_of_bounds(&kind, count, class),
                limit: Some(limits),
                used,
            }),
        };
        below.share().then_some(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(lengths: &[(u64, Option<u64>, bool)]) -> Option<ContainersBelow> {
        let mut sum = Sum::default();
        for (items, limit, stands) in lengths {
            sum.add(*items, limit.map(|limit| ("deque.maxlen".to_owned(), Some(limit))), *stands);
        }
        sum.told("collections.deque", Some("history"))
    }

    #[test]
    fn limits_of_all_are_added_up() {
        let below = sum(&[(40, Some(40), true), (3, Some(40), false), (9, Some(80), false)]);
        let below = below.expect("several");
        assert_eq!((below.count, below.items, below.largest), (3, 52, 40));
        let kind = "deque.maxlen of 3 deques".to_owned();
        assert_eq!(below.bound, Some(DeclaredBound { kind, limit: Some(160), used: 52 }));
    }

    /// One without a limit may grow for ever.
    #[test]
    fn one_without_a_limit_leaves_none() {
        let below = sum(&[(40, Some(40), false), (40, None, false)]).expect("several");
        assert_eq!((below.count, below.items, below.bound), (2, 80, None));
    }

    #[test]
    fn one_that_has_nearly_all_is_told_itself() {
        assert_eq!(sum(&[(400, None, false), (40, None, false)]), None);
        assert_eq!(sum(&[(400, None, false), (4000, None, true)]), None, "that stands still");
        assert_eq!(sum(&[(400, None, false)]), None);
        assert!(sum(&[(400, None, false), (390, None, false)]).is_some());
    }
}
