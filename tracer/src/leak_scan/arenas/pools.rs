//! All pools of a process, their blocks numbered from first to last.

use super::bits::Bits;
use super::pool::{OVERHEAD, PoolBlocks};
use super::{HEAD, SmallObject, SmallTypes, fingerprint};
use crate::model::{Address, ArenaUse, Memory};

/// Most blocks that are known at once, some 5 bytes each.
const MOST: usize = 32 << 20;
/// Address space that one table of the index is for.
const REGION: u64 = 64 << 20;
/// Most such tables.
const REGIONS: usize = 1 << 16;
/// `MAX_POOLS_IN_ARENA`: 1 MiB of 16 KiB each since 3.10, 256 KiB of 4 KiB each before.
const ARENA_POOLS: u64 = 64;
/// An arena of which less than one part in so many is used is sparse.
const SPARSE: u64 = 4;

/// Pools as they were at one moment.
#[derive(Debug, Default)]
pub struct Pools {
    /// Bytes of a pool.
    size: u64,
    /// By address.
    pools: Vec<PoolAt>,
    index: PoolIndex,
    /// Blocks that are allocated.
    pub(super) allocated: Bits,
    /// Those with the collector's header at their begin, or behind two words.
    headed: [Bits; 2],
    /// What tells each block from the next one at its address.
    prints: Vec<u32>,
}

/// One pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolAt {
    /// Where it is.
    pub at: u64,
    /// Bytes of its blocks.
    pub block: u32,
    /// Number of its first block.
    pub first: usize,
    /// Blocks that were ever used.
    pub count: u32,
    /// Number of the arena that it was cut from (`arenaindex`); each interpreter of a process counts its own.
    pub arena: u32,
}

/// From addresses to numbers of pools: a table for each region that has any.
#[derive(Debug, Default)]
struct PoolIndex {
    low: u64,
    span: u64,
    shift: u32,
    regions: Vec<u32>,
    slots: Vec<u32>,
}

/// Which blocks there were at one moment, for later ones to tell how old blocks are.
#[derive(Debug, Default)]
pub struct BlockAges(Vec<(u64, u32, Vec<u32>)>);

impl Pools {
    /// Those in resident memory: first addresses and addresses after the last, by address. `None` when there are more
    /// blocks than can be known.
    pub fn find(
        memory: &dyn Memory,
        ranges: &[(u64, u64)],
        size: u32,
        types: &mut dyn SmallTypes,
    ) -> Option<Self> {
        let mut found = Self { size: size.into(), ..Self::default() };
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        let mut header = [0; OVERHEAD];
        let step = u64::from(size);
        for &(start, end) in ranges {
            let mut at = start.checked_next_multiple_of(step).unwrap_or(u64::MAX);
            while at.checked_add(step).is_some_and(|behind| behind <= end) {
                let is_pool = memory.read(Address(at), &mut header)
                    && PoolBlocks::may_be(&header, bytes.len())
                    && memory.read(Address(at), &mut bytes);
                if let Some(pool) = PoolBlocks::read(&bytes, at).filter(|_| is_pool) {
                    let arena = arena_of(&header);
                    found.add((at, arena), &pool, &bytes, types);
                }
                if found.prints.len() > MOST {
                    return None;
                }
                at += step;
            }
        }
        found.index = PoolIndex::new(&found.pools, step)?;
        Some(found)
    }

    fn add(
        &mut self,
        (at, arena): (u64, u32),
        pool: &PoolBlocks,
        bytes: &[u8],
        types: &mut dyn SmallTypes,
    ) {
        let first = self.prints.len();
        let (Ok(block), Ok(count)) = (u32::try_from(pool.size), u32::try_from(pool.count)) else {
            return;
        };
        self.pools.push(PoolAt { at, block, first, count, arena });
        let all = first + pool.count;
        self.allocated.grow(all);
        self.headed.iter_mut().for_each(|bits| bits.grow(all));
        for number in 0..pool.count {
            let block = pool.bytes(bytes, number);
            let allocated = pool.is_allocated(number);
            let object = if allocated { SmallObject::find(block, types) } else { None };
            self.prints.push(fingerprint(block, object));
            if allocated {
                self.allocated.enter(first + number);
            }
            match object.and_then(SmallObject::head) {
                Some(0) => _ = self.headed[0].enter(first + number),
                Some(HEAD) => _ = self.headed[1].enter(first + number),
                _ => {}
            }
        }
    }

    /// Bytes of a pool.
    pub fn pool_size(&self) -> u64 {
        self.size
    }

    /// All of them, by address.
    pub fn all(&self) -> &[PoolAt] {
        &self.pools
    }

    /// How full the arenas are.
    pub fn arena_use(&self) -> ArenaUse {
        let span = ARENA_POOLS * self.size;
        let mut all = ArenaUse::default();
        let mut pools = self.pools.as_slice();
        while let Some(first) = pools.first() {
            let same = |pool: &PoolAt| pool.arena == first.arena && pool.at - first.at < span;
            let (arena, rest) = pools.split_at(pools.partition_point(same).max(1));
            let used: Vec<u64> = arena.iter().map(|pool| self.used_bytes(pool)).collect();
            let empty = used.iter().filter(|used| **used == 0).fold(0, |sum, _| sum + self.size);
            let bytes = arena.iter().fold(0, |sum, _| sum + self.size);
            let used = used.into_iter().fold(0, u64::saturating_add);
            all.arenas += 1;
            all.sparse_arenas += u64::from(used < bytes / SPARSE);
            all.bytes += bytes;
            all.used_bytes = all.used_bytes.saturating_add(used);
            all.empty_bytes += empty;
            pools = rest;
        }
        all
    }

    /// Of a pool, in blocks that are allocated.
    fn used_bytes(&self, pool: &PoolAt) -> u64 {
        let blocks = pool.first..pool.first + pool.count as usize;
        let count = blocks.filter(|number| self.allocated.has(*number)).count();
        u64::from(pool.block).saturating_mul(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// How many blocks, allocated or not.
    pub fn blocks(&self) -> usize {
        self.prints.len()
    }

    /// What tells a block from the next one at its address.
    pub fn print(&self, number: usize) -> u32 {
        self.prints.get(number).copied().unwrap_or(0)
    }

    /// The number of the pool that an address lies in.
    #[inline]
    pub fn pool_of(&self, address: u64) -> Option<usize> {
        self.index.find(address)
    }

    /// The number of the pool and of the block that a word leads to; nothing where it leads to the collector's
    /// header of an object, since such words count no reference.
    #[inline]
    pub fn find_block(&self, word: u64) -> Option<(usize, usize)> {
        // Almost every word that is no pointer ends here.
        if word.wrapping_sub(self.index.low) >= self.index.span {
            return None;
        }
        self.find_near(word)
    }

    fn find_near(&self, word: u64) -> Option<(usize, usize)> {
        /// Bits that the collector uses of its links.
        const FLAGS: u64 = 3;
        let number = self.pool_of(word)?;
        let pool = self.pools.get(number)?;
        let offset = usize::try_from(word - pool.at).ok()?.checked_sub(OVERHEAD)?;
        let (block, size) = (offset / pool.block as usize, pool.block as usize);
        if block >= pool.count as usize {
            return None;
        }
        let at = pool.first + block;
        let clean = usize::try_from((word & !FLAGS) - pool.at).ok()?.checked_sub(OVERHEAD)?;
        let is_head = match clean.checked_sub(block * size) {
            Some(0) => self.headed[0].has(at),
            Some(HEAD) => self.headed[1].has(at),
            _ => false,
        };
        (!is_head && self.allocated.has(at)).then_some((number, at))
    }

    /// For later: which blocks there are.
    pub fn ages(&self) -> BlockAges {
        let prints = |pool: &PoolAt| {
            let prints = pool.first..pool.first + pool.count as usize;
            let of = |number: usize| match self.allocated.has(number) {
                true => self.print(number).max(1),
                false => 0,
            };
            (pool.at, pool.block, prints.map(of).collect())
        };
        BlockAges(self.pools.iter().map(prints).collect())
    }
}

/// `arenaindex` of a header.
fn arena_of(header: &[u8; OVERHEAD]) -> u32 {
    header[32..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

impl PoolIndex {
    fn new(pools: &[PoolAt], size: u64) -> Option<Self> {
        let (Some(low), Some(last)) = (pools.first(), pools.last()) else {
            return Some(Self::default());
        };
        let low = low.at / REGION * REGION;
        let span = last.at.checked_add(size)?.checked_sub(low)?;
        let regions = usize::try_from(span.div_ceil(REGION)).ok()?;
        let per_region = usize::try_from(REGION / size).ok()?;
        let mut index = Self { low, span, shift: size.trailing_zeros(), ..Self::default() };
        // Arenas are mapped near each other, or in the heap far below: a table of regions covers both.
        let most = usize::try_from((1_u64 << 47) / REGION).ok()?;
        index.regions = vec![0; regions.min(most)];
        for (number, pool) in (1..).zip(pools) {
            let offset = pool.at - low;
            let region = index.regions.get_mut(usize::try_from(offset / REGION).ok()?)?;
            if *region == 0 {
                let tables = index.slots.len() / per_region;
                if tables >= REGIONS {
                    return None;
                }
                *region = u32::try_from(tables + 1).ok()?;
                index.slots.resize(index.slots.len() + per_region, 0);
            }
            let slot = usize::try_from((offset % REGION) >> index.shift).ok()?;
            index.slots[(*region as usize - 1) * per_region + slot] = number;
        }
        Some(index)
    }

    #[inline]
    fn find(&self, address: u64) -> Option<usize> {
        let offset = address.checked_sub(self.low).filter(|offset| *offset < self.span)?;
        let region = *self.regions.get(usize::try_from(offset / REGION).ok()?)?;
        let table = (region as usize).checked_sub(1)?;
        let per_region = usize::try_from(REGION >> self.shift).ok()?;
        let slot = usize::try_from((offset % REGION) >> self.shift).ok()?;
        (*self.slots.get(table * per_region + slot)? as usize).checked_sub(1)
    }
}

impl BlockAges {
    /// Whether a block was there with the same content.
    pub fn has(&self, block: Address, print: u32, pool_size: u64) -> bool {
        let base = block.0 & !(pool_size.max(1) - 1);
        let Ok(found) = self.0.binary_search_by_key(&base, |pool| pool.0) else { return false };
        let (_, size, prints) = &self.0[found];
        let number = (block.0 - base).checked_sub(OVERHEAD as u64).map(|at| at / u64::from(*size));
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.and_then(|number| prints.get(number)) == Some(&print.max(1))
    }
}
