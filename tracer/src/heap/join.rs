//! Blocks of the live table joined with the objects that own them, site by site.

use std::collections::{BTreeMap, HashMap};

use super::array::Array;
use super::class::Kind;
use super::histogram::{HeapWatch, Newness};
use super::objects::Heap;
use super::owners::{BlockRange, owners};
use super::retainers::Retainers;
use super::view::{Object, View};
use crate::model::{Address, Amount, Owned, Owner, RetainerGroup, RootKind};

/// Sites for whose owners paths are found, those with most bytes.
const SITES: usize = 1000;
/// Types of owners that are told of each site.
const TYPES: usize = 8;
/// Those of them for which a path is found.
const PATHS: usize = 2;
/// Owners of one type and site among which the most frequent path is looked for.
const SAMPLE: usize = 2000;

/// The same, of one type that grew.
const SAMPLE_OF_TYPE: usize = 100;

/// Objects are called garbage where at least this share of those that are no longer young is: of fewer some may be held,
/// and leak.
const GARBAGE: f64 = 0.9;

/// Most types whose growth is told with what keeps it: so many by bytes, and so many by objects.
const GROWN: usize = 100;

/// A block of the live table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveBlock {
    /// Where.
    pub block: BlockRange,
    /// Its site.
    pub site: u64,
    /// When it was born, which tells it from the next block at its address.
    pub born_ns: u64,
    /// For how many blocks it stands, itself among them.
    pub weight: u64,
}

impl LiveBlock {
    /// All that it stands for.
    fn amount(&self) -> Amount {
        Amount { bytes: self.block.size.saturating_mul(self.weight), count: self.weight }
    }
}

/// Blocks with their owners.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    blocks: Vec<LiveBlock>,
    /// For each block the number of its owner.
    numbers: Vec<Option<u32>>,
    /// The type of that, by its place in `names`.
    owners: Vec<Option<u32>>,
    names: Vec<String>,
    /// Paths that keep owners, by site and type.
    paths: HashMap<(u64, u32), RetainerGroup>,
}

/// Blocks by type of owner.
type Types = HashMap<u32, Amount>;

/// Types and shapes of owners, numbered.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }
}

/// Finds the owners of `blocks`, in any order, and what keeps them.
pub fn join(
    view: &View<'_>,
    heap: &Heap,
    held: &Retainers<'_>,
    mut blocks: Vec<LiveBlock>,
) -> Joined {
    blocks.sort_unstable_by_key(|live| live.block);
    let places: Vec<BlockRange> = blocks.iter().map(|live| live.block).collect();
    let owners = owners(view, heap, &places);
    let mut names = Names::default();
    // Of one object once, whatever it owns.
    let mut known: HashMap<u32, u32> = HashMap::new();
    let mut type_of = |number: u32| {
        let object = heap.objects.object(number);
        *known.entry(number).or_insert_with(|| names.number(words(view, heap, object)))
    };
    let types: Vec<Option<u32>> = owners.iter().map(|owner| owner.map(&mut type_of)).collect();
    let paths = paths(held, &blocks, &owners, &types);
    Joined { blocks, numbers: owners, owners: types, names: names.names, paths }
}

/// The type of an object, with its shape where it has one.
fn words(view: &View<'_>, heap: &Heap, object: Object) -> String {
    let class = heap.classes.get(object.class);
    let array = (class.kind == Kind::Array).then(|| Array::read(view, object.address)).flatten();
    match array {
        Some(array) => format!("{} {}", class.name, array.words()),
        None => class.name.clone(),
    }
}

/// Owners of one type with blocks of one site.
#[derive(Default)]
struct Group {
    bytes: u64,
    /// When the block of each was born.
    objects: HashMap<u32, u64>,
}

fn paths(
    held: &Retainers<'_>,
    blocks: &[LiveBlock],
    owners: &[Option<u32>],
    types: &[Option<u32>],
) -> HashMap<(u64, u32), RetainerGroup> {
    let mut sites: HashMap<u64, HashMap<u32, Group>> = HashMap::new();
    for ((live, owner), class) in blocks.iter().zip(owners).zip(types) {
        let (Some(owner), Some(class)) = (owner, class) else { continue };
        let group = sites.entry(live.site).or_default().entry(*class).or_default();
        group.bytes = group.bytes.saturating_add(live.amount().bytes);
        if group.objects.len() < SAMPLE {
            group.objects.insert(*owner, live.born_ns);
        }
    }
    let bytes = |groups: &HashMap<u32, Group>| {
        groups.values().fold(0, |sum: u64, group| sum.saturating_add(group.bytes))
    };
    let mut sites: Vec<(u64, HashMap<u32, Group>)> = sites.into_iter().collect();
    sites.sort_by_cached_key(|(site, groups)| (std::cmp::Reverse(bytes(groups)), *site));
    let mut paths = HashMap::new();
    for (site, groups) in sites.into_iter().take(SITES) {
        let mut groups: Vec<(u32, Group)> = groups.into_iter().collect();
        groups.sort_by_key(|(class, group)| (std::cmp::Reverse(group.bytes), *class));
        for (class, group) in groups.into_iter().take(PATHS) {
            if let Some(group) = path(held, &group.objects) {
                paths.insert((site, class), group);
            }
        }
    }
    paths
}

/// The path that keeps most of these objects, given with their births: one through garbage only where nearly all are
/// that, of the older half. Younger ones may be in use still, and garbage later.
fn path(held: &Retainers<'_>, objects: &HashMap<u32, u64>) -> Option<RetainerGroup> {
    let mut births: Vec<u64> = objects.values().copied().collect();
    births.sort_unstable();
    let middle = births.get(births.len().saturating_sub(1) / 2).copied()?;
    let older = objects.iter().filter(|(_, born)| **born <= middle).map(|(number, _)| *number);
    let is_garbage = is_garbage(held, older);
    let told = objects.keys().copied().filter(|number| is_reached(held, *number) != is_garbage);
    let mut told: Vec<(u32, u64)> = told.map(|number| (number, 0)).collect();
    told.sort_unstable();
    held.groups(&told, 1).0.into_iter().next()
}

/// Whether a root leads to it, or something outside the heap refers to it.
fn is_reached(held: &Retainers<'_>, number: u32) -> bool {
    held.paths().way(number).0.is_some()
}

/// Whether nearly all of these objects are.
fn is_garbage(held: &Retainers<'_>, objects: impl Iterator<Item = u32>) -> bool {
    let (mut all, mut garbage) = (0_u32, 0_u32);
    for number in objects {
        all += 1;
        garbage += u32::from(!is_reached(held, number));
    }
    all > 0 && f64::from(garbage) >= GARBAGE * f64::from(all)
}

impl Joined {
    /// The paths that keep owners, by site.
    pub fn holders(&self) -> impl Iterator<Item = &RetainerGroup> {
        let mut paths: Vec<_> = self.paths.iter().collect();
        paths.sort_unstable_by_key(|(key, _)| **key);
        paths.into_iter().map(|(_, group)| group)
    }

    /// How many blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Bytes of blocks by the number of the object that owns them.
    pub fn owned_bytes(&self) -> HashMap<u32, u64> {
        let mut bytes: HashMap<u32, u64> = HashMap::new();
        for (live, number) in self.blocks.iter().zip(&self.numbers) {
            if let Some(number) = number {
                let sum = bytes.entry(*number).or_default();
                *sum = sum.saturating_add(live.amount().bytes);
            }
        }
        bytes
    }

    /// Whether one of them begins at an address.
    pub fn has(&self, address: Address) -> bool {
        self.blocks.binary_search_by_key(&address, |live| live.block.start).is_ok()
    }

    /// Owners by site, of the blocks that `still` says are the same as before.
    pub fn by_site(&self, still: impl Fn(&LiveBlock) -> bool) -> Vec<(u64, Owned)> {
        let mut sites: BTreeMap<u64, (u64, Types)> = BTreeMap::new();
        for (live, owner) in self.blocks.iter().zip(&self.owners).filter(|(live, _)| still(live)) {
            let (looked_for, types) = sites.entry(live.site).or_default();
            *looked_for = looked_for.saturating_add(live.weight);
            if let Some(class) = owner {
                let blocks = types.entry(*class).or_default();
                *blocks = blocks.plus(live.amount());
            }
        }
        sites
            .into_iter()
            .map(|(site, (all, types))| (site, self.owned(site, all, &types)))
            .collect()
    }

    fn owned(&self, site: u64, looked_for: u64, types: &Types) -> Owned {
        let owned = types.values().map(|blocks| blocks.count).sum();
        let mut types: Vec<Owner> = types
            .iter()
            .map(|(class, &blocks)| Owner {
                name: self.names.get(*class as usize).cloned().unwrap_or_default(),
                blocks,
                root: self.paths.get(&(site, *class)).map(|group| group.root),
                retainer: self
                    .paths
                    .get(&(site, *class))
                    .map_or_else(Vec::new, RetainerGroup::words),
            })
            .collect();
        types.sort_by(|a, b| {
            let most = |owner: &Owner| (owner.blocks.count, owner.blocks.bytes);
            most(b).cmp(&most(a)).then_with(|| a.name.cmp(&b.name))
        });
        types.truncate(TYPES);
        Owned { looked_for, owned, types }
    }
}

/// The paths from roots that keep most of what types grew by since the first snapshot, by type. Objects that were
/// there for half of the snapshots count before younger ones: those may only be on their way through. Of classes of the
/// program the path through a container that grew, given by `grown`, where there is one: most of its objects may turn over
/// elsewhere, which is not what it grows by.
pub fn retainers_of_growth(
    heap: &Heap,
    held: &Retainers<'_>,
    watch: &HeapWatch,
    grown: &[Address],
) -> Vec<(String, RetainerGroup)> {
    let turn = |address| match watch.newness(address) {
        Newness::Aged => Some(0),
        Newness::Young => Some(1),
        Newness::Old => None,
    };
    retainers_through(heap, held, &watch.grown(GROWN), turn, grown)
}

/// The paths from roots that keep most objects of each of `types`, of a sample of those for which `turn` says when
/// they are taken: 0 before 1. Nothing for types most of whose objects were not reached from a root, unless nearly all are garbage.
pub fn retainers_of(
    heap: &Heap,
    held: &Retainers<'_>,
    types: &[String],
    turn: impl Fn(Address) -> Option<usize>,
) -> Vec<(String, RetainerGroup)> {
    retainers_through(heap, held, types, turn, &[])
}

fn retainers_through(
    heap: &Heap,
    held: &Retainers<'_>,
    types: &[String],
    turn: impl Fn(Address) -> Option<usize>,
    grown: &[Address],
) -> Vec<(String, RetainerGroup)> {
    let wanted: HashMap<&str, usize> =
        types.iter().zip(0..).map(|(name, place)| (name.as_str(), place)).collect();
    let of_class: Vec<Option<usize>> =
        heap.classes.all().iter().map(|class| wanted.get(class.name.as_str()).copied()).collect();
    let mut found: Vec<Vec<u32>> = vec![Vec::new(); types.len()];
    for (number, object) in (0..).zip(heap.objects.iter()) {
        if let Some(place) = of_class[object.class.0 as usize] {
            found[place].push(number);
        }
    }
    let turn = |number: u32| turn(heap.objects.object(number).address);
    let told = types.iter().zip(&found);
    let of_type = |(name, found): (&String, &Vec<u32>)| {
        let objects = sample(found, turn).into_iter().map(|number| (number, 0));
        let is_of_program = |number: &u32| {
            let class = heap.classes.get(heap.objects.object(*number).class);
            class.kind == Kind::Plain
        };
        let grown = if found.first().is_some_and(is_of_program) { grown } else { &[] };
        Some((name.clone(), rooted(held, &objects.collect::<Vec<_>>(), grown)?))
    };
    told.filter_map(of_type).collect()
}

/// Evenly spread over `numbers`, those of turn 0; those of turn 1 with them where there are few.
fn sample(numbers: &[u32], turn: impl Fn(u32) -> Option<usize>) -> Vec<u32> {
    const FEW: usize = 10;
    let step = numbers.len().div_ceil(SAMPLE_OF_TYPE).max(1);
    let spread = (0..step).flat_map(|first| numbers.iter().skip(first).step_by(step));
    let mut turns = [Vec::new(), Vec::new()];
    for &number in spread {
        if let Some(taken) = turn(number).and_then(|turn| turns.get_mut(turn))
            && taken.len() < SAMPLE_OF_TYPE
        {
            taken.push(number);
        }
        if turns[0].len() >= SAMPLE_OF_TYPE {
            break;
        }
    }
    let [mut first, second] = turns;
    if first.len() < FEW {
        first.extend(second);
    }
    first
}

/// The path from a root that keeps most of these objects, if roots keep more than half of them; through garbage, where
/// nearly all are that. One of a good part of them through a container of `grown` comes before that of most.
fn rooted(
    held: &Retainers<'_>,
    objects: &[(u32, u64)],
    grown: &[Address],
) -> Option<RetainerGroup> {
    const GROUPS: usize = 16;
    /// A larger part is none.
    const PART: usize = 20;
    let (groups, _) = held.groups(objects, GROUPS);
    if is_garbage(held, objects.iter().map(|(number, _)| *number)) {
        return groups.into_iter().find(|group| group.root == RootKind::Garbage);
    }
    // Of all groups: what each of many modules has once is in as many.
    let is_retained = |(number, _): &&(u32, u64)| {
        let root = held.paths().way(*number).0;
        root.is_some_and(|root| held.paths().kind(root).is_root())
    };
    let retained = objects.iter().filter(is_retained).count();
    let mut groups: Vec<RetainerGroup> =
        groups.into_iter().filter(|group| group.root.is_root()).collect();
    let grows = |group: &RetainerGroup| {
        let mut addresses = group.path.iter().map(|reference| reference.address);
        addresses.any(|address| grown.contains(&address))
    };
    let is_part = |group: &RetainerGroup| {
        usize::try_from(group.count).is_ok_and(|count| PART * count >= objects.len())
    };
    let through = groups.iter().position(|group| is_part(group) && grows(group));
    let first = through.or((!groups.is_empty()).then_some(0))?;
    (retained > objects.len() / 2).then(|| groups.swap_remove(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of many objects are those of one place, which may not be the one where they come together.
    #[test]
    fn samples_are_of_all_objects_and_of_old_ones_first() {
        let numbers: Vec<u32> = (0..1000).collect();
        let all = sample(&numbers, |_| Some(0));
        assert_eq!(all.len(), SAMPLE_OF_TYPE);
        assert!(all.iter().any(|number| *number >= 900) && all.iter().any(|number| *number < 100));
        let aged = sample(&numbers, |number| Some(usize::from(number % 50 != 7)));
        assert_eq!(aged.len(), 20);
        assert!(aged.iter().all(|number| number % 50 == 7));
        let few = sample(&numbers, |number| Some(usize::from(number != 7)));
        assert_eq!(few.len(), SAMPLE_OF_TYPE + 1);
        assert!(sample(&numbers, |_| None).is_empty() && sample(&[], |_| Some(0)).is_empty());
    }
}
