//! The frames and stacks of a recording, each once, however many sites have them.

use std::collections::HashMap;
use std::sync::Arc;

use super::Source;
use crate::model::{CallStack, Frame, FrameKind, Interner};
use crate::store::StoreError;
use crate::store::intern::kind_name;

/// What is read so far.
pub(super) struct StoredStacks<'a> {
    source: &'a Source<'a>,
    frames: HashMap<i64, Arc<Frame>>,
    stacks: HashMap<i64, KnownStack>,
}

/// A stack.
#[derive(Clone, Default)]
pub(super) struct KnownStack {
    /// Its frames.
    pub stack: CallStack,
    /// Bytes of its names, written out.
    pub text: usize,
}

impl Source<'_> {
    /// All frames; stacks are read when they are asked for.
    pub(super) fn stacks(&self) -> Result<StoredStacks<'_>, StoreError> {
        Ok(StoredStacks { source: self, frames: self.frames()?, stacks: HashMap::new() })
    }

    fn frames(&self) -> Result<HashMap<i64, Arc<Frame>>, StoreError> {
        let mut interner = Interner::default();
        let sql = "SELECT id, kind, function, file, line, module, module_offset, inlined, machinery \
                   FROM frame";
        let rows = self.all(sql, self.limits.frames, "frames", |row| {
            let kind: String = row.get(1)?;
            let Some(kind) = kind_named(&kind) else { return Ok(None) };
            let frame = Frame {
                kind,
                function: row.get(2)?,
                file: row.get(3)?,
                line: row.get(4)?,
                module: row.get(5)?,
                offset: row.get(6)?,
                inlined: row.get(7)?,
                is_runtime: row.get(8)?,
            };
            Ok(Some((row.get(0)?, interner.frame(frame))))
        })?;
        let unknown = || self.damaged("a kind of frame is not known");
        rows.into_iter().collect::<Option<_>>().ok_or_else(unknown)
    }

    /// The numbers of a stack's frames, root first.
    fn stack_frames(&self, stack: i64) -> Result<Vec<i64>, StoreError> {
        let query = || -> rusqlite::Result<Vec<i64>> {
            let mut query = self.connection.prepare_cached(
                "SELECT frame FROM stack_frame WHERE stack = ?1 ORDER BY position LIMIT ?2",
            )?;
            // One more than allowed, to notice.
            let limit = self.limits.depth.saturating_add(1);
            query.query_map((stack, limit), |row| row.get(0))?.collect()
        };
        let frames = query().map_err(|source| self.reading(source))?;
        if frames.is_empty() || frames.len() > self.limits.depth {
            return Err(self.damaged("a stack is missing or too deep"));
        }
        Ok(frames)
    }
}

impl StoredStacks<'_> {
    /// The stack of that number; an empty one without a number.
    pub(super) fn stack(&mut self, number: Option<i64>) -> Result<KnownStack, StoreError> {
        let Some(number) = number else { return Ok(KnownStack::default()) };
        if let Some(known) = self.stacks.get(&number) {
            return Ok(known.clone());
        }
        let ids = self.source.stack_frames(number)?;
        let frames = ids.iter().map(|id| self.frames.get(id)).collect::<Option<Vec<_>>>();
        let frames =
            frames.ok_or_else(|| self.source.damaged("a stack has a frame that is not there"))?;
        let known = KnownStack {
            text: frames.iter().map(|frame| text(frame)).sum(),
            stack: frames.into_iter().cloned().collect(),
        };
        self.stacks.insert(number, known.clone());
        Ok(known)
    }
}

/// Bytes of a frame's names.
fn text(frame: &Frame) -> usize {
    [&frame.function, &frame.file, &frame.module].into_iter().flatten().map(|text| text.len()).sum()
}

fn kind_named(name: &str) -> Option<FrameKind> {
    [FrameKind::Python, FrameKind::Native].into_iter().find(|kind| kind_name(*kind) == name)
}
