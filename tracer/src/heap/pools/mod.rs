//! Pools of pymalloc, and how full they are: memory that stays with the process because a few
//! objects are in the way.
//!
//! Blocks of one size come from one pool, and a pool can be used for another size, or given back
//! with its arena, only when all of its blocks are free. So a few objects that stay can hold many
//! times their size.
//!
//! Every pool begins at a multiple of its size, and memory that is there has a header there or has
//! none. To look at all these places finds pools that hold no objects (tables of dicts, items of
//! lists) as well; those that are known from objects alone would leave them out. But a place
//! without any object near is in no arena: other memory, of which there can be very much, is passed
//! over.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::cache::Cache;
use super::index::AddressMap;
use super::objects::Heap;
use super::pool::{HEADER, Pool};
use super::view::View;
use crate::model::{Address, NearlyEmpty, PoolRetainer, PoolUse};

/// Places that are looked at: 16 GiB of pools of 16 KiB. Each takes a read, so a process with very
/// much memory would take long.
const PLACES: u64 = 1 << 20;
/// Size of an arena (`ARENA_SIZE`, 256 KiB before 3.10): an object in this range or the one beside
/// it is near.
const NEAR: u64 = 1 << 20;
/// Types that are reported.
const TOP: usize = 10;

/// All pools that were found.
#[derive(Debug, Default)]
struct Pools {
    pools: Vec<Pool>,
    /// Their numbers by address.
    at: AddressMap<u32>,
    /// Places that were too many to be looked at.
    skipped: u64,
}

/// How full the pools of a heap are, and which of its objects are in those that are nearly empty;
/// with it, at how many places nobody looked. `None` when no object is in a pool: the process has
/// another allocator.
pub fn usage(view: &View<'_>, cache: &Cache<'_>, heap: &Heap) -> (Option<PoolUse>, u64) {
    let size = view.objects.pool_size;
    let pools = Pools::find(cache, heap, size);
    let held = PoolObjects::in_pools(heap, &pools, size);
    let found = held.any.then(|| {
        let mut found = pools.sum(size);
        found.nearly_empty.without_objects = pools.without(&held);
        found.retained_by = held.types();
        found
    });
    (found, pools.skipped)
}

impl Pools {
    fn find(cache: &Cache<'_>, heap: &Heap, size: u32) -> Self {
        let near = ranges(heap);
        let mut pools = Self::default();
        let mut left = PLACES;
        for (start, end) in cache.there() {
            for range in start / NEAR..=end.saturating_sub(1) / NEAR {
                if near.contains_key(&range) {
                    let from = start.max(range * NEAR);
                    let to = end.min((range + 1).saturating_mul(NEAR));
                    pools.look_through(cache, (from, to), size, &mut left);
                }
            }
        }
        pools
    }

    fn look_through(&mut self, cache: &Cache<'_>, part: (u64, u64), size: u32, left: &mut u64) {
        let step = u64::from(size);
        let first = part.0.checked_next_multiple_of(step).unwrap_or(u64::MAX);
        let places = part.1.saturating_sub(first).div_ceil(step);
        let looked_at = places.min(*left);
        *left -= looked_at;
        self.skipped = self.skipped.saturating_add(places - looked_at);
        for index in 0..looked_at {
            self.snapshot(cache, Address(first + index * step), size);
        }
    }

    fn snapshot(&mut self, cache: &Cache<'_>, at: Address, size: u32) {
        let mut header = [0; HEADER];
        if !cache.glance(at, &mut header) {
            return;
        }
        let Some(pool) = Pool::read(&header, at, size) else { return };
        if let Ok(number) = u32::try_from(self.pools.len()) {
            self.at.insert(at.0, number);
            self.pools.push(pool);
        }
    }

    fn sum(&self, size: u32) -> PoolUse {
        let size = u64::from(size);
        let mut sum = PoolUse { pool_bytes: size, ..PoolUse::default() };
        for pool in &self.pools {
            if pool.used == 0 {
                sum.empty_pools += 1;
                sum.empty_bytes += size;
                continue;
            }
            sum.pools += 1;
            sum.bytes += size;
            sum.used_bytes += pool.used_bytes();
            if is_nearly_empty(*pool) {
                sum.nearly_empty.pools += 1;
                sum.nearly_empty.bytes += size;
                sum.nearly_empty.free_bytes += pool.free_bytes();
            }
        }
        sum
    }

    /// Pools that are nearly empty and hold no object that is known.
    fn without(&self, held: &PoolObjects<'_>) -> u64 {
        let nearly = self.pools.iter().filter(|pool| is_nearly_empty(**pool)).count();
        let mut with: Vec<u32> = held.objects.iter().map(|(_, pool)| *pool).collect();
        with.sort_unstable();
        with.dedup();
        u64::try_from(nearly.saturating_sub(with.len())).unwrap_or(u64::MAX)
    }
}

/// Ranges of memory that have an object, with those beside them.
fn ranges(heap: &Heap) -> AddressMap<()> {
    let mut near = AddressMap::default();
    let mut last = u64::MAX;
    for object in heap.objects.iter() {
        let range = object.address.0 / NEAR;
        if range != last {
            last = range;
            near.extend([(range, ()), (range + 1, ()), (range.saturating_sub(1), ())]);
        }
    }
    near
}

/// Whether something is in use, and less than the share of [`NearlyEmpty::BELOW`].
fn is_nearly_empty(pool: Pool) -> bool {
    pool.used > 0 && pool.used.saturating_mul(NearlyEmpty::BELOW) < pool.capacity
}

/// Which objects are in nearly empty pools.
struct PoolObjects<'a> {
    /// Number of the type's name, and of the pool.
    objects: Vec<(u32, u32)>,
    names: Vec<&'a str>,
    /// Whether there was an object in any pool.
    any: bool,
}

impl<'a> PoolObjects<'a> {
    fn in_pools(heap: &'a Heap, pools: &Pools, size: u32) -> Self {
        let (names, of_class) = names(heap);
        let mut held = Self { objects: Vec::new(), names, any: false };
        // Neighbours in a heap were often made one after the other.
        let mut last = (u64::MAX, None);
        for object in heap.objects.iter() {
            // Whatever lies before the object in its block (links of the collector, pointers to its
            // dict and weak references) is in the same pool.
            let base = object.address.0 - object.address.0 % u64::from(size);
            if base != last.0 {
                let number = pools.at.get(&base).copied();
                held.any |= number.is_some();
                let nearly = |number: &u32| {
                    let pool = pools.pools.get(*number as usize);
                    pool.is_some_and(|pool| is_nearly_empty(*pool))
                };
                last = (base, number.filter(nearly));
            }
            let name = of_class.get(object.class.0 as usize);
            if let (Some(pool), Some(name)) = (last.1, name) {
                held.objects.push((*name, pool));
            }
        }
        held.objects.sort_unstable();
        held
    }

    /// Types by pools, most first.
    fn types(&self) -> Vec<PoolRetainer> {
        let mut types: Vec<PoolRetainer> = self
            .objects
            .chunk_by(|one, next| one.0 == next.0)
            .filter_map(|objects| {
                let name = self.names.get(objects.first()?.0 as usize)?;
                let pools = objects.chunk_by(|one, next| one.1 == next.1).count();
                Some(PoolRetainer {
                    name: (*name).to_owned(),
                    objects: u64::try_from(objects.len()).ok()?,
                    pools: u64::try_from(pools).ok()?,
                })
            })
            .collect();
        let order = |one: &PoolRetainer| (one.pools, one.objects);
        types.sort_by(|a, b| order(b).cmp(&order(a)).then_with(|| a.name.cmp(&b.name)));
        types.truncate(TOP);
        types
    }
}

/// The names of types, and for each type the number of its name: types of one name are one to a
/// reader.
fn names(heap: &Heap) -> (Vec<&str>, Vec<u32>) {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut names: Vec<&str> = Vec::new();
    let of_class = heap.classes.all().iter().map(|class| {
        *numbers.entry(&class.name).or_insert_with(|| {
            names.push(&class.name);
            u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
        })
    });
    let of_class = of_class.collect();
    (names, of_class)
}
