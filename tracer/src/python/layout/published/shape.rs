//! The order of groups and members in each version's debug offsets.

use crate::python::layout::StateLocation;

/// The order of groups and members in one version's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableShape {
    /// Minor version.
    pub(super) minor: u8,
    /// Groups up to the last one we read.
    pub(super) groups: &'static [FieldGroup],
    /// Size of `PyCompactUnicodeObject` where the table does not say.
    pub(super) compact_size: u16,
    /// See [`FrameLayout::code_tag_mask`](crate::python::layout::FrameLayout).
    pub(super) code_tag_mask: u8,
    /// See [`Thread::state_location`](crate::python::layout::Thread).
    pub(super) state_location: StateLocation,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FieldGroup {
    pub(super) name: &'static str,
    pub(super) members: &'static [&'static str],
}

const fn group(name: &'static str, members: &'static [&'static str]) -> FieldGroup {
    FieldGroup { name, members }
}

/// Every version that publishes and that we understand. Adding one is adding a shape.
#[rustfmt::skip]
pub(super) const SHAPES: &[TableShape] = &[
    TableShape {
        minor: 13,
        compact_size: 56,
        code_tag_mask: 0,
        state_location: StateLocation::PthreadKey,
        groups: &[
            group("runtime_state", &["size", "finalizing", "interpreters_head"]),
            group("interpreter_state", &["size", "id", "next", "threads_head", "gc", "imports_modules", "sysdict",
                "builtins", "ceval_gil", "gil_runtime_state", "gil_runtime_state_enabled",
                "gil_runtime_state_locked", "gil_runtime_state_holder"]),
            group("thread_state", &["size", "prev", "next", "interp", "current_frame", "thread_id",
                "native_thread_id", "datastack_chunk", "status"]),
            group("interpreter_frame", &["size", "previous", "executable", "instr_ptr", "localsplus", "owner"]),
            group("code_object", &["size", "filename", "name", "qualname", "linetable", "firstlineno", "argcount",
                "localsplusnames", "localspluskinds", "co_code_adaptive"]),
            group("pyobject", &["size", "ob_type"]),
            group("type_object", &["size", "tp_name", "tp_repr", "tp_flags"]),
            group("tuple_object", &["size", "ob_item", "ob_size"]),
            group("list_object", &["size", "ob_item", "ob_size"]),
            group("dict_object", &["size", "ma_keys", "ma_values"]),
            group("float_object", &["size", "ob_fval"]),
            group("long_object", &["size", "lv_tag", "ob_digit"]),
            group("bytes_object", &["size", "ob_size", "ob_sval"]),
            group("unicode_object", &["size", "state", "length", "asciiobject_size"]),
        ],
    },
    // `threads_main` and the generations (gh-127933 and neighbours), `stackpointer` and
    // `tlbc_index` of the frame, and sets. Frames hold tagged references
    // (`Include/internal/pycore_stackref.h`).
    TableShape {
        minor: 14,
        compact_size: 56,
        code_tag_mask: 3,
        state_location: StateLocation::PthreadKey,
        groups: &[
            group("runtime_state", &["size", "finalizing", "interpreters_head"]),
            group("interpreter_state", &["size", "id", "next", "threads_head", "threads_main", "gc",
                "imports_modules", "sysdict", "builtins", "ceval_gil", "gil_runtime_state",
                "gil_runtime_state_enabled", "gil_runtime_state_locked", "gil_runtime_state_holder",
                "code_object_generation", "tlbc_generation"]),
            group("thread_state", &["size", "prev", "next", "interp", "current_frame", "thread_id",
                "native_thread_id", "datastack_chunk", "status"]),
            group("interpreter_frame", &["size", "previous", "executable", "instr_ptr", "localsplus", "owner",
                "stackpointer", "tlbc_index"]),
            group("code_object", &["size", "filename", "name", "qualname", "linetable", "firstlineno", "argcount",
                "localsplusnames", "localspluskinds", "co_code_adaptive", "co_tlbc"]),
            group("pyobject", &["size", "ob_type"]),
            group("type_object", &["size", "tp_name", "tp_repr", "tp_flags"]),
            group("tuple_object", &["size", "ob_item", "ob_size"]),
            group("list_object", &["size", "ob_item", "ob_size"]),
            group("set_object", &["size", "used", "table", "mask"]),
            group("dict_object", &["size", "ma_keys", "ma_values"]),
            group("float_object", &["size", "ob_fval"]),
            group("long_object", &["size", "lv_tag", "ob_digit"]),
            group("bytes_object", &["size", "ob_size", "ob_sval"]),
            group("unicode_object", &["size", "state", "length", "asciiobject_size"]),
        ],
    },
    // What the sampling profiler of the standard library needs was added: a sentinel frame at the
    // bottom of each thread, GIL flags, the exception state, more of types. The pthread key gave
    // way to a thread-local variable (`Python/pystate.c`).
    TableShape {
        minor: 15,
        compact_size: 56,
        code_tag_mask: 3,
        state_location: StateLocation::ThreadLocal,
        groups: &[
            group("runtime_state", &["size", "finalizing", "interpreters_head"]),
            group("interpreter_state", &["size", "id", "next", "threads_head", "threads_main", "gc",
                "imports_modules", "sysdict", "builtins", "ceval_gil", "gil_runtime_state",
                "gil_runtime_state_enabled", "gil_runtime_state_locked", "gil_runtime_state_holder",
                "code_object_generation", "tlbc_generation"]),
            group("thread_state", &["size", "prev", "next", "interp", "current_frame", "base_frame",
                "last_profiled_frame", "last_profiled_frame_seq", "thread_id", "native_thread_id",
                "datastack_chunk", "status", "holds_gil", "gil_requested", "current_exception", "exc_state"]),
            group("err_stackitem", &["exc_value"]),
            group("interpreter_frame", &["size", "previous", "executable", "instr_ptr", "localsplus", "owner",
                "stackpointer", "tlbc_index"]),
            group("code_object", &["size", "filename", "name", "qualname", "linetable", "firstlineno", "argcount",
                "localsplusnames", "localspluskinds", "co_code_adaptive", "co_tlbc"]),
            group("pyobject", &["size", "ob_type"]),
            group("type_object", &["size", "tp_name", "tp_repr", "tp_flags", "tp_basicsize", "tp_dictoffset"]),
            group("heap_type_object", &["size", "ht_cached_keys"]),
            group("tuple_object", &["size", "ob_item", "ob_size"]),
            group("list_object", &["size", "ob_item", "ob_size"]),
            group("set_object", &["size", "used", "table", "mask"]),
            group("dict_object", &["size", "ma_keys", "ma_values"]),
            group("float_object", &["size", "ob_fval"]),
            group("long_object", &["size", "lv_tag", "ob_digit"]),
            group("bytes_object", &["size", "ob_size", "ob_sval"]),
            group("unicode_object", &["size", "state", "length", "asciiobject_size", "compactunicodeobject_size"]),
        ],
    },
];

impl TableShape {
    /// How many numbers come before this one, in the whole table.
    pub(super) fn position(&self, group: &str, member: &str) -> Option<u64> {
        let mut before = 0;
        for candidate in self.groups {
            if candidate.name == group {
                let index = candidate.members.iter().position(|name| *name == member)?;
                return Some(before + index as u64);
            }
            before += candidate.members.len() as u64;
        }
        None
    }
}
