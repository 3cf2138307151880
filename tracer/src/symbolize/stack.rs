//! A stack as it is copied, and as it is unwound.

use super::image::ModuleId;
use crate::model::StackNote;

/// Most frames of one stack. 32 KiB of stack hold far fewer, unless they are nonsense.
pub const MAX_FRAMES: usize = 1024;

/// Registers at the probed instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer; the return address lies at it.
    pub sp: u64,
    /// Frame pointer register, whatever it holds.
    pub bp: u64,
}

/// Bytes of the target's stack.
#[derive(Clone, Copy, Debug)]
pub struct StackCopy<'a> {
    /// Address of the first byte in the target.
    pub start: u64,
    /// The bytes from there upwards.
    pub bytes: &'a [u8],
}

impl StackCopy<'_> {
    /// The eight bytes at `address`, if all of them were copied.
    pub fn word(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(offset..offset.checked_add(8)?)?;
        bytes.try_into().ok().map(u64::from_le_bytes)
    }
}

/// An address in a module: what names are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The module.
    pub module: ModuleId,
    /// The address as the file states it.
    pub svma: u64,
}

/// One active call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeFrame {
    /// Address to look up: inside the call instruction that is being executed (the return address
    /// less one), or the interrupted instruction itself.
    pub address: u64,
    /// The same in its module; `None` only for an allocator outside every known module.
    pub place: Option<Place>,
    /// Stack pointer while the frame's callee runs.
    pub sp: u64,
    /// End of the frame on the stack (canonical frame address); the frame is `[sp, cfa)`. `None`
    /// for the last frame when its size is not known.
    pub cfa: Option<u64>,
    /// Whether its caller was found through the frame pointer, for want of tables.
    pub by_frame_pointer: bool,
}

impl NativeFrame {
    /// Whether a local variable at `address` belongs to this frame.
    pub fn contains(&self, address: u64) -> bool {
        self.sp <= address && self.cfa.is_some_and(|cfa| address < cfa)
    }
}

/// Why a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalkEnd {
    /// At the first function of the thread: the stack is whole.
    Root,
    /// At the end of the copied bytes.
    CopyEnd,
    /// In code of a module that has no unwind information there.
    NoUnwindInfo {
        /// Path of the module in the target.
        module: String,
    },
    /// At unwind information that needs registers which were not copied.
    UnsupportedRule {
        /// Path of the module in the target.
        module: String,
    },
    /// At a return address outside every known file: code generated at run time, or nonsense.
    UnknownCode {
        /// The return address.
        address: u64,
    },
    /// At a return address that no call instruction precedes.
    ImplausibleReturn {
        /// Path of the module that it points into.
        module: String,
    },
    /// At [`MAX_FRAMES`].
    DepthLimit,
}

impl WalkEnd {
    /// Why frames are missing, or `None` when none are.
    pub fn note(&self) -> Option<StackNote> {
        Some(match self {
            Self::Root => return None,
            Self::CopyEnd => StackNote::CopyTooShort,
            Self::NoUnwindInfo { module } => {
                StackNote::NoUnwindInformation { module: module.clone() }
            }
            Self::UnsupportedRule { module } => {
                StackNote::UnsupportedUnwindRule { module: module.clone() }
            }
            Self::UnknownCode { .. } => StackNote::UnknownCaller,
            Self::ImplausibleReturn { module } => {
                StackNote::ImplausibleReturn { module: module.clone() }
            }
            Self::DepthLimit => {
                StackNote::NativeTooDeep { frames: u64::try_from(MAX_FRAMES).unwrap_or(u64::MAX) }
            }
        })
    }
}

/// The native part of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeStack {
    /// Innermost first; the first is the allocator itself.
    pub frames: Vec<NativeFrame>,
    /// Why there are no more.
    pub end: WalkEnd,
}
