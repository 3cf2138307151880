//! Each distinct frame and stack is stored once; sites refer to them by number.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::history::bounded;
use crate::model::{CallStack, Frame, FrameKind};

/// Numbers of what is already stored. Exact: hashes that stand for stacks could name a wrong one.
#[derive(Default)]
pub struct InternedNumbers {
    frames: HashMap<Arc<Frame>, u32>,
    stacks: HashMap<Box<[u32]>, i64>,
}

impl InternedNumbers {
    /// The number of `stack`, stored now unless it is already; nothing for an empty one.
    pub fn stack(
        &mut self,
        connection: &Connection,
        stack: &CallStack,
    ) -> rusqlite::Result<Option<i64>> {
        if stack.is_empty() {
            return Ok(None);
        }
        let frames = stack
            .shared()
            .iter()
            .map(|frame| self.frame(connection, frame))
            .collect::<rusqlite::Result<Box<[u32]>>>()?;
        if let Some(number) = self.stacks.get(&frames) {
            return Ok(Some(*number));
        }
        let number = next(self.stacks.len());
        let mut insert = connection.prepare_cached(
            "INSERT INTO stack_frame (stack, position, frame) VALUES (?1, ?2, ?3)",
        )?;
        for (position, frame) in frames.iter().enumerate() {
            insert.execute(params![number, number_of(position), frame])?;
        }
        self.stacks.insert(frames, number);
        Ok(Some(number))
    }

    fn frame(&mut self, connection: &Connection, frame: &Arc<Frame>) -> rusqlite::Result<u32> {
        if let Some(number) = self.frames.get(frame) {
            return Ok(*number);
        }
        let number = u32::try_from(next(self.frames.len()))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO frame (id, kind, function, file, line, module, module_offset, inlined, \
             machinery) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        insert.execute(params![
            number,
            kind_name(frame.kind),
            frame.function.as_deref().map(bounded),
            frame.file.as_deref().map(bounded),
            frame.line,
            frame.module.as_deref().map(bounded),
            frame.offset.and_then(|offset| i64::try_from(offset).ok()),
            frame.inlined,
            frame.is_runtime,
        ])?;
        self.frames.insert(Arc::clone(frame), number);
        Ok(number)
    }
}

/// The word for a kind of frame in a recording.
pub fn kind_name(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Python => "python",
        FrameKind::Native => "native",
    }
}

/// Numbers begin at 1.
fn next(stored: usize) -> i64 {
    number_of(stored).saturating_add(1)
}

fn number_of(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
