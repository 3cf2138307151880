//! From addresses to numbers of objects: asked for every reference of a heap.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::model::Address;

/// Multiplies: addresses need no defence against chosen keys that would cost a census its speed, because who
/// chooses them slows down only the look at himself, and the number of objects is bounded.
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
        // The low bits of a product know nothing of the high bits of the factors.
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

/// Objects by number, and numbers by address.
#[derive(Clone, Debug, Default)]
pub struct Index {
    numbers: AddressMap<u32>,
}

impl Index {
    /// The number of the object at an address.
    #[inline]
    pub fn get(&self, address: Address) -> Option<u32> {
        self.numbers.get(&address.0).copied()
    }

    /// Enters an object under a number; false when it is there already.
    pub fn enter(&mut self, address: Address, number: u32) -> bool {
        use std::collections::hash_map::Entry;
        match self.numbers.entry(address.0) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(number);
                true
            }
        }
    }
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
    }
}
