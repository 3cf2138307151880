//! One pass: which blocks something leads to.

use super::bits::Bits;
use super::pool::PoolBlocks;
use super::pools::{PoolAt, Pools};
use super::{SmallObject, SmallTypes, fingerprint};
use crate::leak_scan::scan::{PointerAlignment, integer};
use crate::model::{Address, Memory};

const WORD: usize = 8;

/// What a pass saw so far.
#[derive(Debug)]
pub struct ArenaScan {
    pools: Pools,
    /// Blocks that something leads to.
    marked: Bits,
    /// Marked blocks whose own words were followed.
    followed: Bits,
    /// Pools with marked blocks that were not.
    open: Vec<usize>,
    is_open: Bits,
}

/// A block that nothing leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmarked {
    /// Where it begins.
    pub start: Address,
    /// Its bytes.
    pub size: u32,
    /// What tells it from the next one at its address.
    pub print: u32,
}

impl ArenaScan {
    /// Nothing seen yet.
    pub fn new(pools: Pools) -> Self {
        let (blocks, count) = (pools.blocks(), pools.all().len());
        let (marked, followed) = (Bits::new(blocks), Bits::new(blocks));
        Self { pools, marked, followed, open: Vec::new(), is_open: Bits::new(count) }
    }

    /// Takes a chunk of memory from `at` on. Pools in it are passed over.
    pub fn scan(&mut self, at: Address, bytes: &[u8], alignment: PointerAlignment) {
        let size = self.pools.pool_size().max(1);
        let (mut at, mut rest) = (at.0, bytes);
        while !rest.is_empty() {
            let until = (at / size + 1).saturating_mul(size) - at;
            let length = usize::try_from(until).map_or(rest.len(), |until| until.min(rest.len()));
            // A word that is cut in two belongs to where it begins.
            let whole = match alignment {
                PointerAlignment::Aligned => length,
                PointerAlignment::Anywhere => (length + WORD - 1).min(rest.len()),
            };
            if self.pools.pool_of(at).is_none() {
                self.outside(at, &rest[..whole], alignment);
            }
            (at, rest) = (at.saturating_add(length as u64), &rest[length..]);
        }
    }

    fn outside(&mut self, at: u64, bytes: &[u8], alignment: PointerAlignment) {
        match alignment {
            PointerAlignment::Aligned => {
                let skip = usize::try_from(at.next_multiple_of(8) - at).unwrap_or(0);
                for word in bytes.get(skip..).unwrap_or(&[]).chunks_exact(WORD) {
                    self.mark(value(word));
                }
            }
            PointerAlignment::Anywhere => {
                for word in bytes.windows(WORD) {
                    self.mark(value(word));
                }
            }
        }
    }

    #[inline]
    fn mark(&mut self, word: u64) {
        if let Some((pool, block)) = self.pools.find_block(word) {
            self.mark_block(pool, block);
        }
        if let Some((pool, block)) = integer(word).and_then(|word| self.pools.find_block(word)) {
            self.mark_block(pool, block);
        }
    }

    fn mark_block(&mut self, pool: usize, block: usize) {
        if self.marked.enter(block) && self.is_open.enter(pool) {
            self.open.push(pool);
        }
    }

    /// Ends the pass: follows what leads from block to block, and tells the rest. What was freed or made
    /// meanwhile counts as led to, and so does all that it leads to.
    pub fn finish(mut self, memory: &dyn Memory, types: &mut dyn SmallTypes) -> Vec<Unmarked> {
        let mut bytes = vec![0; usize::try_from(self.pools.pool_size()).unwrap_or(0)];
        for number in 0..self.pools.all().len() {
            self.compare(memory, types, number, &mut bytes);
        }
        while let Some(number) = self.open.pop() {
            self.is_open.leave(number);
            let Some(pool) = self.pools.all().get(number).copied() else { continue };
            if memory.read(Address(pool.at), &mut bytes) {
                self.follow_pool(types, pool, &bytes);
            }
        }
        self.unmarked()
    }

    /// What has changed in a pool since the pass began.
    fn compare(
        &mut self,
        memory: &dyn Memory,
        types: &mut dyn SmallTypes,
        number: usize,
        bytes: &mut [u8],
    ) {
        let Some(pool) = self.pools.all().get(number).copied() else { return };
        // What was given back holds nothing.
        if !memory.read(Address(pool.at), bytes) {
            (0..pool.count as usize)
                .for_each(|block| self.pools.allocated.leave(pool.first + block));
            return;
        }
        let now = PoolBlocks::read(bytes, pool.at).filter(|now| now.size == pool.block as usize);
        let Some(now) = now else {
            (0..pool.count as usize)
                .for_each(|block| self.pools.allocated.leave(pool.first + block));
            self.outside(pool.at, bytes, PointerAlignment::Aligned);
            return;
        };
        for block in 0..now.count {
            let at = pool.first + block;
            let known = block < pool.count as usize && self.pools.allocated.has(at);
            if !now.is_allocated(block) {
                if known {
                    self.pools.allocated.leave(at);
                }
                continue;
            }
            let content = now.bytes(bytes, block);
            let object = SmallObject::find(content, types);
            if known && self.pools.print(at) == fingerprint(content, object) {
                continue;
            }
            if known {
                self.marked.enter(at);
                self.followed.enter(at);
            }
            self.follow(content, object);
        }
    }

    fn follow_pool(&mut self, types: &mut dyn SmallTypes, pool: PoolAt, bytes: &[u8]) {
        // Blocks of a pool that lead to others before them are few.
        let mut again = true;
        while again {
            again = false;
            for block in 0..pool.count as usize {
                let at = pool.first + block;
                if self.marked.has(at) && self.followed.enter(at) {
                    let start = super::pool::OVERHEAD + block * pool.block as usize;
                    let content = bytes.get(start..start + pool.block as usize).unwrap_or(&[]);
                    let object = SmallObject::find(content, types);
                    self.follow(content, object);
                    again = true;
                }
            }
        }
    }

    fn follow(&mut self, content: &[u8], object: Option<SmallObject>) {
        for (index, word) in content.chunks_exact(WORD).enumerate() {
            if object.is_none_or(|object| !object.is_no_reference(WORD * index)) {
                self.mark(value(word));
            }
        }
    }

    fn unmarked(&self) -> Vec<Unmarked> {
        let mut unmarked = Vec::new();
        for pool in self.pools.all() {
            for block in 0..pool.count {
                let at = pool.first + block as usize;
                if self.pools.allocated.has(at) && !self.marked.has(at) {
                    let offset = super::pool::OVERHEAD as u64 + u64::from(block * pool.block);
                    let start = Address(pool.at + offset);
                    unmarked.push(Unmarked {
                        start,
                        size: pool.block,
                        print: self.pools.print(at),
                    });
                }
            }
        }
        unmarked
    }
}

#[inline]
fn value(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}
