//! Finished frames, root first.

use std::collections::BTreeSet;
use std::sync::Arc;

use leakspy_ebpf::walk::Word;

use super::image::ModuleId;
use super::merge::{MergeNote, Merged, MixedStack};
use super::native::NativeNames;
use super::runtime_frames::{is_runtime_frame, is_thread_start};
use super::stack::{NativeFrame, Place};
use crate::model::{Frame, FrameKind, StackNote};

/// Names of Python frames.
pub trait PythonNames {
    /// The frame of a word, `None` when it is no function but the interpreter's own device, or why
    /// it has no name.
    fn name(&self, word: Word, generation: u32) -> Result<Option<Frame>, StackNote>;
}

/// A stack as reports print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Root first, the allocator's caller last.
    pub frames: Vec<Frame>,
    /// Why it is less than whole, without repetition.
    pub notes: Vec<StackNote>,
}

/// Turns merged stacks into frames.
pub struct Resolver<'a, P> {
    /// Names of Python frames.
    pub python: &'a P,
    /// Names of native code; look up [`places`] of every stack first.
    pub native: &'a NativeNames,
    /// The module that holds the interpreter, when there is one.
    pub interpreter: Option<ModuleId>,
}

/// Every place of the stacks that [`NativeNames::look_up`] should know.
pub fn places<'a>(stacks: impl IntoIterator<Item = &'a MixedStack>) -> BTreeSet<Place> {
    let entries = stacks.into_iter().flat_map(|stack| &stack.entries);
    entries
        .filter_map(|entry| match entry {
            Merged::Native(frame) | Merged::Evaluation(frame) => frame.place,
            Merged::Python { .. } => None,
        })
        .collect()
}

impl<P: PythonNames> Resolver<'_, P> {
    /// The frames of one stack.
    pub fn resolve(&self, stack: &MixedStack) -> Resolved {
        let mut frames = Vec::with_capacity(stack.entries.len());
        let mut notes = Vec::new();
        for entry in stack.entries.iter().rev() {
            match entry {
                Merged::Python { word, generation } => match self.python.name(*word, *generation) {
                    Ok(frame) => frames.extend(frame),
                    Err(reason) => {
                        frames.push(nameless_python());
                        push_new(&mut notes, reason);
                    }
                },
                Merged::Native(frame) => frames.extend(self.native_frames(frame, false)),
                Merged::Evaluation(frame) => frames.extend(self.native_frames(frame, true)),
            }
        }
        let whole = stack.notes.iter().all(|note| matches!(note, MergeNote::FramePointer { .. }));
        hide_start(&mut frames, whole);
        show_leaf(&mut frames);
        hide_main(&mut frames);
        for note in &stack.notes {
            if let Some(note) = note.note().filter(|_| !is_whole(note, &frames)) {
                push_new(&mut notes, note);
            }
        }
        Resolved { frames, notes }
    }

    fn native_frames(&self, native: &NativeFrame, evaluation: bool) -> Vec<Frame> {
        let Some(place) = native.place else { return Vec::new() };
        let in_interpreter = self.interpreter == Some(place.module);
        let mut frames = self.native.frames(place);
        for frame in &mut frames {
            frame.is_runtime = evaluation
                || match &frame.function {
                    Some(name) => is_runtime_frame(name, in_interpreter),
                    // In a stripped interpreter the exported functions keep their names; what has
                    // none between two Python frames is glue, and tells nobody anything.
                    None => in_interpreter,
                };
        }
        frames
    }
}

/// Nameless frames inside the innermost Python frame are the code that allocates: they are shown by
/// module and offset.
fn show_leaf(frames: &mut [Frame]) {
    let leaf = frames.iter_mut().rev().take_while(|frame| frame.kind == FrameKind::Native);
    for frame in leaf.filter(|frame| frame.function.is_none()) {
        frame.is_runtime = false;
    }
}

/// Whether a note says that frames are missing although the walk came to where threads start: C
/// libraries whose start code carries no unwind information end there.
fn is_whole(note: &MergeNote, frames: &[Frame]) -> bool {
    let ended = matches!(note, MergeNote::NativeEnded(_));
    let root = frames.first().filter(|frame| frame.kind == FrameKind::Native);
    ended && root.and_then(|frame| frame.function.as_deref()).is_some_and(is_thread_start)
}

/// Most nameless frames of the C library between the start of a thread and what it runs.
const NAMELESS_START: usize = 2;

/// Start code whose names are stripped: glibc exports `__libc_start_main`, but neither
/// `__libc_start_call_main` inside it, nor `start_thread` and `clone3` of other threads. Only where
/// the stack is whole is its first frame known to be start code.
fn hide_start(frames: &mut [Frame], whole: bool) {
    let mut nameless = 0;
    let mut outer: Option<Arc<str>> = None;
    for (index, frame) in frames.iter_mut().enumerate() {
        if frame.kind != FrameKind::Native || frame.inlined {
            return;
        }
        match &frame.function {
            Some(name) if is_thread_start(name) => {}
            None if nameless < NAMELESS_START
                && ((index == 0 && whole) || (index > 0 && frame.module == outer)) =>
            {
                nameless += 1;
            }
            _ => return,
        }
        frame.is_runtime = true;
        outer.clone_from(&frame.module);
    }
}

/// The small program around a shared interpreter: its `main` only calls `Py_BytesMain`.
fn hide_main(frames: &mut [Frame]) {
    for index in 1..frames.len() {
        let calls_python = frames[index].is_runtime
            && frames[index]
                .function
                .as_deref()
                .is_some_and(|name| matches!(name, "Py_BytesMain" | "Py_Main" | "_Py_UnixMain"));
        if calls_python && frames[index - 1].function.as_deref() == Some("main") {
            frames[index - 1].is_runtime = true;
        }
    }
}

fn nameless_python() -> Frame {
    Frame {
        kind: FrameKind::Python,
        function: None,
        file: None,
        line: None,
        module: None,
        offset: None,
        inlined: false,
        is_runtime: false,
    }
}

fn push_new(notes: &mut Vec<StackNote>, note: StackNote) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

#[cfg(test)]
mod tests;
