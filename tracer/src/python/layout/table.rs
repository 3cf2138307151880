//! Layouts of the versions that publish none, 3.6 to 3.12.
//!
//! Each row states what differs from the row before and the change in CPython that made it differ.
//! The numbers are `offsetof` in release builds for x86-64 with 8-byte pointers and 40-byte pthread
//! mutexes (glibc and musl alike), read from the debug information of the version named in each
//! row, and each row is proven by a saved image of a process (see `images.rs`). Adding a version is
//! adding a row.

use super::{
    Bytes, CodeLayout, Entry, Field, FrameAnchor, FrameLayout, Instruction, InterpreterState,
    Layout, LineEncoding, ObjectHeader, Runtime, StateLocation, Thread, TypeObject, Unicode,
};
use crate::python::Version;

/// One version's layout.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Minor version.
    pub minor: u8,
    /// First micro version that has this layout.
    pub from_micro: u8,
    /// The layout.
    pub layout: Layout,
}

/// Every row; a later row of the same minor version takes over from its micro version on.
pub const ROWS: &[Row] = &[
    Row { minor: 6, from_micro: 0, layout: CPYTHON_3_6 },
    // Up to 3.7.3 `_PyRuntimeState` is laid out otherwise, and nobody runs those any more.
    Row { minor: 7, from_micro: 4, layout: CPYTHON_3_7 },
    Row { minor: 8, from_micro: 0, layout: CPYTHON_3_8 },
    Row { minor: 9, from_micro: 0, layout: CPYTHON_3_9 },
    Row { minor: 10, from_micro: 0, layout: CPYTHON_3_10 },
    Row { minor: 11, from_micro: 0, layout: CPYTHON_3_11 },
    Row { minor: 12, from_micro: 0, layout: CPYTHON_3_12 },
];

/// The layout of `version`, if we know it. Unfinished releases are not known: their layouts differ
/// from the release's and from one another's.
pub fn layout(version: Version) -> Option<&'static Layout> {
    if version.major != 3 || version.is_unfinished() {
        return None;
    }
    ROWS.iter()
        .rev()
        .find(|row| row.minor == version.minor && row.from_micro <= version.micro)
        .map(|row| &row.layout)
}

/// 3.6.15. `Include/pystate.h`, `Include/frameobject.h`, `Include/code.h`,
/// `Include/unicodeobject.h`. The interpreter list begins in a static variable of
/// `Python/pystate.c`.
pub const CPYTHON_3_6: Layout = Layout {
    runtime: Runtime::Globals,
    interpreter: InterpreterState { next: Field::at(0), threads_head: Field::at(8) },
    thread: Thread {
        next: Field::at(8),
        interpreter: Field::at(16),
        thread_id: Field::at(152),
        native_thread_id: None,
        state_location: StateLocation::PthreadKey,
        anchor: FrameAnchor::Frame(Field::at(24)),
    },
    frame: FrameLayout {
        back: Field::at(24),
        code: Field::at(32),
        code_tag_mask: 0,
        instruction: Instruction::Bytes(Field::at(120)),
        entry: Entry::Each,
        data_stack: false,
    },
    code: CodeLayout {
        basic_size: 144,
        item_size: 0,
        file: Field::at(96),
        name: Field::at(104),
        qualified_name: None,
        first_line: Field::at(36),
        line_table: Field::at(112),
        line_encoding: LineEncoding::Increments,
        instructions: None,
    },
    unicode: Unicode {
        length: Field::at(16),
        state: Field::at(32),
        ascii_size: 48,
        compact_size: 72,
        data: Field::at(72),
    },
    bytes: Bytes { size: Field::at(16), data: 32 },
    object: ObjectHeader { class: Field::at(8) },
    class: TypeObject {
        name: Field::at(24),
        basic_size: Field::at(32),
        item_size: Field::at(40),
        dealloc: Field::at(48),
    },
};

/// 3.7.16. Globals were gathered into `_PyRuntime` (bpo-30860, `Include/internal/pystate.h`); the
/// exception state moved out of the frame and grew in the thread (bpo-25612, `Include/pystate.h`,
/// `Include/frameobject.h`).
pub const CPYTHON_3_7: Layout = Layout {
    runtime: Runtime::Struct {
        interpreters_head: Field::at(24),
        gil_holder: Some(Field::at(1480)),
        tss_key: Some(Field::at(1508)),
        finalizing: Field::at(8),
    },
    thread: Thread { thread_id: Field::at(176), ..CPYTHON_3_6.thread },
    frame: FrameLayout { instruction: Instruction::Bytes(Field::at(104)), ..CPYTHON_3_6.frame },
    ..CPYTHON_3_6
};

/// 3.8.18. Positional-only parameters put `co_posonlyargcount` into the code object (PEP 570,
/// bpo-36540, `Include/code.h`), which gained `co_opcache` too (bpo-26219); the pre-initialization
/// state lengthened the head of `_PyRuntimeState` (PEP 587, bpo-36763,
/// `Include/internal/pycore_pystate.h`).
pub const CPYTHON_3_8: Layout = Layout {
    runtime: Runtime::Struct {
        interpreters_head: Field::at(32),
        gil_holder: Some(Field::at(1368)),
        tss_key: Some(Field::at(1396)),
        finalizing: Field::at(16),
    },
    code: CodeLayout {
        basic_size: 176,
        file: Field::at(104),
        name: Field::at(112),
        first_line: Field::at(40),
        line_table: Field::at(120),
        ..CPYTHON_3_7.code
    },
    ..CPYTHON_3_7
};

/// 3.9.18. The garbage collector's and the evaluation loop's state moved from `_PyRuntimeState` to
/// the interpreter (bpo-36854, bpo-38692, `Include/internal/pycore_runtime.h`).
pub const CPYTHON_3_9: Layout = Layout {
    runtime: Runtime::Struct {
        interpreters_head: Field::at(32),
        gil_holder: Some(Field::at(568)),
        tss_key: Some(Field::at(588)),
        finalizing: Field::at(16),
    },
    ..CPYTHON_3_8
};

/// 3.10.13. `f_lasti` counts code units (bpo-27129) and lost two neighbours
/// (`Include/cpython/frameobject.h`); the line table became `co_linetable` (PEP 626, bpo-42246);
/// `CFrame` appeared (bpo-43760, `Include/cpython/pystate.h`).
pub const CPYTHON_3_10: Layout = Layout {
    thread: Thread {
        anchor: FrameAnchor::FrameAndCFrame {
            frame: Field::at(24),
            cframe: Field::at(48),
            previous: Field::at(8),
        },
        ..CPYTHON_3_9.thread
    },
    frame: FrameLayout { instruction: Instruction::Units(Field::at(96)), ..CPYTHON_3_9.frame },
    code: CodeLayout { line_encoding: LineEncoding::Ranges, ..CPYTHON_3_9.code },
    ..CPYTHON_3_9
};

/// 3.11.7, the same in 3.11.2. Frames became plain structs on the thread's data stack (bpo-44032,
/// bpo-44590, `Include/internal/pycore_frame.h`), Python calls stopped nesting on the C stack
/// (bpo-45256), instructions moved into the code object (bpo-46841) and the location table came
/// (PEP 657, bpo-43950, `Include/cpython/code.h`).
pub const CPYTHON_3_11: Layout = Layout {
    runtime: Runtime::Struct {
        interpreters_head: Field::at(40),
        gil_holder: Some(Field::at(576)),
        tss_key: Some(Field::at(596)),
        finalizing: Field::at(24),
    },
    interpreter: InterpreterState { next: Field::at(0), threads_head: Field::at(16) },
    thread: Thread {
        thread_id: Field::at(152),
        native_thread_id: Some(Field::at(160)),
        anchor: FrameAnchor::ThroughCFrame {
            cframe: Field::at(56),
            frame: Field::at(8),
            previous: Field::at(16),
        },
        ..CPYTHON_3_10.thread
    },
    frame: FrameLayout {
        back: Field::at(48),
        code: Field::at(32),
        code_tag_mask: 0,
        instruction: Instruction::Pointer(Field::at(56)),
        entry: Entry::Flag(Field::at(68)),
        data_stack: true,
    },
    code: CodeLayout {
        basic_size: 184,
        item_size: 2,
        file: Field::at(112),
        name: Field::at(120),
        qualified_name: Some(Field::at(128)),
        first_line: Field::at(72),
        line_table: Field::at(136),
        line_encoding: LineEncoding::Locations,
        instructions: Some(184),
    },
    ..CPYTHON_3_10
};

/// 3.12.1. Entry frames live on the C stack (gh-96421, `Include/internal/pycore_frame.h`); `wstr`
/// left the strings (PEP 623, gh-92536, `Include/cpython/unicodeobject.h`); the current thread is
/// thread-local and no longer in `_PyRuntime`, and the interpreter's head grew for PEP 684
/// (`Include/internal/pycore_interp.h`).
pub const CPYTHON_3_12: Layout = Layout {
    runtime: Runtime::Struct {
        interpreters_head: Field::at(40),
        gil_holder: None,
        tss_key: Some(Field::at(1548)),
        finalizing: Field::at(24),
    },
    interpreter: InterpreterState { next: Field::at(0), threads_head: Field::at(72) },
    thread: Thread {
        thread_id: Field::at(136),
        native_thread_id: Some(Field::at(144)),
        anchor: FrameAnchor::ThroughCFrame {
            cframe: Field::at(56),
            frame: Field::at(0),
            previous: Field::at(8),
        },
        ..CPYTHON_3_11.thread
    },
    frame: FrameLayout {
        back: Field::at(8),
        code: Field::at(0),
        entry: Entry::Owner(Field::at(70)),
        ..CPYTHON_3_11.frame
    },
    code: CodeLayout {
        basic_size: 192,
        first_line: Field::at(68),
        instructions: Some(192),
        ..CPYTHON_3_11.code
    },
    unicode: Unicode {
        ascii_size: 40,
        compact_size: 56,
        data: Field::at(56),
        ..CPYTHON_3_11.unicode
    },
    ..CPYTHON_3_11
};

#[cfg(test)]
mod tests {
    use super::layout;
    use crate::python::Version;
    use crate::python::version::ReleaseLevel;

    #[test]
    fn only_known_releases_have_a_layout() {
        for minor in 6..=12 {
            assert!(layout(Version::new(3, minor, 9)).is_some(), "3.{minor}");
        }
        assert!(layout(Version::new(3, 7, 3)).is_none());
        assert!(layout(Version::new(3, 5, 10)).is_none());
        assert!(layout(Version::new(3, 13, 0)).is_none());
        assert!(layout(Version::new(2, 7, 18)).is_none());
        let beta = Version { level: ReleaseLevel::Beta(4), ..Version::new(3, 12, 0) };
        assert!(layout(beta).is_none());
    }
}
