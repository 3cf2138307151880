//! The walk over CPython's frames, innermost first, over any memory.
//!
//! In the kernel [`ReadUser`] is `bpf_probe_read_user`; in tests it is an array. The walk trusts
//! nothing: every address may be unreadable, every byte nonsense, and the number of steps is bounded.

use crate::hash::mix;
use crate::wire::limit::{FRAME_SPAN, MAX_WORDS, WINDOW_BYTES};
use crate::wire::target::{
    ENTRY_FLAG, ENTRY_OWNER, INSTRUCTION_BYTES, INSTRUCTION_UNITS, PythonWalk,
};

/// Reads the target's memory.
pub trait ReadUser {
    /// Fills `into` from `address`, or says that not all of it could be read. No page is faulted in.
    fn read(&self, address: u64, into: &mut [u8]) -> bool;
}

/// One entry of a walked stack, in 64 bits.
///
/// | bits | Python frame | entry marker |
/// |---|---|---|
/// | 63 | 1 | 0 |
/// | 62 | 1 when the frame is the outermost of its activation of the evaluation loop (3.11) | 1 |
/// | 61–18 | address of the code object / 8 | 61–0: address of the entry frame on the C stack |
/// | 17–0 | index of the code unit, [`Word::NOT_STARTED`] or [`Word::UNKNOWN`] | |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(pub u64);

impl Word {
    /// Index of a frame whose first instruction has not begun.
    pub const NOT_STARTED: u32 = (1 << 18) - 2;
    /// Index of a frame whose instruction pointer is implausible.
    pub const UNKNOWN: u32 = (1 << 18) - 1;
    const PYTHON: u64 = 1 << 63;
    const FLAG: u64 = 1 << 62;
    const CODE_BITS: u64 = (1 << 44) - 1;

    /// A Python frame.
    #[inline(always)]
    pub const fn python(code: u64, index: u32, outermost: bool) -> Self {
        let flag = if outermost { Self::FLAG } else { 0 };
        Self(Self::PYTHON | flag | (((code >> 3) & Self::CODE_BITS) << 18) | index as u64)
    }

    /// An entry frame (3.12 on): everything before it ran in one activation of the evaluation loop,
    /// whose C frame contains `address`.
    #[inline(always)]
    pub const fn entry(address: u64) -> Self {
        Self(Self::FLAG | (address & (Self::FLAG - 1)))
    }

    /// Whether it is a Python frame and not an entry marker.
    #[inline(always)]
    pub const fn is_python(self) -> bool {
        self.0 & Self::PYTHON != 0
    }

    /// Whether it is the outermost Python frame of its activation (3.11 only).
    #[inline(always)]
    pub const fn is_outermost(self) -> bool {
        self.is_python() && self.0 & Self::FLAG != 0
    }

    /// Address of the code object of a Python frame.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        ((self.0 >> 18) & Self::CODE_BITS) << 3
    }

    /// Index of the code unit of a Python frame.
    #[inline(always)]
    pub const fn index(self) -> u32 {
        (self.0 & 0x3_ffff) as u32
    }

    /// Address of an entry frame.
    #[inline(always)]
    pub const fn entry_address(self) -> u64 {
        self.0 & (Self::FLAG - 1)
    }
}
