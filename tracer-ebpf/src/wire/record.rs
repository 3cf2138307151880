//! Ring-buffer records. Each begins with a [`Header`]; the kind tells which struct follows.

use super::assert_size;
use super::limit::{CODE_BYTES, LINE_TABLE_BYTES, MAX_STACK_BYTES, MAX_WORDS, TEXT_BYTES};

/// A [`StackRecord`] of a site that was not published yet.
pub const KIND_SITE: u16 = 1;
/// A [`StackRecord`] of a site seen before, copied again to audit the site key.
pub const KIND_AUDIT: u16 = 2;
/// A [`CodeGone`].
pub const KIND_CODE_GONE: u16 = 3;

/// First bytes of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// One of the `KIND_` constants.
    pub kind: u16,
    /// Slot of the target.
    pub slot: u16,
    /// Bytes of the whole record, this header included.
    pub length: u32,
}
assert_size!(Header, 8);

/// More Python frames than fit; the innermost were kept.
pub const FLAG_PYTHON_TRUNCATED: u32 = 1;
/// A Python frame could not be read (page not resident, or nonsense); the frames further out are
/// missing.
pub const FLAG_PYTHON_FAULT: u32 = 2;
/// The thread has no Python thread state: it is not a Python thread.
pub const FLAG_NO_THREAD_STATE: u32 = 4;

/// The stack of an allocation call, at its entry. Sent only as far as `bytes` is used.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct StackRecord {
    /// Kind and length.
    pub header: Header,
    /// Site key.
    pub site: u64,
    /// `CLOCK_MONOTONIC` nanoseconds.
    pub time_ns: u64,
    /// Thread group id (high half) and thread id (low half), in the initial pid namespace.
    pub pid_tgid: u64,
    /// Instruction pointer: the probed instruction.
    pub ip: u64,
    /// Stack pointer there; the return address of the call lies at it.
    pub sp: u64,
    /// Frame pointer register there.
    pub bp: u64,
    /// Base of the thread's control block.
    pub fsbase: u64,
    /// Bytes asked for by this call.
    pub size: u64,
    /// Innermost `_PyCFrame` (3.10 to 3.12), or 0.
    pub cframe: u64,
    /// Which function, see [`super::key::Function`].
    pub function: u32,
    /// `FLAG_` bits.
    pub flags: u32,
    /// Used entries of `words` and `generations`.
    pub word_count: u32,
    /// Used bytes of `bytes`.
    pub byte_count: u32,
    /// Python frames, innermost first; see [`crate::walk::Word`].
    pub words: [u64; MAX_WORDS],
    /// Generation of the code object of each word.
    pub generations: [u32; MAX_WORDS],
    /// The stack from `sp` upwards.
    pub bytes: [u8; MAX_STACK_BYTES],
}
assert_size!(StackRecord, 8 + 9 * 8 + 16 + 12 * MAX_WORDS + MAX_STACK_BYTES);

/// A code object that was seen in a stack is being freed and user space had not read it yet: the
/// parts that name it, copied while they are still there. A part that could not be read has length
/// 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CodeGone {
    /// Kind and length.
    pub header: Header,
    /// Address of the code object.
    pub code: u64,
    /// Generation with which it was first seen. A frame names this object exactly when its own
    /// generation is at least this and at most `generation`.
    pub first_seen: u32,
    /// Generation that ends with this.
    pub generation: u32,
    /// Bytes valid in `object`.
    pub object_length: u32,
    /// Written-out padding.
    pub reserved: u32,
    /// The addresses that `texts` and `line_table` were read from: name, qualified name, file name.
    pub text_addresses: [u64; 3],
    /// Address of the line table's bytes object.
    pub line_table_address: u64,
    /// Bytes valid in each of `texts`.
    pub text_lengths: [u32; 3],
    /// Bytes valid in `line_table`.
    pub line_table_length: u32,
    /// The code object itself, from its start.
    pub object: [u8; CODE_BYTES],
    /// The three string objects, from their starts.
    pub texts: [[u8; TEXT_BYTES]; 3],
    /// The line table's bytes object, from its start.
    pub line_table: [u8; LINE_TABLE_BYTES],
}
assert_size!(CodeGone, 8 + 8 + 16 + 24 + 8 + 16 + CODE_BYTES + 3 * TEXT_BYTES + LINE_TABLE_BYTES);
