//! The rows, each stating what differs from the row before. Adding a version is adding a row.

use super::{
    Attributes, CodeFields, FrameFields, Generator, GeneratorFrame, HeapType, Keys, ObjectLayout,
    Top, Values, VariableNames,
};

/// Every row.
pub const ROWS: &[ObjectLayout] = &[
    CPYTHON_3_8,
    CPYTHON_3_9,
    CPYTHON_3_10,
    CPYTHON_3_11,
    CPYTHON_3_12,
    CPYTHON_3_13,
    CPYTHON_3_13_13,
    CPYTHON_3_14,
    CPYTHON_3_14_4,
    CPYTHON_3_15,
];

/// 3.8.18
const CPYTHON_3_8: ObjectLayout = ObjectLayout {
    minor: 8,
    from_micro: 0,
    pool_size: 4 << 10,
    heap_type: HeapType {
        size: 880,
        type_size: 416,
        name: 848,
        slots: 856,
        qualified_name: 864,
        cached_keys: 872,
        module: None,
    },
    static_types_bare: true,
    dict_owns_embedded: false,
    tuple_items: 24,
    keys: Keys::Sized,
    values: Values::Array,
    attributes: Attributes::Offset,
    function: &[
        ("__code__", 16),
        ("__globals__", 24),
        ("__defaults__", 32),
        ("__kwdefaults__", 40),
        ("__closure__", 48),
        ("__doc__", 56),
        ("__name__", 64),
        ("__dict__", 72),
        ("__module__", 88),
        ("__annotations__", 96),
        ("__qualname__", 104),
    ],
    property: &[("fget", 16), ("fset", 24), ("fdel", 32), ("__doc__", 40)],
    module: &[("__dict__", 16), ("__name__", 48)],
    module_state: 32,
    code: CodeFields {
        fields: &[
            ("co_code", 48),
            ("co_consts", 56),
            ("co_names", 64),
            ("co_varnames", 72),
            ("co_freevars", 80),
            ("co_cellvars", 88),
            ("co_filename", 104),
            ("co_name", 112),
            ("co_lnotab", 120),
        ],
        stack_size: 32,
        names: VariableNames::Apart { locals: 72, cells: 88, free: 80 },
    },
    frame_object: &[],
    frame_data: 0,
    frame: FrameFields {
        fields: &[
            ("f_back", 24),
            ("f_code", 32),
            ("f_builtins", 40),
            ("f_globals", 48),
            ("f_locals", 56),
            ("f_trace", 80),
        ],
        locals: 360,
        top: Top::Pointer(72),
    },
    generator: Generator {
        fields: &[
            ("gi_frame", 16),
            ("gi_code", 32),
            ("__name__", 48),
            ("__qualname__", 56),
            ("exc_type", 64),
            ("exc_value", 72),
            ("exc_traceback", 80),
        ],
        frame: GeneratorFrame::Object { frame: 16 },
    },
};

/// 3.9.18: `tp_print` went, `ht_module` came (PEP 573).
const CPYTHON_3_9: ObjectLayout = ObjectLayout {
    minor: 9,
    heap_type: HeapType {
        size: 880,
        type_size: 408,
        name: 840,
        slots: 848,
        qualified_name: 856,
        cached_keys: 864,
        module: Some(872),
    },
    ..CPYTHON_3_8
};

/// 3.10.13: pools of 16 KiB (bpo-37448), `am_send` in the heap type (PEP 634's neighbour
/// bpo-41756), functions begin like frame constructors.
const CPYTHON_3_10: ObjectLayout = ObjectLayout {
    minor: 10,
    pool_size: 16 << 10,
    heap_type: HeapType {
        size: 888,
        type_size: 408,
        name: 848,
        slots: 856,
        qualified_name: 864,
        cached_keys: 872,
        module: Some(880),
    },
    function: &[
        ("__globals__", 16),
        ("__builtins__", 24),
        ("__name__", 32),
        ("__qualname__", 40),
        ("__code__", 48),
        ("__defaults__", 56),
        ("__kwdefaults__", 64),
        ("__closure__", 72),
        ("__doc__", 80),
        ("__dict__", 88),
        ("__module__", 104),
        ("__annotations__", 112),
    ],
    property: &[("fget", 16), ("fset", 24), ("fdel", 32), ("__doc__", 40), ("__name__", 48)],
    frame: FrameFields {
        fields: &[
            ("f_back", 24),
            ("f_code", 32),
            ("f_builtins", 40),
            ("f_globals", 48),
            ("f_locals", 56),
            ("f_trace", 72),
        ],
        locals: 352,
        top: Top::Depth(80),
    },
    generator: Generator {
        fields: &[
            ("gi_frame", 16),
            ("gi_code", 24),
            ("__name__", 40),
            ("__qualname__", 48),
            ("exc_type", 56),
            ("exc_value", 64),
            ("exc_traceback", 72),
        ],
        frame: GeneratorFrame::Object { frame: 16 },
    },
    ..CPYTHON_3_9
};

/// 3.11.7: new tables, attributes before the object, frames as plain structs, names of variables in
/// one tuple.
const CPYTHON_3_11: ObjectLayout = ObjectLayout {
    minor: 11,
    heap_type: HeapType { size: 904, ..CPYTHON_3_10.heap_type },
    static_types_bare: false,
    keys: Keys::Logarithmic,
    attributes: Attributes::Pair,
    code: CodeFields {
        fields: &[
            ("co_consts", 24),
            ("co_names", 32),
            ("co_exceptiontable", 40),
            ("co_localsplusnames", 96),
            ("co_localspluskinds", 104),
            ("co_filename", 112),
            ("co_name", 120),
            ("co_qualname", 128),
            ("co_linetable", 136),
            ("co_code", 152),
        ],
        stack_size: 68,
        names: VariableNames::Together { names: 96, count: 76, free: 92 },
    },
    frame_object: &[("f_back", 16), ("f_trace", 32)],
    frame_data: 48,
    frame: FrameFields {
        fields: &[("f_func", 0), ("f_locals", 24), ("f_code", 32), ("frame_obj", 40)],
        locals: 72,
        top: Top::Index(64),
    },
    generator: Generator {
        fields: &[
            ("gi_code", 16),
            ("__name__", 32),
            ("__qualname__", 40),
            ("exc_value", 48),
            ("cr_origin", 64),
        ],
        frame: GeneratorFrame::Embedded { frame: 80, state: 75, done: 1 },
    },
    ..CPYTHON_3_10
};

/// 3.12.1: type parameters (PEP 695); the code object of generators moved.
const CPYTHON_3_12: ObjectLayout = ObjectLayout {
    minor: 12,
    heap_type: HeapType {
        size: 920,
        type_size: 416,
        name: 856,
        slots: 864,
        qualified_name: 872,
        cached_keys: 880,
        module: Some(888),
    },
    attributes: Attributes::Tagged,
    function: &[
        ("__globals__", 16),
        ("__builtins__", 24),
        ("__name__", 32),
        ("__qualname__", 40),
        ("__code__", 48),
        ("__defaults__", 56),
        ("__kwdefaults__", 64),
        ("__closure__", 72),
        ("__doc__", 80),
        ("__dict__", 88),
        ("__module__", 104),
        ("__annotations__", 112),
        ("__type_params__", 120),
    ],
    code: CodeFields {
        fields: &[
            ("co_consts", 24),
            ("co_names", 32),
            ("co_exceptiontable", 40),
            ("co_localsplusnames", 96),
            ("co_localspluskinds", 104),
            ("co_filename", 112),
            ("co_name", 120),
            ("co_qualname", 128),
            ("co_linetable", 136),
        ],
        stack_size: 64,
        names: VariableNames::Together { names: 96, count: 72, free: 88 },
    },
    frame: FrameFields {
        fields: &[("f_code", 0), ("f_funcobj", 16), ("f_locals", 40), ("frame_obj", 48)],
        locals: 72,
        top: Top::Index(64),
    },
    generator: Generator {
        fields: &[("__name__", 24), ("__qualname__", 32), ("exc_value", 40), ("cr_origin", 56)],
        frame: GeneratorFrame::Embedded { frame: 72, state: 67, done: 1 },
    },
    ..CPYTHON_3_11
};

/// 3.13.0: values know their capacity and may be embedded in the object (gh-115776).
const CPYTHON_3_13: ObjectLayout = ObjectLayout {
    minor: 13,
    heap_type: HeapType { size: 928, ..CPYTHON_3_12.heap_type },
    static_types_bare: true,
    values: Values::Headed,
    attributes: Attributes::Embedded,
    frame_object: &[
        ("f_back", 16),
        ("f_trace", 32),
        ("f_extra_locals", 48),
        ("f_locals_cache", 56),
    ],
    frame_data: 64,
    ..CPYTHON_3_12
};

/// 3.13.13: a dict owns the values in the object that it belongs to (gh-130327).
const CPYTHON_3_13_13: ObjectLayout =
    ObjectLayout { from_micro: 13, dict_owns_embedded: true, ..CPYTHON_3_13 };

/// 3.14: tuples keep their hash, functions their `__annotate__` (PEP 649), frames a stack pointer
/// and tagged references.
const CPYTHON_3_14: ObjectLayout = ObjectLayout {
    minor: 14,
    heap_type: HeapType { size: 936, ..CPYTHON_3_13.heap_type },
    tuple_items: 32,
    function: &[
        ("__globals__", 16),
        ("__builtins__", 24),
        ("__name__", 32),
        ("__qualname__", 40),
        ("__code__", 48),
        ("__defaults__", 56),
        ("__kwdefaults__", 64),
        ("__closure__", 72),
        ("__doc__", 80),
        ("__dict__", 88),
        ("__module__", 104),
        ("__annotations__", 112),
        ("__annotate__", 120),
        ("__type_params__", 128),
    ],
    frame_data: 72,
    frame: FrameFields { locals: 80, top: Top::Pointer(64), ..CPYTHON_3_13.frame },
    ..CPYTHON_3_13
};

/// 3.14.4: as 3.13.13.
const CPYTHON_3_14_4: ObjectLayout =
    ObjectLayout { from_micro: 4, dict_owns_embedded: true, ..CPYTHON_3_14 };

/// 3.15.0: one more word in types, other words in modules, other states of generators.
const CPYTHON_3_15: ObjectLayout = ObjectLayout {
    minor: 15,
    from_micro: 0,
    heap_type: HeapType {
        size: 944,
        type_size: 424,
        name: 864,
        slots: 872,
        qualified_name: 880,
        cached_keys: 888,
        module: Some(896),
    },
    module: &[("__dict__", 16), ("__name__", 40)],
    module_state: 24,
    generator: Generator {
        frame: GeneratorFrame::Embedded { frame: 72, state: 67, done: 5 },
        ..CPYTHON_3_14.generator
    },
    ..CPYTHON_3_14_4
};
