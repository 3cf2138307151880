//! What every reader of objects needs: bytes, where the fields are, and the types that are known.

use super::class::ClassId;
use super::layout::ObjectLayout;
use super::refcount::Refcount;
use crate::model::{Address, Memory};
use crate::python::Layout;

/// A heap as its readers see it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Its bytes.
    pub memory: &'a dyn Memory,
    /// Where frames, code and strings keep their fields.
    pub layout: &'a Layout,
    /// Where other objects do.
    pub objects: &'a ObjectLayout,
    /// How references are counted.
    pub refcount: Refcount,
}

/// An object and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Where it is.
    pub address: Address,
    /// Its type.
    pub class: ClassId,
}

impl View<'_> {
    /// The word at `offset` in the object at `object`.
    pub fn word(&self, object: Address, offset: u64) -> Option<u64> {
        self.memory.u64(object.offset(offset)?)
    }
}
