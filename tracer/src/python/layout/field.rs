//! An offset that knows what lies there.

use std::marker::PhantomData;

use crate::model::{Address, Memory};

/// The offset, in bytes, of a member of type `T` in some struct of the target. Sixteen bits are
/// enough for every member that we read, and keep an absurd published offset from being represented
/// at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<T> {
    offset: u16,
    value: PhantomData<fn() -> T>,
}

/// What a member can be.
pub trait Value: Sized {
    /// Bytes.
    const SIZE: u16;

    /// Reads one, or nothing where the memory cannot be read.
    fn read(memory: &dyn Memory, address: Address) -> Option<Self>;
}

impl<T> Field<T> {
    /// The member at `offset`.
    pub const fn at(offset: u16) -> Self {
        Self { offset, value: PhantomData }
    }
}

impl<T: Value> Field<T> {
    /// Bytes from the beginning of the struct.
    pub fn offset(self) -> u32 {
        u32::from(self.offset)
    }

    /// The first byte behind it.
    pub fn end(self) -> u32 {
        u32::from(self.offset) + u32::from(T::SIZE)
    }

    /// Where it is in the struct at `object`.
    pub fn of(self, object: Address) -> Option<Address> {
        object.offset(self.offset.into())
    }

    /// Its value in the struct at `object`.
    pub fn read(self, memory: &dyn Memory, object: Address) -> Option<T> {
        T::read(memory, self.of(object)?)
    }
}

impl Value for Address {
    const SIZE: u16 = 8;

    fn read(memory: &dyn Memory, address: Address) -> Option<Self> {
        memory.pointer(address)
    }
}

impl Value for u64 {
    const SIZE: u16 = 8;

    fn read(memory: &dyn Memory, address: Address) -> Option<Self> {
        memory.u64(address)
    }
}

impl Value for u32 {
    const SIZE: u16 = 4;

    fn read(memory: &dyn Memory, address: Address) -> Option<Self> {
        memory.u32(address)
    }
}

impl Value for i32 {
    const SIZE: u16 = 4;

    fn read(memory: &dyn Memory, address: Address) -> Option<Self> {
        memory.u32(address).map(u32::cast_signed)
    }
}

impl Value for u8 {
    const SIZE: u16 = 1;

    fn read(memory: &dyn Memory, address: Address) -> Option<Self> {
        memory.u8(address)
    }
}
