//! Frames of a thread, by the very walk that the kernel runs.

use leakspy_ebpf::walk::{self, ReadUser, Scratch, Word};
use leakspy_ebpf::wire::key::Generations;
use leakspy_ebpf::wire::limit::GENERATION_BUCKETS;
use leakspy_ebpf::wire::record::{FLAG_NO_THREAD_STATE, FLAG_PYTHON_FAULT, FLAG_PYTHON_TRUNCATED};
use leakspy_ebpf::wire::target::PythonWalk;

use crate::model::{Address, Memory};

/// One thread's frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    /// Frames and entry markers, innermost first.
    pub words: Vec<Word>,
    /// Innermost `_PyCFrame` (3.10 to 3.12), or 0.
    pub cframe: u64,
    flags: u32,
}

impl Frames {
    /// Whether an unreadable or implausible frame ended the walk.
    pub const fn is_broken(&self) -> bool {
        self.flags & FLAG_PYTHON_FAULT != 0
    }

    /// Whether there were more frames than the walk keeps.
    pub const fn is_truncated(&self) -> bool {
        self.flags & FLAG_PYTHON_TRUNCATED != 0
    }

    /// Whether the thread has a thread state at all.
    pub const fn has_thread_state(&self) -> bool {
        self.flags & FLAG_NO_THREAD_STATE == 0
    }
}

/// What a walk needs besides memory; large, so made once.
pub struct Walker {
    layout: PythonWalk,
    scratch: Box<Scratch>,
    generations: Box<Generations>,
}

impl Walker {
    /// A walker for one target.
    pub fn new(layout: PythonWalk) -> Self {
        Self {
            layout,
            scratch: Box::new(Scratch::new()),
            generations: Box::new(Generations { bucket: [0; GENERATION_BUCKETS] }),
        }
    }

    /// Walks the thread whose control block is at `fsbase`.
    pub fn walk(&mut self, memory: &dyn Memory, fsbase: u64) -> Frames {
        let thread = walk::ThreadRegisters { fsbase, sp: fsbase };
        let place = walk::StatePlace {
            gil_holder: self.layout.gil_holder,
            tstate_slot: self.layout.tstate_slot,
        };
        let walked = walk::walk(
            &WalkMemory { memory },
            &self.layout,
            place,
            &self.generations,
            thread,
            &mut self.scratch,
        );
        let words = self.scratch.words.iter().take(walked.count as usize).copied().map(Word);
        Frames { words: words.collect(), cframe: walked.cframe, flags: walked.flags }
    }
}

/// Any memory, for the walk.
#[derive(Clone, Copy)]
struct WalkMemory<'a> {
    memory: &'a dyn Memory,
}

impl ReadUser for WalkMemory<'_> {
    fn read(&self, address: u64, into: &mut [u64]) -> bool {
        let Some(bytes) = self.memory.bytes(Address(address), 8 * into.len()) else {
            return false;
        };
        for (word, &bytes) in into.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(bytes);
        }
        true
    }
}
