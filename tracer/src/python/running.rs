//! The line that a frame is at.

use leakspy_ebpf::walk::Word;

use super::code::CodeInfo;
use super::layout::{Instruction, Layout};
use crate::model::{Address, Memory};

/// The line that the frame at `frame` is at, which runs the code object at `code`; `None` where that cannot be
/// read, or is code of no line.
pub fn running_line(
    memory: &dyn Memory,
    layout: &Layout,
    frame: Address,
    code: Address,
    info: &CodeInfo,
) -> Option<u32> {
    /// Bytes of a code unit.
    const UNIT: i64 = 2;
    let units = match layout.frame.instruction {
        Instruction::Bytes(field) => i64::from(field.read(memory, frame)?).div_euclid(UNIT),
        Instruction::Units(field) => i64::from(field.read(memory, frame)?),
        Instruction::Pointer(field) => {
            let first = code.offset(layout.code.instructions?.into())?;
            let at = field.read(memory, frame)?;
            at.0.wrapping_sub(first.0).cast_signed().div_euclid(UNIT)
        }
    };
    match units {
        ..0 => info.lines.line(Word::NOT_STARTED),
        units => info.lines.line(u32::try_from(units).ok()?),
    }
}
