//! The header of a pool of pymalloc.
//!
//! ```text
//! struct pool_header {                 Objects/obmalloc.c, Include/internal/pycore_obmalloc.h (3.12 on)
//!     union { block *_padding; uint count; } ref;     0   blocks in use
//!     block *freeblock;                               8   the first free one; each has the next in its first word
//!     struct pool_header *nextpool, *prevpool;    16, 24  of the same size, while some are free
//!     uint arenaindex;                               32
//!     uint szidx;                                    36   size of its blocks
//!     uint nextoffset;                               40   of the first block that was never used
//!     uint maxnextoffset;                            44   of the last block
//! };
//! ```
//!
//! It is the same from 3.8 to 3.15; what differs is how large a pool is.

use crate::heap::view::word_at;
use crate::model::Address;

/// `POOL_OVERHEAD`: `sizeof(struct pool_header)`, which is a multiple of [`ALIGNMENT`].
pub const OVERHEAD: u32 = 48;
/// `sizeof(struct pool_header)` as the length of a buffer.
pub const HEADER: usize = OVERHEAD as usize;
/// `ALIGNMENT` on 64-bit machines: the size of the smallest blocks, and the step from one size to
/// the next.
const ALIGNMENT: u32 = 16;
/// `NB_SMALL_SIZE_CLASSES`: 512 bytes are the largest blocks.
const CLASSES: u32 = 32;
/// More arenas than a process can have.
const ARENAS: u32 = 1 << 24;
/// No address of user space is higher.
const HIGHEST: u64 = 1 << 47;

/// A pool, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Bytes of each of its blocks.
    pub block: u32,
    /// Blocks in use.
    pub used: u32,
    /// Blocks that there is room for.
    pub capacity: u32,
}

impl Pool {
    /// What the header at `address` says of a pool of `size` bytes; `None` when there is no pool. A
    /// header says the same things more than once, and all of them must agree: memory that only
    /// looks like one hardly does.
    pub fn read(header: &[u8; HEADER], address: Address, size: u32) -> Option<Self> {
        let half = |index: usize| half_at(header, 4 * index);
        let class = Some(half(9)).filter(|class| *class < CLASSES)?;
        let block = (class + 1) * ALIGNMENT;
        let room = size.checked_sub(OVERHEAD)?;
        let (used, capacity) = (half(0), room / block);
        let carved = half(10).checked_sub(OVERHEAD)?;
        // A new pool has its second block ready, so two have been cut off at least.
        let cut = carved.is_multiple_of(block) && (2..=capacity).contains(&(carved / block));
        let is_last = half(11) == size.checked_sub(block)?;
        // Whoever takes the last free block cuts off the next one: only a full pool has none.
        let counted = used < carved / block || used == capacity;
        let free = word_at(header, 8);
        let free = match used == capacity {
            true => free == 0,
            false => is_block(free, address, carved, block),
        };
        let links = [word_at(header, 16), word_at(header, 24)];
        let linked = links.iter().all(|link| link.is_multiple_of(8) && *link < HIGHEST);
        let sane = cut && is_last && counted && free && linked && half(8) < ARENAS;
        sane.then_some(Self { block, used, capacity })
    }

    /// Bytes of the blocks in use.
    pub fn used_bytes(self) -> u64 {
        u64::from(self.used) * u64::from(self.block)
    }

    /// Bytes of the others.
    pub fn free_bytes(self) -> u64 {
        u64::from(self.capacity.saturating_sub(self.used)) * u64::from(self.block)
    }
}

/// Whether there is a block, among those that were cut off.
fn is_block(at: u64, pool: Address, carved: u32, block: u32) -> bool {
    let offset = pool.offset(OVERHEAD.into()).and_then(|first| at.checked_sub(first.0));
    offset
        .is_some_and(|offset| offset < u64::from(carved) && offset.is_multiple_of(u64::from(block)))
}

fn half_at(header: &[u8; HEADER], offset: usize) -> u32 {
    let half = header.get(offset..).and_then(|rest| rest.first_chunk());
    half.map_or(0, |half| u32::from_le_bytes(*half))
}
