//! Small objects of CPython: which one a pointer stands in.
//!
//! Objects of up to 512 bytes live in pools that CPython cuts from its arenas (`Objects/obmalloc.c`
//! and, since 3.12, `Include/internal/pycore_obmalloc.h`; the same layout from 3.8 to 3.15). They
//! are no blocks of the allocator that is traced. But where such an object is all that leads to a
//! block, as an array leads to its data, the block is unreachable when the object is: its reference
//! count was leaked.

use crate::model::{Address, Memory};

/// Sizes of pools: since 3.10, and before.
const POOLS: [u64; 2] = [16 << 10, 4 << 10];
const HEADER: u64 = 48;
const ALIGNMENT: u64 = 16;
/// Sizes of objects: multiples of the alignment up to 512.
const CLASSES: u64 = 32;

/// The object that holds the word at `place`: where it begins, and its room in bytes. Nothing when
/// there is no pool, as far as its header tells.
pub fn object_at(memory: &dyn Memory, place: Address) -> Option<(Address, u64)> {
    POOLS.into_iter().find_map(|size| object_in_pool(memory, place.0, size))
}

fn object_in_pool(memory: &dyn Memory, place: u64, pool_size: u64) -> Option<(Address, u64)> {
    let pool = place & !(pool_size - 1);
    let mut header = [0; 48];
    if !memory.read(Address(pool), &mut header) {
        return None;
    }
    let word =
        |index: usize| header[8 * index..].first_chunk().map(|word| u64::from_le_bytes(*word));
    let (count, free) = (word(0)? & 0xffff_ffff, word(1)?);
    let class = word(4)? >> 32;
    let (next, last) = (word(5)? & 0xffff_ffff, word(5)? >> 32);
    let size = (class + 1) * ALIGNMENT;
    // A pool in use: each of these is a few bits of evidence, `last` alone is 32.
    let holds = class < CLASSES
        && last == pool_size - size
        && (1..=(pool_size - HEADER) / size).contains(&count)
        && next >= HEADER
        && next <= last + size
        && (next - HEADER).is_multiple_of(size)
        && (free == 0 || free.wrapping_sub(pool) < pool_size);
    let inside = place.checked_sub(pool + HEADER)?;
    let object = pool + HEADER + inside / size * size;
    (holds && object + size <= pool + next).then_some((Address(object), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of objects of 96 bytes, of which 10 were ever used.
    struct Pool {
        at: u64,
        words: [u64; 6],
    }

    impl Memory for Pool {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            if address.0 != self.at || into.len() != 48 {
                return false;
            }
            into.copy_from_slice(&self.words.map(u64::to_le_bytes).concat());
            true
        }
    }

    fn pool(size: u64) -> Pool {
        let at = 0x7f00_0010_0000;
        let next = HEADER + 10 * 96;
        Pool { at, words: [7, at + 144, 0, 0, 5 << 32 | 3, (size - 96) << 32 | next] }
    }

    #[test]
    fn words_are_told_their_object() {
        for size in POOLS {
            let pool = pool(size);
            let at = |offset| {
                object_at(&pool, Address(pool.at + offset))
                    .map(|found| (found.0.0 - pool.at, found.1))
            };
            assert_eq!(at(HEADER), Some((HEADER, 96)));
            assert_eq!(at(HEADER + 95), Some((HEADER, 96)));
            assert_eq!(at(HEADER + 9 * 96 + 8), Some((HEADER + 9 * 96, 96)));
            assert_eq!(at(HEADER + 10 * 96), None, "never used");
            assert_eq!(at(8), None, "the header");
        }
    }

    #[test]
    fn what_is_no_pool_is_not_taken_for_one() {
        let good = pool(POOLS[0]);
        let place = Address(good.at + HEADER);
        for (index, word) in
            [(0, 0), (0, 1 << 20), (1, 5), (4, 32 << 32), (5, good.words[5] + 1), (5, 0)]
        {
            let mut bad = pool(POOLS[0]);
            bad.words[index] = word;
            assert_eq!(object_at(&bad, place), None, "{index} {word:#x}");
        }
        assert_eq!(object_at(&good, Address(good.at + POOLS[0] + 64)), None, "cannot be read");
    }
}
