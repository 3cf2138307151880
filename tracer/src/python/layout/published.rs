//! Layouts that the target publishes: `_Py_DebugOffsets` at the start of `_PyRuntime` (3.13 on,
//! gh-106597).
//!
//! The table begins with a cookie, the version and a flag for free-threaded builds, and goes on as
//! groups of 64-bit numbers. Which groups and members there are differs from minor version to minor
//! version (`Include/internal/pycore_debug_offsets.h`, 3.13: `Include/internal/pycore_runtime.h`),
//! so the shape is data as well: one `TableShape` per version. A number is believed only after it
//! was found inside the struct that it is an offset of, and the struct to be of a sane size.

mod shape;

use shape::{SHAPES, TableShape};

use super::{
    Bytes, CodeLayout, Entry, Field, FrameAnchor, FrameLayout, Instruction, InterpreterState,
    Layout, LineEncoding, ObjectHeader, Runtime, Thread, TypeObject, Unicode, Value,
};
use crate::model::{Address, Memory};
use crate::python::Version;

/// First bytes of `_PyRuntime` from 3.13 on.
pub const COOKIE: [u8; 8] = *b"xdebugpy";

const VERSION_AT: u64 = 8;
const FREE_THREADED_AT: u64 = 16;
const GROUPS_AT: u64 = 24;

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
    /// No `TableShape`.
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
    shape: &'static TableShape,
}

impl Table<'_> {
    fn layout(&self) -> Result<Layout, Unbelieved> {
        let interpreters_head = self.field("runtime_state", "interpreters_head")?;
        let finalizing = self.field("runtime_state", "finalizing")?;
        Ok(Layout {
            runtime: Runtime::Struct {
                interpreters_head,
                gil_holder: None,
                tss_key: None,
                finalizing,
            },
            interpreter: InterpreterState {
                next: self.field("interpreter_state", "next")?,
                threads_head: self.field("interpreter_state", "threads_head")?,
            },
            thread: self.thread()?,
            frame: self.frame()?,
            code: self.code()?,
            unicode: self.unicode()?,
            bytes: Bytes {
                size: self.field("bytes_object", "ob_size")?,
                data: self.offset("bytes_object", "ob_sval", 1)?,
            },
            object: ObjectHeader { class: self.field("pyobject", "ob_type")? },
            class: TypeObject {
                name: self.field("type_object", "tp_name")?,
                ..super::table::CPYTHON_3_12.class
            },
        })
    }

    fn thread(&self) -> Result<Thread, Unbelieved> {
        const GROUP: &str = "thread_state";
        Ok(Thread {
            next: self.field(GROUP, "next")?,
            interpreter: self.field(GROUP, "interp")?,
            thread_id: self.field(GROUP, "thread_id")?,
            native_thread_id: Some(self.field(GROUP, "native_thread_id")?),
            state_location: self.shape.state_location,
            anchor: FrameAnchor::Frame(self.field(GROUP, "current_frame")?),
        })
    }

    fn frame(&self) -> Result<FrameLayout, Unbelieved> {
        const GROUP: &str = "interpreter_frame";
        Ok(FrameLayout {
            back: self.field(GROUP, "previous")?,
            code: self.field(GROUP, "executable")?,
            code_tag_mask: self.shape.code_tag_mask,
            instruction: Instruction::Pointer(self.field(GROUP, "instr_ptr")?),
            entry: Entry::Owner(self.field(GROUP, "owner")?),
            data_stack: true,
        })
    }

    fn code(&self) -> Result<CodeLayout, Unbelieved> {
        const GROUP: &str = "code_object";
        let instructions = self.offset(GROUP, "co_code_adaptive", 1)?;
        Ok(CodeLayout {
            basic_size: instructions,
            item_size: 2,
            file: self.field(GROUP, "filename")?,
            name: self.field(GROUP, "name")?,
            qualified_name: Some(self.field(GROUP, "qualname")?),
            first_line: self.field(GROUP, "firstlineno")?,
            line_table: self.field(GROUP, "linetable")?,
            line_encoding: LineEncoding::Locations,
            instructions: Some(instructions),
        })
    }

    fn unicode(&self) -> Result<Unicode, Unbelieved> {
        const GROUP: &str = "unicode_object";
        const COMPACT: &str = "compactunicodeobject_size";
        let compact_size = match self.shape.position(GROUP, COMPACT) {
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
        let position = self.shape.position(group, member).ok_or(Unbelieved::Unreadable)?;
        self.runtime
            .offset(GROUPS_AT + 8 * position)
            .and_then(|at| self.memory.u64(at))
            .ok_or(Unbelieved::Unreadable)
    }
}

/// No CPython has had larger ones: the runtime holds a few static interpreters and objects,
/// everything else is small.
fn largest(group: &str) -> u64 {
    match group {
        "runtime_state" | "interpreter_state" => 16 << 20,
        "thread_state" => 64 << 10,
        _ => 4 << 10,
    }
}

#[cfg(test)]
mod tests;
