//! Types: what an object's type says of it.

use crate::model::Address;

/// Number of a type in a [`Classes`](super::Classes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// How the instances of a type are laid out: the nearest base that is a built-in type whose struct
/// is known.
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
    /// `array.array`
    TypedArray,
}

impl Kind {
    /// Whether objects of this kind have items, of which more can come.
    pub const fn grows(self) -> bool {
        use Kind as K;
        let tables = matches!(self, K::Dict | K::OrderedDict | K::List | K::Set | K::Deque);
        tables || matches!(self, K::ByteArray | K::TypedArray)
    }
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
    /// References at fixed offsets, of it and its bases: slots (`__slots__`) and fields of a C struct;
    /// offset and name, by offset.
    pub slots: Vec<(u32, String)>,
    /// `ht_cached_keys` of a heap type whose instances keep their attributes inline; else null.
    pub cached_keys: Address,
}

impl Class {
    /// Whether its instances have the collector's header before them.
    pub const fn is_collected(&self) -> bool {
        self.flags & flag::GC != 0
    }

    /// Whether they have two more words before that, in a minor version (`_PyType_PreHeaderSize`).
    pub const fn has_preheader(&self, minor: u8) -> bool {
        minor >= 11 && self.flags & flag::MANAGED_DICT != 0
            || minor >= 12 && self.flags & flag::MANAGED_WEAKREF != 0
    }

    /// The type of what is no object.
    pub const fn nothing() -> Self {
        Self {
            address: Address::NULL,
            name: String::new(),
            flags: 0,
            basic_size: 0,
            item_size: 0,
            dict_offset: 0,
            weak_offset: 0,
            base: None,
            kind: Kind::Plain,
            known_size: 0,
            slots: Vec::new(),
            cached_keys: Address::NULL,
        }
    }
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
    /// `Py_TPFLAGS_TYPE_SUBCLASS`
    pub const TYPE_SUBCLASS: u64 = 1 << 31;
}

/// Types whose structs are known, by the name of the type.
const KINDS: &[(&str, Kind)] = &[
    ("object", Kind::Plain),
    ("type", Kind::Type),
    ("dict", Kind::Dict),
    ("frozendict", Kind::Dict),
    ("collections.OrderedDict", Kind::OrderedDict),
    ("list", Kind::List),
    ("tuple", Kind::Tuple),
    ("set", Kind::Set),
    ("frozenset", Kind::Set),
    ("str", Kind::Str),
    ("bytes", Kind::Bytes),
    ("bytearray", Kind::ByteArray),
    ("int", Kind::Int),
    ("function", Kind::Function),
    ("method", Kind::Method),
    ("builtin_function_or_method", Kind::BuiltinMethod),
    ("cell", Kind::Cell),
    ("module", Kind::Module),
    ("code", Kind::Code),
    ("frame", Kind::Frame),
    ("generator", Kind::Generator),
    ("coroutine", Kind::Generator),
    ("async_generator", Kind::Generator),
    ("weakref", Kind::Weakref),
    ("weakref.ReferenceType", Kind::Weakref),
    ("weakproxy", Kind::Weakref),
    ("weakref.ProxyType", Kind::Weakref),
    ("weakcallableproxy", Kind::Weakref),
    ("weakref.CallableProxyType", Kind::Weakref),
    ("collections.deque", Kind::Deque),
    ("functools.partial", Kind::Partial),
    ("property", Kind::Property),
    ("classmethod", Kind::Wrapped),
    ("staticmethod", Kind::Wrapped),
    ("mappingproxy", Kind::MappingProxy),
    ("numpy.ndarray", Kind::Array),
    ("array.array", Kind::TypedArray),
];

/// The kind of the instances of a type that is written in C, by its name; one that is not in the
/// table is [`Kind::Opaque`].
pub fn kind_of_c_type(name: &str) -> Kind {
    KINDS.iter().find(|row| row.0 == name).map_or(Kind::Opaque, |row| row.1)
}
