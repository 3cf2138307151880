//! Where the objects of each version keep their fields: one plain row per version that
//! differs; a later row of the same minor version takes over from its micro version on.
//!
//! The numbers are `offsetof` in the headers of the version named in each row (GIL builds, x86-64),
//! compiled with `Py_BUILD_CORE`. What has not moved between 3.8 and 3.15 is a constant of the file
//! that reads it. Adding a version is adding a row.

mod row;
mod structs;

pub use row::ROWS;
pub use structs::c_struct;

use crate::python::Version;

/// A field that owns a reference, by the name that Python has for it, and its offset.
pub type FieldAt = (&'static str, u16);

/// Offsets of the objects of one minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectLayout {
    /// Minor version.
    pub minor: u8,
    /// First micro version that is so.
    pub from_micro: u8,
    /// `POOL_SIZE`: bytes of a pool of pymalloc (`Objects/obmalloc.c`).
    pub pool_size: u32,
    /// `PyHeapTypeObject`
    pub heap_type: HeapType,
    /// Whether the size of a type that is written in C leaves out the collector's header, which it
    /// does not have.
    pub static_types_bare: bool,
    /// Whether a dict owns the values in the object that it belongs to (gh-130327); else the object
    /// does.
    pub dict_owns_embedded: bool,
    /// First item of a `PyTupleObject`.
    pub tuple_items: u16,
    /// `PyDictKeysObject`
    pub keys: Keys,
    /// `PyDictValues`
    pub values: Values,
    /// Where instances keep attributes that no `tp_dictoffset` tells.
    pub attributes: Attributes,
    /// `PyFunctionObject`
    pub function: &'static [FieldAt],
    /// `propertyobject`
    pub property: &'static [FieldAt],
    /// `PyModuleObject`
    pub module: &'static [FieldAt],
    /// `md_state` of a `PyModuleObject`: what a module written in C has for itself.
    pub module_state: u16,
    /// `PyCodeObject`
    pub code: CodeFields,
    /// `PyFrameObject`
    pub frame_object: &'static [FieldAt],
    /// `_f_frame_data`: where a frame object has a frame of its own (3.11 on).
    pub frame_data: u16,
    /// Where a frame has its variables.
    pub frame: FrameFields,
    /// `PyGenObject`
    pub generator: Generator,
}

/// `PyHeapTypeObject`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapType {
    /// Bytes.
    pub size: u16,
    /// `sizeof(PyTypeObject)`
    pub type_size: u16,
    /// `ht_name`
    pub name: u16,
    /// `ht_slots`
    pub slots: u16,
    /// `ht_qualname`
    pub qualified_name: u16,
    /// `ht_cached_keys`
    pub cached_keys: u16,
    /// `ht_module` (3.9 on)
    pub module: Option<u16>,
}

/// How the table of a dict is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// `dk_size`, and entries of hash, key and value (`Objects/dict-common.h`, to 3.10).
    Sized,
    /// `dk_log2_size`, `dk_log2_index_bytes` and `dk_kind`; entries of string keys have no hash
    /// (`Include/internal/pycore_dict.h`, 3.11 on).
    Logarithmic,
}

/// How values beside a table are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// An array of pointers (to 3.12).
    Array,
    /// Behind a word with capacity, size, and whether they are embedded in an object and valid
    /// (3.13 on).
    Headed,
}

/// Where an instance keeps its attributes, if its type has `Py_TPFLAGS_MANAGED_DICT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// Types have no such flag (to 3.10).
    Offset,
    /// Four words before the object the values, three before it the dict (3.11,
    /// `Objects/object.c`).
    Pair,
    /// Three words before it the dict, or the values less one byte (3.12, `PyDictOrValues`).
    Tagged,
    /// Three words before it the dict; values behind the object if it has
    /// `Py_TPFLAGS_INLINE_VALUES` (3.13 on).
    Embedded,
}

/// `PyCodeObject`, beyond what [`crate::python::layout::CodeLayout`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFields {
    /// Owned references.
    pub fields: &'static [FieldAt],
    /// `co_stacksize`
    pub stack_size: u16,
    /// How its variables are named.
    pub names: VariableNames,
}

/// Where the names of variables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableNames {
    /// Three tuples, of which the sum is the number of variables (to 3.10).
    Apart {
        /// `co_varnames`
        locals: u16,
        /// `co_cellvars`
        cells: u16,
        /// `co_freevars`
        free: u16,
    },
    /// One tuple for all, those that a closure has from around it last (3.11 on).
    Together {
        /// `co_localsplusnames`
        names: u16,
        /// `co_nlocalsplus`
        count: u16,
        /// `co_nfreevars`
        free: u16,
    },
}

/// What a frame refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFields {
    /// Owned references, tagged or not.
    pub fields: &'static [FieldAt],
    /// The first variable; the evaluation stack follows the last.
    pub locals: u16,
    /// Where the top of the stack is reported while the frame does not run.
    pub top: Top,
}

/// How the top of an evaluation stack is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// The address behind it, null while the frame runs (3.8, 3.9; 3.14 on).
    Pointer(u16),
    /// Its depth (3.10), -1 while the frame runs.
    Depth(u16),
    /// Its depth with the variables below it (3.11 to 3.13), -1 while the frame runs.
    Index(u16),
}

/// `PyGenObject`, `PyCoroObject`, `PyAsyncGenObject`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Owned references.
    pub fields: &'static [FieldAt],
    /// Where its frame is.
    pub frame: GeneratorFrame,
}

/// Where the frame of a generator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorFrame {
    /// An object of its own, which is among the fields (to 3.10).
    Object {
        /// `gi_frame`
        frame: u16,
    },
    /// In the generator.
    Embedded {
        /// `gi_iframe`
        frame: u16,
        /// `gi_frame_state`, one signed byte.
        state: u16,
        /// The first state in which there is nothing in the frame (`FRAME_COMPLETED`, 3.15:
        /// `FRAME_CLEARED`).
        done: i8,
    },
}

/// The row of a version, if its objects are known.
pub fn objects(version: Version) -> Option<&'static ObjectLayout> {
    let known = version.major == 3 && !version.is_unfinished();
    let fits = |row: &&ObjectLayout| row.minor == version.minor && row.from_micro <= version.micro;
    ROWS.iter().rev().find(fits).filter(|_| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_version_has_a_row() {
        for minor in 8..=15 {
            for micro in [0, 1, 20] {
                let row = objects(Version::new(3, minor, micro)).expect("a row");
                assert!(row.minor == minor && row.from_micro <= micro);
            }
        }
        let by_dict = |minor, micro| {
            objects(Version::new(3, minor, micro)).is_some_and(|row| row.dict_owns_embedded)
        };
        assert_eq!([by_dict(13, 12), by_dict(13, 13)], [false, true]);
        assert_eq!([by_dict(14, 3), by_dict(14, 4), by_dict(15, 0)], [false, true, true]);
        assert!(
            objects(Version::new(3, 7, 9)).is_none() && objects(Version::new(3, 16, 0)).is_none()
        );
    }
}
