//! What a code object is called, and where it was written.

use super::layout::{Field, Layout};
use super::line::LineTable;
use super::text;
use crate::model::{Address, Memory, NoCode, NoText};

/// A code object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// `co_qualname` where the version has it (3.11 on), else `co_name`.
    pub function: String,
    /// `co_filename`, as the compiler was reported.
    pub file: String,
    /// `co_firstlineno`, from 1; `None` when the compiler had none.
    pub first_line: Option<u32>,
    /// Lines of its instructions; without a single one when the table could not be read.
    pub lines: LineTable,
}

impl CodeInfo {
    /// Whether it is no function but the frame that a specialised call of a class puts under its
    /// `__init__` (`_Py_InitCleanup` in `Python/specialize.c`, 3.12 on), which Python itself never
    /// shows. No source file has that name.
    pub fn is_shim(&self) -> bool {
        self.file == "__init__" && self.function == "__init__"
    }

    /// Reads the code object at `code`, whose type must be `code_type`.
    pub fn read(
        memory: &dyn Memory,
        layout: &Layout,
        code_type: Address,
        code: Address,
    ) -> Result<Self, NoCode> {
        let class = layout.object.class.read(memory, code).ok_or(NoCode::Unreadable)?;
        if class != code_type {
            return Err(NoCode::NotCode);
        }
        let first_line = layout.code.first_line.read(memory, code).ok_or(NoCode::Unreadable)?;
        let text = |field| text_of(memory, layout, code, field);
        let function = match layout.code.qualified_name.map(text) {
            Some(Ok(qualified)) => qualified,
            // The plain name is still true.
            Some(Err(_)) | None => {
                text(layout.code.name).map_err(|reason| NoCode::Function { reason })?
            }
        };
        let file = text(layout.code.file).map_err(|reason| NoCode::File { reason })?;
        // A name without lines is worth more than nothing; it says so by having none.
        let table = layout.code.line_table.read(memory, code);
        let table = table.and_then(|table| text::bytes(memory, layout, table).ok());
        let lines = match table {
            Some(table) => LineTable::new(layout.code.line_encoding, first_line, table),
            None => LineTable::unknown(first_line),
        };
        let first_line = u32::try_from(first_line).ok().filter(|&line| line > 0);
        Ok(Self { function, file, first_line, lines })
    }
}

fn text_of(
    memory: &dyn Memory,
    layout: &Layout,
    code: Address,
    field: Field<Address>,
) -> Result<String, NoText> {
    let object = field.read(memory, code).ok_or(NoText::Unreadable)?;
    text::unicode(memory, layout, object)
}
