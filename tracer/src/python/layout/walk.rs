//! The part of a layout that the kernel gets.

use leakspy_ebpf::wire::target::{
    ENTRY_EACH, ENTRY_FLAG, ENTRY_OWNER, INSTRUCTION_BYTES, INSTRUCTION_POINTER, INSTRUCTION_UNITS,
    PythonWalk,
};

use super::{Entry, Field, FrameAnchor, FrameLayout, Instruction, Layout};

impl Layout {
    /// The part that the frame walk needs. `gil_holder` and `tstate_slot` belong to one process,
    /// and are left 0.
    pub fn walk(&self) -> PythonWalk {
        let mut walk = PythonWalk {
            enabled: 1,
            tstate_thread_id: self.thread.thread_id.offset(),
            data_stack: u32::from(self.frame.data_stack),
            code_adaptive: self.code.instructions.map_or(0, u32::from),
            code_line_table: self.code.line_table.offset(),
            code_texts: [
                self.code.name.offset(),
                self.code.qualified_name.map_or(0, Field::offset),
                self.code.file.offset(),
            ],
            code_first_line: self.code.first_line.offset(),
            text_length: self.unicode.length.offset(),
            // `hash` follows `length` in all versions (`Include/cpython/unicodeobject.h`).
            text_hash: self.unicode.length.end(),
            text_state: self.unicode.state.offset(),
            text_data: self.unicode.ascii_size.into(),
            bytes_size: self.bytes.size.offset(),
            bytes_data: self.bytes.data.into(),
            ..PythonWalk::default()
        };
        self.thread.anchor.describe(&mut walk);
        self.frame.describe(&mut walk);
        walk
    }
}

impl FrameLayout {
    fn describe(self, walk: &mut PythonWalk) {
        let (instruction, instruction_end, kind) = match self.instruction {
            Instruction::Bytes(field) => (field.offset(), field.end(), INSTRUCTION_BYTES),
            Instruction::Units(field) => (field.offset(), field.end(), INSTRUCTION_UNITS),
            Instruction::Pointer(field) => (field.offset(), field.end(), INSTRUCTION_POINTER),
        };
        let (owner, entry) = match self.entry {
            // Any byte that is read anyway.
            Entry::Each => (self.back.offset(), ENTRY_EACH),
            Entry::Flag(field) => (field.offset(), ENTRY_FLAG),
            Entry::Owner(field) => (field.offset(), ENTRY_OWNER),
        };
        let starts = [self.back.offset(), self.code.offset(), instruction, owner];
        let ends = [self.back.end(), self.code.end(), instruction_end, owner + 1];
        let start = starts.into_iter().fold(u32::MAX, u32::min);
        let end = ends.into_iter().fold(0, u32::max);
        // The walk reads whole words.
        walk.frame_start = start / 8 * 8;
        walk.frame_span = end.next_multiple_of(8) - walk.frame_start;
        walk.frame_back = self.back.offset();
        walk.frame_code = self.code.offset();
        walk.code_tag_mask = u32::from(self.code_tag_mask);
        walk.frame_instruction = instruction;
        walk.instruction = kind;
        walk.frame_owner = owner;
        walk.entry = entry;
    }
}

impl FrameAnchor {
    fn describe(self, walk: &mut PythonWalk) {
        match self {
            Self::Frame(frame) => walk.tstate_frame = frame.offset(),
            Self::FrameAndCFrame { frame, cframe, .. } => {
                walk.tstate_frame = frame.offset();
                walk.tstate_cframe = cframe.offset();
            }
            Self::ThroughCFrame { cframe, frame, .. } => {
                walk.tstate_frame = cframe.offset();
                walk.has_cframe = 1;
                walk.cframe_frame = frame.offset();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use leakspy_ebpf::wire::limit::FRAME_SPAN;

    use crate::python::layout::{Entry, Layout, table};

    fn spans(layout: &Layout) -> (u32, u32) {
        let walk = layout.walk();
        (walk.frame_start, walk.frame_span)
    }

    #[test]
    fn the_walk_reads_no_more_of_a_frame_than_it_needs() {
        assert_eq!(spans(&table::CPYTHON_3_6), (24, 104));
        assert_eq!(spans(&table::CPYTHON_3_8), (24, 88));
        assert_eq!(spans(&table::CPYTHON_3_10), (24, 80));
        assert_eq!(spans(&table::CPYTHON_3_11), (32, 40));
        assert_eq!(spans(&table::CPYTHON_3_12), (0, 72));
    }

    #[test]
    fn every_row_fits_the_walk() {
        for row in table::ROWS {
            let walk = row.layout.walk();
            let span = usize::try_from(walk.frame_span).unwrap();
            assert!(span <= FRAME_SPAN && span.is_multiple_of(8), "3.{}", row.minor);
            assert!(walk.frame_start.is_multiple_of(8), "3.{}", row.minor);
            let inside = |offset: u32, size: u32| {
                offset >= walk.frame_start && offset + size <= walk.frame_start + walk.frame_span
            };
            assert!(inside(walk.frame_back, 8) && inside(walk.frame_code, 8), "3.{}", row.minor);
            assert!(inside(walk.frame_instruction, 4) && inside(walk.frame_owner, 1));
            let units = row.layout.code.instructions.is_some();
            assert_eq!(units, row.layout.frame.entry != Entry::Each, "3.{}", row.minor);
        }
    }
}
