//! From addresses to numbers of objects: looked up for every reference of a heap.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::model::Address;

/// Hashes by multiplication: a target that chose its addresses to collide would slow down only the
/// snapshot of itself, and the number of objects is bounded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Multiply(u64);

/// Odd, with bits well spread: 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        // The low bits of a product do not depend on the high bits of the factors.
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        let halves = (product, product >> 64);
        self.0 = low(halves.0) ^ low(halves.1);
    }
}

/// The lower half.
#[inline]
fn low(product: u128) -> u64 {
    u64::try_from(product & u128::from(u64::MAX)).unwrap_or(0)
}

/// A map whose keys are addresses.
pub type AddressMap<T> = HashMap<u64, T, BuildHasherDefault<Multiply>>;

/// Bytes of address space that have a table of their own, if an object begins there.
const GRAIN: u64 = 1024;
/// Objects of the allocators begin at multiples of this.
const ALIGNMENT: u64 = 16;
/// Places in a grain.
const PLACES: usize = (GRAIN / ALIGNMENT) as usize;

/// Numbers of objects by address. Objects that are near are asked for together, so their numbers
/// are kept together.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Grains to their tables.
    grains: AddressMap<u32>,
    /// [`PLACES`] of each table, one after the other: 0, or a number and one.
    places: Vec<u32>,
    /// Objects at other addresses: in the data of libraries.
    others: AddressMap<u32>,
}

impl Index {
    /// The number of the object at an address.
    #[inline]
    pub fn get(&self, address: Address) -> Option<u32> {
        if !address.0.is_multiple_of(ALIGNMENT) {
            return self.others.get(&address.0).copied();
        }
        let table = *self.grains.get(&(address.0 / GRAIN))?;
        self.places.get(place(table, address))?.checked_sub(1)
    }

    /// Enters an object under a number; false when it is there already, or there is no room.
    pub fn enter(&mut self, address: Address, number: u32) -> bool {
        if !address.0.is_multiple_of(ALIGNMENT) {
            return self.others.insert(address.0, number).is_none();
        }
        let Ok(next) = u32::try_from(self.places.len() / PLACES) else { return false };
        let table = *self.grains.entry(address.0 / GRAIN).or_insert(next);
        if table == next {
            self.places.resize(self.places.len() + PLACES, 0);
        }
        match self.places.get_mut(place(table, address)) {
            Some(place @ 0) => {
                *place = number.saturating_add(1);
                true
            }
            _ => false,
        }
    }
}

#[inline]
fn place(table: u32, address: Address) -> usize {
    let inside = usize::try_from(address.0 % GRAIN / ALIGNMENT).unwrap_or(0);
    table as usize * PLACES + inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_number() {
        let mut index = Index::default();
        assert!(index.enter(Address(0x7f00_0000_1010), 1));
        assert!(!index.enter(Address(0x7f00_0000_1010), 2));
        assert_eq!(index.get(Address(0x7f00_0000_1010)), Some(1));
        assert_eq!(index.get(Address(0x7f00_0000_1020)), None);
        assert!(index.enter(Address(0x7f00_0000_1018), 7));
        assert_eq!(index.get(Address(0x7f00_0000_1018)), Some(7));
        assert_eq!(index.get(Address(0x7f00_0000_1008)), None);
    }
}
