//! Where CPython keeps its fields: one plain table of typed offsets per version.
//!
//! What differs between versions is data, never a version number in code: offsets are [`Field`]s,
//! and the few things that are rules and not offsets ([`FrameAnchor`], [`Instruction`], [`Entry`],
//! [`LineEncoding`]) are small enums, each matched in one place. Up to 3.12 a layout is a row of
//! [`table`]; from 3.13 it is read from the target, see [`published`]. [`check`](super::check) says
//! why either is believed.

mod field;
pub mod published;
pub mod table;
mod walk;

use std::fmt;

pub use field::{Field, Value};

use crate::model::Address;

/// Offsets and rules of one CPython, x86-64, release build with a GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `_PyRuntimeState`.
    pub runtime: Runtime,
    /// `PyInterpreterState`.
    pub interpreter: InterpreterState,
    /// `PyThreadState`.
    pub thread: Thread,
    /// `PyFrameObject` (to 3.10) or `_PyInterpreterFrame` (3.11 on).
    pub frame: FrameLayout,
    /// `PyCodeObject`.
    pub code: CodeLayout,
    /// `PyASCIIObject`, `PyCompactUnicodeObject`, `PyUnicodeObject`.
    pub unicode: Unicode,
    /// `PyBytesObject`.
    pub bytes: Bytes,
    /// `PyObject`.
    pub object: ObjectHeader,
    /// `PyTypeObject`.
    pub class: TypeObject,
}

/// `_PyRuntimeState`, or (3.6) single global variables in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// 3.6: `interp_head` and `_PyThreadState_Current` are variables of their own.
    Globals,
    /// 3.7 on: one struct.
    Struct {
        /// `interpreters.head`
        interpreters_head: Field<Address>,
        /// `gilstate.tstate_current` (to 3.11), the thread that holds the GIL.
        gil_holder: Option<Field<Address>>,
        /// `autoTSSkey._key` (to 3.12, where we know it).
        tss_key: Option<Field<u32>>,
        /// `finalizing`: the thread that tears the interpreter down, null before that.
        finalizing: Field<Address>,
    },
}

/// `PyInterpreterState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterpreterState {
    /// `next`
    pub next: Field<Address>,
    /// `threads.head` (`tstate_head` to 3.10)
    pub threads_head: Field<Address>,
}

/// `PyThreadState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// `next`
    pub next: Field<Address>,
    /// `interp`
    pub interpreter: Field<Address>,
    /// `thread_id`: `pthread_self()`, which is fsbase with glibc and musl on x86-64.
    pub thread_id: Field<u64>,
    /// `native_thread_id` (3.11 on): the thread id in the target's own pid namespace.
    pub native_thread_id: Option<Field<u64>>,
    /// Where a running thread keeps the pointer to its state.
    pub state_location: StateLocation,
    /// The way to the innermost frame.
    pub anchor: FrameAnchor,
}

/// Where a thread keeps the pointer to its own thread state, also while it has released the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateLocation {
    /// Under the pthread key `autoTSSkey` (`autoTLSkey` in 3.6), to 3.14.
    PthreadKey,
    /// In the thread-local variable `_Py_tss_gilstate`, 3.15 on.
    ThreadLocal,
}

/// The way from a thread state to its innermost frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameAnchor {
    /// `frame` (to 3.9), `current_frame` (3.13 on).
    Frame(Field<Address>),
    /// 3.10: `frame`, and beside it `cframe`, a list of C stack locals that says where the
    /// activations are.
    FrameAndCFrame {
        /// `frame` in the thread state.
        frame: Field<Address>,
        /// `cframe` in the thread state.
        cframe: Field<Address>,
        /// `previous` in the `CFrame`.
        previous: Field<Address>,
    },
    /// 3.11 and 3.12: the frame hangs on the innermost `_PyCFrame`.
    ThroughCFrame {
        /// `cframe` in the thread state.
        cframe: Field<Address>,
        /// `current_frame` in the `_PyCFrame`.
        frame: Field<Address>,
        /// `previous` in the `_PyCFrame`.
        previous: Field<Address>,
    },
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLayout {
    /// `f_back` (to 3.10), `previous`: the next outer frame.
    pub back: Field<Address>,
    /// `f_code` (to 3.12), `f_executable`: the code object, perhaps tagged.
    pub code: Field<Address>,
    /// Low bits of `code` that are tags of a `_PyStackRef` (3.14 on).
    pub code_tag_mask: u8,
    /// What it executes.
    pub instruction: Instruction,
    /// How an activation of the evaluation loop ends.
    pub entry: Entry,
    /// Whether frames lie next to one another on the thread's data stack (3.11 on).
    pub data_stack: bool,
}

/// How a frame says which instruction it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `f_lasti` in bytes (to 3.9); -1 before the first.
    Bytes(Field<i32>),
    /// `f_lasti` in code units (3.10); -1 before the first.
    Units(Field<i32>),
    /// `prev_instr` (3.11, 3.12; the unit before the first before it starts), `instr_ptr` (3.13
    /// on).
    Pointer(Field<Address>),
}

/// How the outermost frame of one activation of the evaluation loop is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Each frame is an activation of its own (to 3.10).
    Each,
    /// `is_entry` (3.11).
    Flag(Field<u8>),
    /// An entry frame of its own with `owner >= 3` (3.12 on).
    Owner(Field<u8>),
}

/// `PyCodeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeLayout {
    /// `tp_basicsize` of its type: the size of the struct, from 3.11 on without the instructions.
    pub basic_size: u16,
    /// `tp_itemsize` of its type: 0, from 3.11 on the size of a code unit.
    pub item_size: u16,
    /// `co_filename`
    pub file: Field<Address>,
    /// `co_name`
    pub name: Field<Address>,
    /// `co_qualname` (3.11 on)
    pub qualified_name: Option<Field<Address>>,
    /// `co_firstlineno`
    pub first_line: Field<i32>,
    /// `co_lnotab` (to 3.9), `co_linetable`
    pub line_table: Field<Address>,
    /// How the line table is written.
    pub line_encoding: LineEncoding,
    /// `co_code_adaptive` (3.11 on): the first code unit.
    pub instructions: Option<u16>,
}

/// How a line table is written; [`super::line`] reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEncoding {
    /// `co_lnotab`, to 3.9 (`Objects/lnotab_notes.txt`).
    Increments,
    /// `co_linetable` of 3.10 (PEP 626, `Objects/lnotab_notes.txt`).
    Ranges,
    /// The location table, 3.11 on (`Objects/locations.md`, `InternalDocs/code_objects.md`).
    Locations,
}

/// Strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unicode {
    /// `length`, in code points.
    pub length: Field<u64>,
    /// `state`, bit fields.
    pub state: Field<u32>,
    /// First character of a compact ASCII string: the size of `PyASCIIObject`.
    pub ascii_size: u16,
    /// First character of any other compact string: the size of `PyCompactUnicodeObject`.
    pub compact_size: u16,
    /// `data`: pointer to the characters of a string that is not compact.
    pub data: Field<Address>,
}

/// `PyBytesObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// `ob_size`
    pub size: Field<u64>,
    /// `ob_sval`: the first byte.
    pub data: u16,
}

/// `PyObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    /// `ob_type`
    pub class: Field<Address>,
}

/// `PyTypeObject`; its first members have not moved since Python 3.0 (`Include/cpython/object.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeObject {
    /// `tp_name`: a C string.
    pub name: Field<Address>,
    /// `tp_basicsize`
    pub basic_size: Field<u64>,
    /// `tp_itemsize`
    pub item_size: Field<u64>,
    /// `tp_dealloc`: the function that frees an instance.
    pub dealloc: Field<Address>,
}

/// Where a layout came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayoutSource {
    /// A row of [`table`].
    Table,
    /// The target's own `_Py_DebugOffsets`.
    Published,
}

impl fmt::Display for LayoutSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Published => "debug offsets",
        })
    }
}
