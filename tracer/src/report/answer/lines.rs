//! The lines of the program that stacks stand for.

use crate::model::{CallStack, Frame, FrameKind};
use crate::report::origin::{self, Origin};
use crate::report::width::cut_start;
use crate::report::{blame, label};

/// Most columns of a function's name, and of its file.
const NAME: usize = 44;
const SOURCE: usize = 44;

/// Lines with their shares, the largest first; those of stacks that name the same line are added up.
pub fn lines<'a>(stacks: impl Iterator<Item = (&'a CallStack, f64)>) -> Vec<(String, f64)> {
    let mut lines: Vec<(String, f64)> = Vec::new();
    for (stack, share) in stacks {
        let Some(line) = line(stack) else { continue };
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, sum)) => *sum += share,
            None => lines.push((line, share)),
        }
    }
    lines.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    lines
}

/// `Server.connect (engineio/server.py:559)`; of the program's own files the last part, which its reader knows.
fn line(stack: &CallStack) -> Option<String> {
    let frames: Vec<&Frame> = stack.iter().filter(|frame| !frame.is_runtime).collect();
    let frame = blame::of(&frames)?.frame;
    let name = label::cut_name(&label::name(frame), NAME);
    let own = origin::of_frame(frame) == Origin::Application || frame.kind == FrameKind::Native;
    let source = if own { label::brief_place(frame) } else { label::source(frame) };
    Some(match source {
        Some(source) => format!("{name} ({})", cut_start(&source, SOURCE)),
        None => name,
    })
}
