//! Types: what an object's type says of it.

use crate::model::Address;

/// Number of a type in a [`Classes`](super::Classes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// How the instances of a type are laid out: the nearest base that is a built-in type whose struct is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `object`, and Python classes that derive from nothing else: only what every object has.
    Plain,
    /// A C struct that is not known.
    Opaque,
    /// `type`
    Type,
    /// `dict`, also `collections.defaultdict` (by [`Self::Opaque`] fields on top)
    Dict,
    /// `collections.OrderedDict`
    OrderedDict,
    /// `list`
    List,
    /// `tuple`
    Tuple,
    /// `set`, `frozenset`
    Set,
    /// `str`
    Str,
    /// `bytes`
    Bytes,
    /// `bytearray`
    ByteArray,
    /// `int`, `bool`
    Int,
    /// `function`
    Function,
    /// `method`
    Method,
    /// `builtin_function_or_method`
    BuiltinMethod,
    /// `cell`
    Cell,
    /// `module`
    Module,
    /// `code`
    Code,
    /// `frame`
    Frame,
    /// `generator`, `coroutine`, `async_generator`
    Generator,
    /// `weakref.ReferenceType`, `weakref.ProxyType`, `weakref.CallableProxyType`
    Weakref,
    /// `collections.deque`
    Deque,
    /// `functools.partial`
    Partial,
    /// `property`
    Property,
    /// `classmethod`, `staticmethod`
    Wrapped,
    /// `mappingproxy`
    MappingProxy,
    /// `numpy.ndarray`
    Array,
}

/// One type, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The type object.
    pub address: Address,
    /// Module and qualified name, `builtins.` left out.
    pub name: String,
    /// `tp_flags`
    pub flags: u64,
    /// `tp_basicsize`
    pub basic_size: u64,
    /// `tp_itemsize`
    pub item_size: u64,
    /// `tp_dictoffset`
    pub dict_offset: i64,
    /// `tp_weaklistoffset`
    pub weak_offset: i64,
    /// `tp_base`
    pub base: Option<ClassId>,
    /// How its instances are laid out.
    pub kind: Kind,
    /// `tp_basicsize` of the base that `kind` is about: what lies behind is the type's own.
    pub known_size: u64,
    /// Slots (`__slots__`) of it and its bases: offset and name, by offset.
    pub slots: Vec<(u32, String)>,
    /// `ht_cached_keys` of a heap type whose instances keep their attributes inline; else null.
    pub cached_keys: Address,
}

/// Bits of `tp_flags` (`Include/object.h`).
pub mod flag {
    /// `Py_TPFLAGS_INLINE_VALUES`, 3.13 on
    pub const INLINE_VALUES: u64 = 1 << 2;
    /// `Py_TPFLAGS_MANAGED_WEAKREF`, 3.12 on
    pub const MANAGED_WEAKREF: u64 = 1 << 3;
    /// `Py_TPFLAGS_MANAGED_DICT`, 3.11 on
    pub const MANAGED_DICT: u64 = 1 << 4;
    /// `Py_TPFLAGS_HEAPTYPE`
    pub const HEAP_TYPE: u64 = 1 << 9;
    /// `Py_TPFLAGS_HAVE_GC`
    pub const GC: u64 = 1 << 14;
}
