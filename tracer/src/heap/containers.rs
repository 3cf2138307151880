//! Containers with many items, followed from snapshot to snapshot by their lengths.
//!
//! A container that only ever grows is evidence of a leak by itself, also where its items are of
//! common types. Its table is a block of `malloc`, so the call that made it grow has a site.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::class::{Class, Kind};
use super::dict::{self, KeysTable};
use super::holders::Holders;
use super::length::measure;
use super::objects::Heap;
use super::retainers::Retainers;
use super::view::View;
use super::{below, bound};
use crate::model::{Address, ContainersBelow, DeclaredBound, GrownContainer, RetainerGroup, turns};

/// Fewest items of a container that is followed: its table is larger than what comes from pools.
const ITEMS: u64 = 300;
/// Fewest bytes of a `bytearray`.
const BYTES: u64 = 64 << 10;
/// Least shallow bytes of what can have so many.
pub(super) const LEAST_BYTES: u64 = 2048;
/// Most containers that are followed, those with most items.
const FOLLOWED: usize = 4096;
/// Most that are told, those that grew most; and of those on paths, those that were followed and others, the first.
const TOLD: usize = 64;
/// Fewest snapshots from which a container on a path is told that did not grow: so many say that it stands still.
const SEEN: usize = 3;
/// Most lengths of one container; then every other one of the older half goes.
const LENGTHS: usize = 128;
/// A container that was missed so often in a row is gone.
const MISSED: u32 = 2;
/// Least growth that is told, items, and as a part of what it was.
const GROWN: u64 = 50;
const GROWN_PART: u64 = 20;
/// References of a container whose types are counted.
const SAMPLE: usize = 1024;
/// Types of items that are told.
const TYPES: usize = 3;

/// A container whose table may have been made anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContainerTable {
    /// The container.
    pub container: Address,
    /// Its table.
    pub table: Address,
    /// What was born there later, seconds since the start of the recording, is another block: the table may have been freed
    /// since it was read.
    pub born_before: f64,
}

/// One container over time.
#[derive(Clone, Debug)]
struct Followed {
    class: String,
    lengths: Vec<(f64, u64)>,
    table: Address,
    born_before: f64,
    room: Option<u64>,
    missed: u32,
}

/// What several snapshots saw of containers.
#[derive(Clone, Debug, Default)]
pub struct ContainerWatch {
    followed: HashMap<Address, Followed>,
}

/// A container at one snapshot.
#[derive(Clone, Copy, Debug)]
struct Measured {
    length: u64,
    table: Address,
    born_before: f64,
    room: Option<u64>,
}

/// `bytesio` in `Modules/_io/bytesio.c`: what is written into it, a bytes object.
const BYTES_IO: &str = "_io.BytesIO";

/// Bytes in a buffer of C, and where they are; `None` of what is none.
pub(super) fn buffer(view: &View<'_>, object: Address, class: &Class) -> Option<(u64, Address)> {
    if class.kind != Kind::Opaque || class.name != BYTES_IO {
        return None;
    }
    let (bytes, table) = (view.word(object, 32)?, Address(view.word(object, 16)?));
    (bytes >= BYTES && bytes <= view.mapped.bytes()).then_some((bytes, table))
}

/// Until when a table can have been born that a snapshot at that time saw. That of most is replaced by one that is larger in
/// proportion, so it is older but by chance; a deque has a new block for every 64 items, and the others stay.
fn born_before(t: f64, kind: Kind) -> f64 {
    if kind == Kind::Deque { f64::INFINITY } else { t }
}

/// Items that its table has room for.
fn room(view: &View<'_>, object: Address, kind: Kind, length: u64) -> Option<u64> {
    let word = |offset| view.word(object, offset);
    match kind {
        // `allocated`
        Kind::List | Kind::TypedArray => word(32),
        Kind::Dict | Kind::OrderedDict => {
            let table = KeysTable::read(view, Address(word(dict::field::KEYS)?))?;
            length.checked_add(table.usable)
        }
        // `mask`; three fifths of it are filled (`set_add_entry`).
        Kind::Set => Some(word(32)? / 5 * 3),
        // `ob_alloc`, until it became a bytes object.
        Kind::ByteArray if view.objects.minor < 15 => word(24),
        _ => None,
    }
}

impl ContainerWatch {
    /// Takes a snapshot, `t` seconds after the start, of a heap that was read with its sums.
    pub fn snapshot(&mut self, t: f64, view: &View<'_>, heap: &Heap) {
        for followed in self.followed.values_mut() {
            followed.missed += 1;
        }
        let mut large: Vec<(Measured, Address, &str)> = Vec::new();
        for &number in &heap.large {
            let object = heap.objects.object(number);
            let class = heap.classes.get(object.class);
            let least = if class.kind == Kind::ByteArray { BYTES } else { ITEMS };
            let measured = measure(view, object.address, class.kind);
            if let Some((length, table)) = measured.or_else(|| buffer(view, object.address, class))
                && length >= least
            {
                let room = room(view, object.address, class.kind, length);
                let born_before = born_before(t, class.kind);
                let found = Measured { length, table, born_before, room };
                large.push((found, object.address, &class.name));
            }
        }
        large.sort_unstable_by_key(|(found, address, _)| (Reverse(found.length), *address));
        for (found, address, class) in large.into_iter().take(FOLLOWED) {
            self.enter(t, address, found, class);
        }
        self.followed.retain(|_, followed| followed.missed < MISSED);
    }

    fn enter(&mut self, t: f64, address: Address, found: Measured, class: &str) {
        let Measured { length, table, born_before, room } = found;
        let new = || Followed {
            class: class.to_owned(),
            lengths: Vec::new(),
            table,
            born_before,
            room,
            missed: 0,
        };
        let followed = self.followed.entry(address).or_insert_with(new);
        let last = followed.lengths.last().map_or(0, |last| last.1);
        // Another one at the same address, or one that was emptied: what was before says nothing.
        if followed.class != class || length < last / 2 {
            *followed = new();
        }
        (followed.table, followed.born_before) = (table, born_before);
        (followed.room, followed.missed) = (room, 0);
        followed.lengths.push((t, length));
        if followed.lengths.len() > LENGTHS {
            let mut place = 0;
            followed.lengths.retain(|_| {
                place += 1;
                place % 2 == 1 || place > LENGTHS / 2
            });
        }
    }

    /// Tables of those that grew, those that grew most first.
    pub fn tables(&self) -> Vec<ContainerTable> {
        let grown = self.grown().into_iter();
        grown
            .map(|(container, followed)| ContainerTable {
                container,
                table: followed.table,
                born_before: followed.born_before,
            })
            .collect()
    }

    /// Those that grew more often than they shrank, those that grew most first.
    fn grown(&self) -> Vec<(Address, &Followed)> {
        let mut grown: Vec<(u64, Address, &Followed)> = self
            .followed
            .iter()
            .filter_map(|(address, followed)| Some((followed.growth()?, *address, followed)))
            .collect();
        grown.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        grown.truncate(TOLD);
        grown.into_iter().map(|(_, address, followed)| (address, followed)).collect()
    }

    /// Containers that grew, with the types of their items and the paths to them, and of those on `paths` the ones that were
    /// followed, since they may stand still, and the ones that declare a limit, however few items they have. The heap must have been read with its graph, `t` seconds after the start.
    pub fn told<'p>(
        &self,
        t: f64,
        (view, heap, held): (&View<'_>, &Heap, &Retainers<'_>),
        paths: impl Iterator<Item = &'p RetainerGroup>,
    ) -> Vec<ToldContainer> {
        let paths: Vec<&RetainerGroup> = paths.collect();
        let grown = self.grown();
        let is_grown = |address| grown.iter().any(|(grown, _)| *grown == address);
        let others = self.on_paths(view, heap, t, &paths);
        let others = others.iter().filter(|(address, _)| !is_grown(*address));
        let others: Vec<(Address, &Followed, bool)> = others
            .map(|(address, followed)| (*address, followed, followed.lengths.len() < SEEN))
            .collect();
        let all = grown.into_iter().map(|(address, followed)| (address, followed, false));
        let all: Vec<(Address, &Followed, bool)> = all.chain(others).collect();
        let numbers: Vec<u32> =
            all.iter().filter_map(|(address, ..)| heap.objects.number(*address)).collect();
        let holders = Holders::find(heap, &numbers);
        let mut below = below::on_paths(view, heap, &paths, |address| self.stands(address));
        let told = all.into_iter().filter_map(|(address, followed, is_small)| {
            let below = below.remove(&address);
            let number = heap.objects.number(address)?;
            let path = held.paths().way(number).1;
            let bound = bound::declared(view, heap, &holders, &path, followed.items_now());
            (!is_small || bound.is_some() || below.is_some())
                .then(|| followed.told(heap, held, (address, number), (bound, below)))
        });
        told.collect()
    }

    /// Whether a container was seen often enough, and did not grow.
    fn stands(&self, container: Address) -> bool {
        let followed = self.followed.get(&container);
        followed.is_some_and(|of| of.lengths.len() >= SEEN && turns(&of.lengths).0 == 0)
    }

    /// Containers on paths, as they were followed, else with the items that they have now; the first of them.
    fn on_paths(
        &self,
        view: &View<'_>,
        heap: &Heap,
        t: f64,
        paths: &[&RetainerGroup],
    ) -> Vec<(Address, Followed)> {
        let mut found: Vec<(Address, Followed)> = Vec::new();
        let mut known = HashSet::new();
        let mut left = [TOLD; 2];
        for address in
            paths.iter().flat_map(|group| group.path.iter().map(|reference| reference.address))
        {
            let Some(number) = heap.objects.number(address).filter(|_| known.insert(address))
            else {
                continue;
            };
            let class = heap.classes.get(heap.objects.object(number).class);
            let Some((length, table)) = measure(view, address, class.kind) else { continue };
            let followed = self.followed.get(&address).cloned();
            let left = &mut left[usize::from(followed.is_some())];
            if *left > 0 {
                *left -= 1;
                let class_kind = class.kind;
                let (class, lengths) = (class.name.clone(), vec![(t, length)]);
                let born_before = born_before(t, class_kind);
                let now = || Followed { class, lengths, table, born_before, room: None, missed: 0 };
                found.push((address, followed.unwrap_or_else(now)));
            }
        }
        found
    }
}

/// A container with its address, and the path to it.
pub type ToldContainer = (Address, GrownContainer<u64>, Option<RetainerGroup>);

impl Followed {
    fn items_now(&self) -> u64 {
        self.lengths.last().map_or(0, |last| last.1)
    }

    fn told(
        &self,
        heap: &Heap,
        held: &Retainers<'_>,
        (address, number): (Address, u32),
        (bound, below): (Option<DeclaredBound>, Option<ContainersBelow>),
    ) -> ToldContainer {
        let group = held.groups(&[(number, 0)], 1).0.into_iter().next();
        let container = GrownContainer {
            name: self.class.clone(),
            path: group.as_ref().map_or_else(Vec::new, RetainerGroup::steps),
            lengths: self.lengths.clone(),
            items: items(heap, number),
            grown_by: Vec::new(),
            room: self.room.filter(|room| *room >= self.items_now()),
            bound,
            below,
        };
        (address, container, group)
    }

    /// Items by which it grew; `None` for those that did not, or that shrink as often.
    fn growth(&self) -> Option<u64> {
        let (first, last) = (self.lengths.first()?.1, self.lengths.last()?.1);
        let grown = last.checked_sub(first)?;
        let (rises, falls) = turns(&self.lengths);
        (grown >= GROWN.max(first / GROWN_PART) && rises > 2 * falls).then_some(grown)
    }
}

/// Types of what an object refers to, in a sample.
fn items(heap: &Heap, number: u32) -> Vec<(String, u64)> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for (target, certain) in heap.graph.references_of(number).take(SAMPLE) {
        if certain {
            let class = heap.classes.get(heap.objects.object(target).class);
            *counts.entry(&class.name).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, u64)> =
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(TYPES);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(length: u64) -> Measured {
        let (table, room) = (Address(16 + length), Some(2 * length));
        Measured { length, table, born_before: length as f64, room }
    }

    fn watch(lengths: &[u64]) -> ContainerWatch {
        let mut watch = ContainerWatch::default();
        for (t, &length) in (0..).zip(lengths) {
            watch.enter(f64::from(t), Address(8), measured(length), "list");
        }
        watch
    }

    #[test]
    fn what_grows_is_told_with_its_last_table() {
        let grown = watch(&[300, 350, 400]).tables();
        let (container, table) = (Address(8), Address(416));
        assert_eq!(grown, [ContainerTable { container, table, born_before: 400.0 }]);
        assert_eq!(
            [Kind::List, Kind::Deque].map(|kind| born_before(7.0, kind)),
            [7.0, f64::INFINITY]
        );
    }

    #[test]
    fn what_turns_over_or_hardly_grows_is_not() {
        assert!(watch(&[300, 400, 300, 410]).tables().is_empty());
        assert!(watch(&[10_000, 10_100, 10_200]).tables().is_empty());
        assert!(watch(&[400]).tables().is_empty());
    }

    /// A queue that was emptied begins anew, and so does another object at that address.
    #[test]
    fn what_was_emptied_begins_anew() {
        let mut watch = watch(&[300, 900, 310, 400]);
        assert_eq!(watch.followed[&Address(8)].lengths, [(2.0, 310), (3.0, 400)]);
        watch.enter(4.0, Address(8), measured(900), "set");
        assert_eq!(watch.followed[&Address(8)].lengths, [(4.0, 900)]);
    }

    #[test]
    fn lengths_are_thinned_out() {
        let lengths: Vec<u64> = (0..1000).map(|at| 300 + 10 * at).collect();
        let watch = watch(&lengths);
        let kept = &watch.followed[&Address(8)].lengths;
        assert!(kept.len() <= LENGTHS && kept.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((kept.first(), kept.last()), (Some(&(0.0, 300)), Some(&(999.0, 10_290))));
    }
}
