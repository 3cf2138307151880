//! One line of a stack.

use std::sync::Arc;

use serde::Serialize;

/// Which language a frame is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FrameKind {
    /// A Python function.
    Python,
    /// Machine code.
    Native,
}

/// One finished, symbolised frame. Names come from the target and are hostile: exporters escape
/// them. Many frames share theirs, see [`Interner`](super::Interner).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Frame {
    /// Python or native.
    pub kind: FrameKind,
    /// Function name, qualified where the version has it, demangled; `None` without a symbol.
    pub function: Option<Arc<str>>,
    /// Source file as the target knows it.
    pub file: Option<Arc<str>>,
    /// Line in `file`, from 1.
    pub line: Option<u32>,
    /// The ELF file (native), shown as the target's path; `None` for Python.
    pub module: Option<Arc<str>>,
    /// Offset in `module` as its own virtual address (native); `None` for Python.
    pub offset: Option<u64>,
    /// Whether it was inlined into the next outer frame.
    pub inlined: bool,
    /// Whether it is a runtime frame, the interpreter's own (evaluation loop, call glue), which
    /// reports hide.
    #[serde(rename = "machinery")]
    pub is_runtime: bool,
}

/// What a reader sees of a frame: frames that are equal in it look the same in every report.
/// Offsets count only where there is no name, because several lie in one function.
pub type FrameIdentity<'a> =
    (FrameKind, Option<&'a str>, Option<&'a str>, Option<u32>, Option<&'a str>, Option<u64>);

impl Frame {
    /// What a reader sees of this frame.
    pub fn identity(&self) -> FrameIdentity<'_> {
        (
            self.kind,
            self.function.as_deref(),
            self.file.as_deref(),
            self.line,
            self.module.as_deref(),
            if self.function.is_none() { self.offset } else { None },
        )
    }

    /// A Python frame.
    pub fn python(
        function: impl Into<Arc<str>>,
        file: impl Into<Arc<str>>,
        line: Option<u32>,
    ) -> Self {
        Self {
            kind: FrameKind::Python,
            function: Some(function.into()),
            file: Some(file.into()),
            line,
            module: None,
            offset: None,
            inlined: false,
            is_runtime: false,
        }
    }
}
