//! Where the objects of each version keep their fields.

/// Offsets of the objects of one minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectLayout {
    /// Minor version.
    pub minor: u8,
    /// `PyHeapTypeObject`
    pub heap_type: HeapType,
}

/// `PyHeapTypeObject`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapType {
    /// `ht_qualname`
    pub qualified_name: u16,
    /// `ht_cached_keys`
    pub cached_keys: u16,
}

/// STUB.
pub fn objects(_: crate::python::Version) -> Option<&'static ObjectLayout> {
    None
}
