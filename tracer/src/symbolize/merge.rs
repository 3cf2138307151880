//! Merges the native and the Python stack into one, in call order.
//!
//! Pure. The Python frames are complete by themselves and always come out, all and in order; native
//! frames come out only where it is certain which Python frames they lie between.

use leakspy_ebpf::walk::Word;

use super::activation::{self, ActivationSegment, Activations, CodeRanges, Host};
use super::stack::{NativeFrame, NativeStack, StackCopy, WalkEnd};
use crate::model::StackNote;

/// One entry of a merged stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// A Python frame.
    Python {
        /// The word that the kernel walk emitted.
        word: Word,
        /// Generation of its code object at that time.
        generation: u32,
    },
    /// Native code.
    Native(NativeFrame),
    /// The evaluation loop that runs the Python frames just inside it.
    Evaluation(NativeFrame),
}

/// Why a merged stack is less than it could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeNote {
    /// The native walk ended early; see [`WalkEnd`].
    NativeEnded(WalkEnd),
    /// Native frames were left out because it is not certain where they belong.
    NativeLeftOut {
        /// How many.
        frames: usize,
    },
    /// Native frames further out belong to another Python stack: the greenlet or sub-interpreter
    /// that switched to this one.
    OtherStack {
        /// How many were left out.
        frames: usize,
    },
    /// Activations of the evaluation loop that run no Python frame.
    IdleEvaluation {
        /// How many.
        frames: usize,
    },
    /// A native frame without tables was passed by its frame pointer.
    FramePointer {
        /// How many.
        frames: usize,
    },
}

impl MergeNote {
    /// What to tell the user; `None` when there is nothing to tell.
    pub fn note(&self) -> Option<StackNote> {
        let frames = |frames: usize| u64::try_from(frames).unwrap_or(u64::MAX);
        match *self {
            Self::NativeEnded(ref end) => end.note(),
            Self::NativeLeftOut { frames: n } => {
                Some(StackNote::NativeLeftOut { frames: frames(n) })
            }
            Self::OtherStack { frames: n } => Some(StackNote::OtherStack { frames: frames(n) }),
            Self::IdleEvaluation { frames: n } => {
                Some(StackNote::IdleEvaluation { frames: frames(n) })
            }
            Self::FramePointer { frames: n } => {
                Some(StackNote::ByFramePointer { frames: frames(n) })
            }
        }
    }
}

/// A stack of both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixedStack {
    /// **Innermost first**, without the allocator itself.
    pub entries: Vec<Merged>,
    /// What is missing.
    pub notes: Vec<MergeNote>,
}

/// What is to be merged.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Native frames; the first is the allocator.
    pub native: &'a NativeStack,
    /// Python words, innermost first.
    pub words: &'a [Word],
    /// Generation of each word's code object.
    pub generations: &'a [u32],
    /// Whether the words reach the outermost Python frame.
    pub complete: bool,
    /// How activations are told apart.
    pub by: Activations,
    /// Innermost `_PyCFrame`, or 0.
    pub cframe: u64,
    /// The copied stack.
    pub stack: StackCopy<'a>,
    /// The evaluation loop's code.
    pub code: &'a CodeRanges,
}

/// Merges the two stacks.
pub fn merge(input: &Input<'_>) -> MixedStack {
    let cframes = match input.by {
        Activations::ByCframe { previous, .. } => {
            activation::cframe_chain(input.cframe, previous, &input.stack)
        }
        Activations::ByCode | Activations::ByEntry => Vec::new(),
    };
    let segments = activation::segments(input.words, input.by, &cframes);
    let hosts = activation::hosts(&segments, input.native, input.code);
    let mut merger = Merger::new(input);
    for (segment, host) in segments.iter().zip(hosts) {
        merger.segment(segment, host);
    }
    merger.outermost(!segments.is_empty());
    merger.finish()
}

/// A merge under way: everything before `next` of the native frames is done.
struct Merger<'a> {
    input: &'a Input<'a>,
    entries: Vec<Merged>,
    next: usize,
    /// Whether the place of the native frame `next` is certain.
    certain: bool,
    left_out: usize,
    other_stack: usize,
    idle: usize,
}

impl<'a> Merger<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        // The first native frame is the allocator, which is no part of the stack that called it.
        Self {
            input,
            entries: Vec::with_capacity(input.native.frames.len() + input.words.len()),
            next: 1,
            certain: true,
            left_out: 0,
            other_stack: 0,
            idle: 0,
        }
    }

    fn segment(&mut self, segment: &ActivationSegment, host: Host) {
        match host {
            Host::Frame(index) if index >= self.next => {
                self.native_to(index);
                self.python(segment);
                self.entries.push(Merged::Evaluation(self.input.native.frames[index]));
                self.next = index + 1;
                self.certain = true;
            }
            Host::Beyond => {
                self.native_to(self.input.native.frames.len());
                self.python(segment);
            }
            // A frame that is passed already contradicts what was taken for certain.
            Host::Frame(_) | Host::Unknown => {
                // What lies inside the next evaluation loop is called by this segment, whichever
                // loop runs it. From there on nothing is certain until a known host.
                if self.certain
                    && let Some(index) = self.next_evaluation()
                {
                    self.native_to(index);
                }
                self.python(segment);
                self.certain = false;
            }
        }
    }

    /// The native frames outside of the outermost Python frame.
    fn outermost(&mut self, any_python: bool) {
        let end = self.input.native.frames.len();
        let other_stack = any_python && self.input.complete && self.certain;
        if let Some(index) = self.next_evaluation().filter(|_| other_stack) {
            self.native_to(index);
            self.other_stack = end - index;
        } else {
            self.native_to(end);
        }
    }

    fn python(&mut self, segment: &ActivationSegment) {
        for index in segment.frames.clone() {
            let generation = self.input.generations.get(index).copied().unwrap_or(0);
            self.entries.push(Merged::Python { word: self.input.words[index], generation });
        }
    }

    /// Native frames up to `end`: emitted when their place is certain, else left out.
    fn native_to(&mut self, end: usize) {
        let Some(frames) = self.input.native.frames.get(self.next..end) else { return };
        if self.certain {
            let code = self.input.code;
            self.idle += frames.iter().filter(|frame| code.contains(frame.address)).count();
            self.entries.extend(frames.iter().copied().map(Merged::Native));
        } else {
            self.left_out += frames.len();
        }
        self.next = end;
    }

    fn next_evaluation(&self) -> Option<usize> {
        let frames = self.input.native.frames.get(self.next..)?;
        let index = frames.iter().position(|frame| self.input.code.contains(frame.address))?;
        Some(self.next + index)
    }

    fn finish(self) -> MixedStack {
        let native = self.input.native;
        let by_frame_pointer = native.frames.iter().filter(|frame| frame.by_frame_pointer).count();
        let mut notes = Vec::new();
        // Where frames of another stack begin, it does not matter how far they went.
        if self.other_stack > 0 {
            notes.push(MergeNote::OtherStack { frames: self.other_stack });
        } else if native.end != WalkEnd::Root {
            notes.push(MergeNote::NativeEnded(native.end.clone()));
        }
        if self.left_out > 0 {
            notes.push(MergeNote::NativeLeftOut { frames: self.left_out });
        }
        if self.idle > 0 && self.input.complete {
            notes.push(MergeNote::IdleEvaluation { frames: self.idle });
        }
        if by_frame_pointer > 0 {
            notes.push(MergeNote::FramePointer { frames: by_frame_pointer });
        }
        MixedStack { entries: self.entries, notes }
    }
}

#[cfg(test)]
mod tests;
