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

/// `Server.connect (engineio/server.py:559)`; of the program's own files the last part, which its reader knows. A function of the
/// interpreter or the C library is no place where anybody could look.
fn line(stack: &CallStack) -> Option<String> {
    let frames: Vec<&Frame> = stack.iter().filter(|frame| !frame.is_runtime).collect();
    let frame = blame::of(&frames)?.frame;
    if frame.kind == FrameKind::Native && origin::of_frame(frame) == Origin::System {
        return None;
    }
    let name = label::cut_name(&label::name(frame), NAME);
    let own = origin::of_frame(frame) == Origin::Application || frame.kind == FrameKind::Native;
    let source = if own { label::brief_place(frame) } else { label::source(frame) };
    Some(match source {
        Some(source) => format!("{name} ({})", cut_start(&source, SOURCE)),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(function: &str, module: &str) -> Frame {
        let (kind, function) = (FrameKind::Native, Some(function.into()));
        Frame { kind, function, module: Some(module.into()), ..Frame::python("", "", None) }
    }

    /// New threads get memory for frames before any line of Python runs in them.
    #[test]
    fn functions_of_the_interpreter_are_no_lines() {
        let stack = |frames: &[Frame]| frames.iter().cloned().collect::<CallStack>();
        let arena = native("_PyMem_ArenaAlloc", "/usr/lib/libpython3.12.so.1.0");
        let start = native("start_thread", "/lib/x86_64-linux-gnu/libc.so.6");
        let init = Frame::python("Client.__init__", "/srv/app.py", Some(5));
        let fitz = native("fz_new_pixmap", "/v/site-packages/fitz/_mupdf.so");
        let stacks = [
            stack(&[start.clone(), arena.clone()]),
            stack(&[start.clone(), init, arena]),
            stack(&[start, fitz]),
        ];
        let told = lines(stacks.iter().zip([0.5, 0.3, 0.2]));
        let names: Vec<&str> = told.iter().filter_map(|(line, _)| line.split(' ').next()).collect();
        assert_eq!(names, ["Client.__init__", "fz_new_pixmap"]);
    }
}
