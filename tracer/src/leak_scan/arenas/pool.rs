//! One pool: which of its blocks are allocated.
//!
//! The header is described where pools are counted (`heap`); here the list of free blocks is followed as
//! well: each has the address of the next in its first word.

use super::bits::Bits;
use super::word;

/// `POOL_OVERHEAD`
pub const OVERHEAD: usize = 48;
/// `ALIGNMENT`
const ALIGNMENT: usize = 16;
/// `NB_SMALL_SIZE_CLASSES`
const CLASSES: usize = 32;

/// A pool whose header and list of free blocks agree.
#[derive(Clone, Debug)]
pub struct PoolBlocks {
    /// Bytes of each block.
    pub size: usize,
    /// Blocks that were ever used.
    pub count: usize,
    free: Bits,
}

impl PoolBlocks {
    /// Of the bytes of what may be a pool at an address. `None` when there is none, or it is being changed:
    /// the header says the same things more than once, and as many blocks must be free as are in the list.
    pub fn read(bytes: &[u8], at: u64) -> Option<Self> {
        let (used, first_free) = (half(bytes, 0)?, word(bytes, 8)?);
        let size = Self::block_size(bytes)?;
        let capacity = (bytes.len() - OVERHEAD) / size;
        let count = half(bytes, 40)?.checked_sub(OVERHEAD)?;
        let fits = count.is_multiple_of(size) && count / size <= capacity && used <= count / size;
        let mut found = Self { size, count: count / size, free: Bits::new(count / size) };
        if !fits {
            return None;
        }
        let (mut next, mut free) = (first_free, 0);
        while next != 0 {
            let offset = usize::try_from(next.checked_sub(at)?).ok()?;
            let number = found.number(offset).filter(|number| found.start(*number) == offset)?;
            // A list that leads into itself has a block twice.
            if !found.free.enter(number) {
                return None;
            }
            (next, free) = (word(bytes, offset)?, free + 1);
        }
        (used + free == found.count).then_some(found)
    }

    /// Bytes of the blocks, if the header could be one; enough to pass over what is none without reading it.
    pub fn block_size(header: &[u8]) -> Option<usize> {
        let class = half(header, 36).filter(|class| *class < CLASSES)?;
        Some((class + 1) * ALIGNMENT)
    }

    /// Whether the header could be that of a pool of so many bytes.
    pub fn may_be(header: &[u8; OVERHEAD], pool: usize) -> bool {
        let last = |size: usize| half(header, 44) == pool.checked_sub(size);
        Self::block_size(header).is_some_and(last)
    }

    /// The block that an offset lies in.
    pub fn number(&self, offset: usize) -> Option<usize> {
        let number = offset.checked_sub(OVERHEAD)? / self.size;
        (number < self.count).then_some(number)
    }

    /// Where a block begins.
    pub fn start(&self, number: usize) -> usize {
        OVERHEAD + number * self.size
    }

    /// Whether a block is allocated.
    pub fn is_allocated(&self, number: usize) -> bool {
        number < self.count && !self.free.has(number)
    }

    /// The bytes of a block.
    pub fn bytes<'a>(&self, pool: &'a [u8], number: usize) -> &'a [u8] {
        let start = self.start(number);
        pool.get(start..start + self.size).unwrap_or(&[])
    }
}

fn half(bytes: &[u8], offset: usize) -> Option<usize> {
    let half = bytes.get(offset..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*half)).ok()
}
