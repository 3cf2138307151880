//! Layouts that the target publishes: `_Py_DebugOffsets` at the start of `_PyRuntime` (3.13 on, gh-106597).
//!
//! The table begins with a cookie, the version and a flag for free-threaded builds, and goes on as groups of
//! 64-bit numbers. Which groups and members there are differs from minor version to minor version
//! (`Include/internal/pycore_debug_offsets.h`, 3.13: `Include/internal/pycore_runtime.h`), so the shape is data as
//! well: one [`Shape`] per version. A number is believed only after it was found inside the struct that it is an
//! offset of, and the struct to be of a sane size.

use super::{
    Anchor, Bytes, Class, Code, Entry, Field, Frame, Home, Instruction, Interpreter, Layout,
    LineEncoding, Object, Runtime, Thread, Unicode, Value,
};
use crate::model::{Address, Memory};
use crate::python::Version;

/// First bytes of `_PyRuntime` from 3.13 on.
pub const COOKIE: [u8; 8] = *b"xdebugpy";

const VERSION_AT: u64 = 8;
const FREE_THREADED_AT: u64 = 16;
const GROUPS_AT: u64 = 24;

/// The order of groups and members in one version's table.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Minor version.
    pub minor: u8,
    /// Groups up to the last one we read.
    groups: &'static [Group],
    /// Size of `PyCompactUnicodeObject` where the table does not say.
    compact_size: u16,
    /// See [`Frame::code_tag_mask`].
    code_tag_mask: u8,
    /// See [`Thread::home`].
    home: Home,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    name: &'static str,
    members: &'static [&'static str],
}

const fn group(name: &'static str, members: &'static [&'static str]) -> Group {
    Group { name, members }
}

/// Every version that publishes and that we understand. Adding one is adding a shape.
#[rustfmt::skip]
pub const SHAPES: &[Shape] = &[
    Shape {
        minor: 13,
        compact_size: 56,
        code_tag_mask: 0,
        home: Home::PthreadKey,
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
    // `threads_main` and the generations (gh-127933 and neighbours), `stackpointer` and `tlbc_index` of the frame, and
    // sets. Frames hold tagged references (`Include/internal/pycore_stackref.h`).
    Shape {
        minor: 14,
        compact_size: 56,
        code_tag_mask: 3,
        home: Home::PthreadKey,
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
    // What the sampling profiler of the standard library needs was added: a sentinel frame at the bottom of each
    // thread, GIL flags, the exception state, more of types. The pthread key gave way to a thread-local variable
    // (`Python/pystate.c`).
    Shape {
        minor: 15,
        compact_size: 56,
        code_tag_mask: 3,
        home: Home::ThreadLocal,
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

/// Why a published table was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbelieved {
    /// Memory ends before the table does.
    #[error("its debug offsets cannot be read")]
    Unreadable,
    /// No `PY_VERSION_HEX`.
    #[error("its debug offsets carry no version ({word:#x})")]
    NoVersion {
        /// What is there instead.
        word: u64,
    },
    /// No [`Shape`].
    #[error("its debug offsets are those of CPython {version}, whose arrangement is not known")]
    UnknownShape {
        /// The version they carry.
        version: Version,
    },
    /// No GIL: other object headers, other stack references.
    #[error(
        "CPython {version} was built without a GIL (free-threaded), which is not supported yet"
    )]
    FreeThreaded {
        /// The version.
        version: Version,
    },
    /// A struct larger than any CPython has had.
    #[error("its debug offsets give {group} a size of {size} bytes")]
    Size {
        /// The struct.
        group: &'static str,
        /// The size.
        size: u64,
    },
    /// A member outside its struct.
    #[error("its debug offsets put {group}.{member} at {offset}, outside the struct")]
    Outside {
        /// The struct.
        group: &'static str,
        /// The member.
        member: &'static str,
        /// The offset.
        offset: u64,
    },
}

/// Whether a debug-offset table begins at `runtime`.
pub fn is_published(memory: &dyn Memory, runtime: Address) -> bool {
    memory.bytes(runtime, COOKIE.len()).is_some_and(|bytes| bytes == COOKIE)
}

/// The layout that the table at `runtime` describes; its cookie was seen by [`is_published`].
pub fn layout(memory: &dyn Memory, runtime: Address) -> Result<(Version, Layout), Unbelieved> {
    let word = |offset| runtime.offset(offset).and_then(|at| memory.u64(at));
    let hex = word(VERSION_AT).ok_or(Unbelieved::Unreadable)?;
    let version = Version::from_hex(hex).ok_or(Unbelieved::NoVersion { word: hex })?;
    if word(FREE_THREADED_AT).ok_or(Unbelieved::Unreadable)? != 0 {
        return Err(Unbelieved::FreeThreaded { version });
    }
    let shape = SHAPES
        .iter()
        .find(|shape| shape.minor == version.minor && !version.is_unfinished())
        .ok_or(Unbelieved::UnknownShape { version })?;
    let table = Table { memory, runtime, shape };
    Ok((version, table.layout()?))
}

struct Table<'a> {
    memory: &'a dyn Memory,
    runtime: Address,
    shape: &'static Shape,
}

impl Table<'_> {
    fn layout(&self) -> Result<Layout, Unbelieved> {
        let interpreters_head = self.field("runtime_state", "interpreters_head")?;
        Ok(Layout {
            runtime: Runtime::Struct { interpreters_head, gil_holder: None, tss_key: None },
            interpreter: Interpreter {
                next: self.field("interpreter_state", "next")?,
                threads_head: self.field("interpreter_state", "threads_head")?,
            },
            thread: Thread {
                next: self.field("thread_state", "next")?,
                interpreter: self.field("thread_state", "interp")?,
                thread_id: self.field("thread_state", "thread_id")?,
                native_thread_id: Some(self.field("thread_state", "native_thread_id")?),
                home: self.shape.home,
                anchor: Anchor::Frame(self.field("thread_state", "current_frame")?),
            },
            frame: Frame {
                back: self.field("interpreter_frame", "previous")?,
                code: self.field("interpreter_frame", "executable")?,
                code_tag_mask: self.shape.code_tag_mask,
                instruction: Instruction::Pointer(self.field("interpreter_frame", "instr_ptr")?),
                entry: Entry::Owner(self.field("interpreter_frame", "owner")?),
                data_stack: true,
            },
            code: self.code()?,
            unicode: self.unicode()?,
            bytes: Bytes {
                size: self.field("bytes_object", "ob_size")?,
                data: self.offset("bytes_object", "ob_sval", 1)?,
            },
            object: Object { class: self.field("pyobject", "ob_type")? },
            class: Class {
                name: self.field("type_object", "tp_name")?,
                ..super::table::CPYTHON_3_12.class
            },
        })
    }

    fn code(&self) -> Result<Code, Unbelieved> {
        let instructions = self.offset("code_object", "co_code_adaptive", 1)?;
        Ok(Code {
            basic_size: instructions,
            item_size: 2,
            file: self.field("code_object", "filename")?,
            name: self.field("code_object", "name")?,
            qualified_name: Some(self.field("code_object", "qualname")?),
            first_line: self.field("code_object", "firstlineno")?,
            line_table: self.field("code_object", "linetable")?,
            line_encoding: LineEncoding::Locations,
            instructions: Some(instructions),
        })
    }

    fn unicode(&self) -> Result<Unicode, Unbelieved> {
        const GROUP: &str = "unicode_object";
        const COMPACT: &str = "compactunicodeobject_size";
        let compact_size = match self.position(GROUP, COMPACT) {
            Some(_) => self.offset(GROUP, COMPACT, 0)?,
            None => self.shape.compact_size,
        };
        Ok(Unicode {
            length: self.field(GROUP, "length")?,
            state: self.field(GROUP, "state")?,
            ascii_size: self.offset(GROUP, "asciiobject_size", 0)?,
            compact_size,
            // `PyUnicodeObject` is a `PyCompactUnicodeObject` and the pointer.
            data: Field::at(compact_size),
        })
    }

    fn field<T: Value>(
        &self,
        group: &'static str,
        member: &'static str,
    ) -> Result<Field<T>, Unbelieved> {
        self.offset(group, member, T::SIZE).map(Field::at)
    }

    /// An offset that leaves room for `width` bytes inside its struct.
    fn offset(
        &self,
        group: &'static str,
        member: &'static str,
        width: u16,
    ) -> Result<u16, Unbelieved> {
        let size = self.word(group, "size")?;
        if size == 0 || size > largest(group) {
            return Err(Unbelieved::Size { group, size });
        }
        let offset = self.word(group, member)?;
        let outside = Unbelieved::Outside { group, member, offset };
        if offset.checked_add(width.into()).is_none_or(|end| end > size) {
            return Err(outside);
        }
        u16::try_from(offset).map_err(|_| outside)
    }

    fn word(&self, group: &'static str, member: &'static str) -> Result<u64, Unbelieved> {
        let position = self.position(group, member).ok_or(Unbelieved::Unreadable)?;
        self.runtime
            .offset(GROUPS_AT + 8 * position)
            .and_then(|at| self.memory.u64(at))
            .ok_or(Unbelieved::Unreadable)
    }

    /// How many numbers come before this one.
    fn position(&self, group: &str, member: &str) -> Option<u64> {
        let mut before = 0;
        for candidate in self.shape.groups {
            if candidate.name == group {
                let index = candidate.members.iter().position(|name| *name == member)?;
                return Some(before + index as u64);
            }
            before += candidate.members.len() as u64;
        }
        None
    }
}

/// No CPython has had larger ones: the runtime holds a few static interpreters and objects, everything else is small.
fn largest(group: &str) -> u64 {
    match group {
        "runtime_state" | "interpreter_state" => 16 << 20,
        "thread_state" => 64 << 10,
        _ => 4 << 10,
    }
}

#[cfg(test)]
mod tests;
