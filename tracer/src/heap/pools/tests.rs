//! Headers as they are, torn, and absurd.

use proptest::prelude::*;

use crate::heap::pool::{HEADER, OVERHEAD, Pool};
use crate::model::Address;

const AT: Address = Address(0x7f00_0000_4000);
const SIZE: u32 = 16 << 10;

/// A header of blocks of 64 bytes, of which so many were cut off and are in use.
fn header(used: u32, cut: u32) -> [u8; HEADER] {
    let free = if used == 255 { 0 } else { AT.0 + 48 + 64 };
    let mut bytes = [0; HEADER];
    bytes[..4].copy_from_slice(&used.to_le_bytes());
    bytes[8..16].copy_from_slice(&free.to_le_bytes());
    for (at, half) in [(32, 1), (36, 3), (40, OVERHEAD + 64 * cut), (44, SIZE - 64)] {
        bytes[at..at + 4].copy_from_slice(&half.to_le_bytes());
    }
    bytes
}

fn changed(at: usize, value: u32) -> Option<Pool> {
    let mut bytes = header(3, 9);
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    Pool::read(&bytes, AT, SIZE)
}

#[test]
fn a_header_tells_how_full_a_pool_is() {
    let pool = Pool::read(&header(3, 9), AT, SIZE).expect("a pool");
    assert_eq!((pool.block, pool.used, pool.capacity), (64, 3, 255));
    assert_eq!((pool.used_bytes(), pool.free_bytes()), (192, 252 * 64));
    assert!(Pool::read(&header(0, 9), AT, SIZE).is_some(), "an empty pool is one");
    assert!(Pool::read(&header(255, 255), AT, SIZE).is_some(), "a full pool is one");
}

#[test]
fn what_does_not_agree_is_no_pool() {
    assert!(Pool::read(&[0; HEADER], AT, SIZE).is_none());
    assert!(Pool::read(&header(3, 9), Address(AT.0 + 16_384), SIZE).is_none(), "a copy elsewhere");
    assert!(Pool::read(&header(3, 9), AT, 4096).is_none(), "a pool of another size");
    // Count, free block, links, arena, size class, next and last offset.
    let wrong =
        [(0, 9), (0, 256), (8, 0x4031), (8, 0x4030 + 64 * 9), (12, 0), (16, 4), (28, 1 << 16)];
    let more = [
        (32, 1 << 24),
        (36, 32),
        (36, 4),
        (36, u32::MAX),
        (40, 47),
        (40, 113),
        (40, u32::MAX),
        (44, 0),
    ];
    for (at, value) in wrong.into_iter().chain(more) {
        assert_eq!(changed(at, value), None, "{value:#x} at {at}");
    }
}

proptest! {
    /// No panic, and never more in use than there is room for.
    #[test]
    fn any_bytes_are_read(bytes in any::<[[u8; 16]; 3]>(), at: u64, size: u32) {
        let bytes: [u8; HEADER] = bytes.concat().try_into().expect("48 bytes");
        if let Some(pool) = Pool::read(&bytes, Address(at), size) {
            prop_assert!(pool.used <= pool.capacity && pool.capacity <= size / 16);
        }
    }
}
