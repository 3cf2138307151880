//! One line of a stack.

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

/// One finished, symbolised frame. Names come from the target and are hostile: exporters escape them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Frame {
    /// Python or native.
    pub kind: FrameKind,
    /// Function name, qualified where the version has it, demangled; `None` without a symbol.
    pub function: Option<String>,
    /// Source file as the target knows it.
    pub file: Option<String>,
    /// Line in `file`, from 1.
    pub line: Option<u32>,
    /// The ELF file (native), shown as the target's path; `None` for Python.
    pub module: Option<String>,
    /// Offset in `module` as its own virtual address (native); `None` for Python.
    pub offset: Option<u64>,
    /// Whether it was inlined into the next outer frame.
    pub inlined: bool,
    /// Whether it is the interpreter's own machinery (evaluation loop, call glue), which reports hide.
    pub machinery: bool,
}

impl Frame {
    /// A Python frame.
    pub fn python(function: impl Into<String>, file: impl Into<String>, line: Option<u32>) -> Self {
        Self {
            kind: FrameKind::Python,
            function: Some(function.into()),
            file: Some(file.into()),
            line,
            module: None,
            offset: None,
            inlined: false,
            machinery: false,
        }
    }
}
