//! Where bytes of a target come from.

use super::Address;

/// Memory of a target: a live process, a saved image, the copied parts of a dead object. Every
/// reader of CPython's structures takes this, so that all of them work on all sources.
pub trait Memory {
    /// Fills `into` from `address`; false when not all of it could be read.
    fn read(&self, address: Address, into: &mut [u8]) -> bool;

    /// `length` bytes from `address`. Callers bound `length` before asking.
    fn bytes(&self, address: Address, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes).then_some(bytes)
    }

    /// A little-endian `u8`.
    fn u8(&self, address: Address) -> Option<u8> {
        let mut bytes = [0; 1];
        self.read(address, &mut bytes).then_some(bytes[0])
    }

    /// A little-endian `u32`.
    fn u32(&self, address: Address) -> Option<u32> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes).then_some(u32::from_le_bytes(bytes))
    }

    /// A little-endian `u64`.
    fn u64(&self, address: Address) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).then_some(u64::from_le_bytes(bytes))
    }

    /// A pointer.
    fn pointer(&self, address: Address) -> Option<Address> {
        self.u64(address).map(Address)
    }
}

impl<M: Memory + ?Sized> Memory for &M {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        (**self).read(address, into)
    }
}
