//! Why a layout is believed: what it says about this very process must hold.

use std::collections::HashSet;

use super::layout::Layout;
use crate::model::{Address, Memory, NoCode};
use crate::python::code::CodeInfo;
use crate::python::frame::{Frames, Walker};
use crate::python::runtime::ThreadState;

/// Threads whose frames are checked.
const MAX_THREADS: usize = 64;
/// Times that a thread is walked before its frames count as wrong: the target runs meanwhile, so
/// that a walk can meet a frame that is being pushed. A wrong layout is wrong every time.
const ATTEMPTS: usize = 8;

/// What was found to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Threads whose frames all led to code objects with a name and a file.
    pub threads: usize,
    /// Frames in them.
    pub frames: usize,
}

/// What was found not to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The type of code objects cannot be read.
    #[error("the type of its code objects, at {code_type}, cannot be read")]
    TypeUnreadable {
        /// Where it should be.
        code_type: Address,
    },
    /// `tp_name` is not `code`.
    #[error("what should be the type of its code objects, at {code_type}, is not called `code`")]
    TypeName {
        /// Where it should be.
        code_type: Address,
    },
    /// `tp_basicsize` or `tp_itemsize` differ.
    #[error(
        "its code objects have {found}+{found_item} bytes where {expected}+{expected_item} are known"
    )]
    TypeSize {
        /// `tp_basicsize`
        found: u64,
        /// `tp_itemsize`
        found_item: u64,
        /// What the layout has.
        expected: u16,
        /// What the layout has.
        expected_item: u16,
    },
    /// No type was given, and no thread runs Python code that it could be learnt from.
    #[error(
        "no thread runs Python code and its code type is not exported, so nothing can be checked"
    )]
    NothingToCheck,
    /// A walk that ended at an unreadable or implausible frame.
    #[error("frames of thread {thread} lead nowhere")]
    BrokenFrames {
        /// The thread state.
        thread: Address,
    },
    /// A frame whose code is none, or has no name or file.
    #[error("a frame of thread {thread} has no usable code object at {code} ({})", reason.code())]
    Code {
        /// The thread state.
        thread: Address,
        /// Where the code object should be.
        code: Address,
        /// What is wrong with it.
        reason: NoCode,
    },
    /// The word that should name the holder of the GIL names something else.
    #[error("its GIL is held by {holder}, which is no thread of it")]
    Holder {
        /// What the word says.
        holder: Address,
    },
}

/// Checks that `code_type` is `PyCode_Type` as `layout` has it. From 3.11 on its `tp_basicsize` is
/// the offset of the first instruction, so that this alone holds the code object's columns against
/// the live process.
pub fn code_type(memory: &dyn Memory, layout: &Layout, code_type: Address) -> Result<(), Failed> {
    let unreadable = Failed::TypeUnreadable { code_type };
    let class = &layout.class;
    let name = class.name.read(memory, code_type).ok_or(unreadable)?;
    if memory.bytes(name, 5).is_none_or(|name| name != b"code\0") {
        return Err(Failed::TypeName { code_type });
    }
    let found = class.basic_size.read(memory, code_type).ok_or(unreadable)?;
    let found_item = class.item_size.read(memory, code_type).ok_or(unreadable)?;
    let (expected, expected_item) = (layout.code.basic_size, layout.code.item_size);
    if (found, found_item) != (expected.into(), expected_item.into()) {
        return Err(Failed::TypeSize { found, found_item, expected, expected_item });
    }
    Ok(())
}

/// The type of the code object in the innermost frame that is found, for interpreters that do not
/// export it.
pub fn derived_code_type(
    memory: &dyn Memory,
    layout: &Layout,
    walker: &mut Walker,
    threads: &[ThreadState],
) -> Result<Address, Failed> {
    sample(threads)
        .filter_map(|thread| {
            let frames = walker.walk(memory, thread.thread_id);
            let code = frames.words.iter().find(|word| word.is_python())?.code();
            layout.object.class.read(memory, Address(code))
        })
        .find(|&class| code_type(memory, layout, class).is_ok())
        .ok_or(Failed::NothingToCheck)
}

/// Checks the frames of every thread: each must lead to a code object of `code_type` with a name
/// and a file.
///
/// Most threads must pass, because a thread that never stops calling may be met in the middle of a
/// call time after time. When no thread is running Python code there is nothing to hold against the
/// frames, and the check of the code type stands alone; `Checked` says so.
pub fn frames(
    memory: &dyn Memory,
    layout: &Layout,
    code_type: Address,
    walker: &mut Walker,
    threads: &[ThreadState],
) -> Result<Checked, Failed> {
    let mut checker = Checker { memory, layout, code_type, known: HashSet::new() };
    let mut checked = Checked::default();
    let mut failures = Vec::new();
    for thread in sample(threads) {
        match checker.thread(walker, thread) {
            Ok(0) => {}
            Ok(frames) => {
                checked.threads += 1;
                checked.frames += frames;
            }
            Err(failure) => failures.push(failure),
        }
    }
    match failures.first() {
        Some(&failure) if failures.len() >= checked.threads => Err(failure),
        _ => Ok(checked),
    }
}

/// The oldest threads, which CPython lists last: the main thread among them, and few that are just
/// beginning.
fn sample(threads: &[ThreadState]) -> impl Iterator<Item = &ThreadState> {
    threads.iter().rev().filter(|thread| thread.thread_id != 0).take(MAX_THREADS)
}

struct Checker<'a> {
    memory: &'a dyn Memory,
    layout: &'a Layout,
    code_type: Address,
    known: HashSet<u64>,
}

impl Checker<'_> {
    /// Frames of `thread`, all of them good.
    fn thread(&mut self, walker: &mut Walker, thread: &ThreadState) -> Result<usize, Failed> {
        let mut failure = Failed::BrokenFrames { thread: thread.address };
        for _ in 0..ATTEMPTS {
            let frames = walker.walk(self.memory, thread.thread_id);
            match self.codes(thread, &frames) {
                Ok(count) => return Ok(count),
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    fn codes(&mut self, thread: &ThreadState, frames: &Frames) -> Result<usize, Failed> {
        if !frames.has_thread_state() {
            return Ok(0);
        }
        if frames.is_broken() {
            return Err(Failed::BrokenFrames { thread: thread.address });
        }
        let codes = frames.words.iter().filter(|word| word.is_python()).map(|word| word.code());
        let mut count = 0;
        for code in codes {
            count += 1;
            if self.known.contains(&code) {
                continue;
            }
            let address = Address(code);
            CodeInfo::read(self.memory, self.layout, self.code_type, address)
                .map_err(|reason| Failed::Code { thread: thread.address, code: address, reason })?;
            self.known.insert(code);
        }
        Ok(count)
    }
}
