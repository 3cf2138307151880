//! Where a Python stack is unwound: the walk over CPython's frames, innermost first, over any
//! memory.
//!
//! In the kernel [`ReadUser`] is `bpf_probe_read_user`; in tests it is an array. The walk trusts
//! nothing: every address may be unreadable, every byte nonsense, and the number of steps is
//! bounded.

use crate::code_value::ValueStep;
use crate::hash::{generation_bucket, mix};
use crate::wire::key::Generations;
use crate::wire::limit::{CHUNK_WORDS, FRAME_SPAN, MAX_WORDS, WINDOW_BYTES};
use crate::wire::record::{FLAG_NO_THREAD_STATE, FLAG_PYTHON_FAULT, FLAG_PYTHON_TRUNCATED};
use crate::wire::target::{
    ENTRY_FLAG, ENTRY_OWNER, INSTRUCTION_BYTES, INSTRUCTION_UNITS, PythonWalk,
};

/// Reads the target's memory.
pub trait ReadUser: Copy {
    /// Fills `into` with little-endian words from `address`, or says that not all could be read.
    fn read(&self, address: u64, into: &mut [u64]) -> bool;

    /// One word.
    #[inline(always)]
    fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0];
        if self.read(address, &mut word) { Some(word[0]) } else { None }
    }

    /// Goes round so many times, or until nothing is left to do. It may be a few times more.
    #[inline(always)]
    fn repeat<S: Round>(&self, most: usize, state: &mut S) {
        in_turn(most, state);
    }
}

/// Goes round at most so many times, as every processor can; false when nothing was left to do
/// before.
#[inline(always)]
pub fn in_turn<S: Round>(most: usize, state: &mut S) -> bool {
    for _ in 0..most {
        if !state.round() {
            return false;
        }
    }
    true
}

/// Something that is done again and again.
pub trait Round {
    /// Rounds of one call back, where the kernel has loops that call back. A call costs some 9 ns, as
    /// much as a frame; the verifier follows each of these rounds.
    const AT_ONCE: usize;

    /// Does it once; false when there is nothing left to do.
    fn round(&mut self) -> bool;
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

const PAGE: u64 = WINDOW_BYTES as u64;
const WINDOW_WORDS: usize = (WINDOW_BYTES + FRAME_SPAN) / 8;
const SPAN_WORDS: usize = FRAME_SPAN / 8;
/// Frames this close to the last one that was read are taken to lie on the same data stack.
const NEAR: u64 = 4 * PAGE;
/// `FRAME_OWNED_BY_CSTACK` of 3.12 and 3.13, `FRAME_OWNED_BY_INTERPRETER` of 3.14 on: entry frames.
const FIRST_ENTRY_OWNER: u8 = 3;
/// No version has a larger owner (`Include/internal/pycore_interpframe_structs.h`).
const LAST_OWNER: u8 = 4;
/// User addresses end here (x86-64, four-level page tables; the kernel gives no others unasked).
const ADDRESS_END: u64 = 1 << 47;

/// Memory that a walk needs; too large for a BPF stack.
#[repr(C)]
pub struct Scratch {
    /// 0: free; 1: claimed. Only the kernel side uses it.
    pub owner: u64,
    /// What one step of the walk hands to the next.
    step: Step,
    /// A bulk-read range of the data stack, then room for one frame read alone.
    cells: [u64; WINDOW_WORDS + SPAN_WORDS],
    /// The walked stack, innermost first.
    pub words: [u64; MAX_WORDS],
    /// Generation of the code object of each word.
    pub generations: [u32; MAX_WORDS],
    /// What one step of [`crate::code_value`] hands to the next.
    pub values: ValueStep,
}

impl Scratch {
    /// Zeroed scratch memory.
    pub const fn new() -> Self {
        Self {
            owner: 0,
            step: Step::NONE,
            cells: [0; WINDOW_WORDS + SPAN_WORDS],
            words: [0; MAX_WORDS],
            generations: [0; MAX_WORDS],
            values: ValueStep::begin(0, 0),
        }
    }

    /// What the last walk found. Read again it needs no room on a program's stack.
    #[inline(always)]
    pub fn walked(&self) -> Walked {
        let step = &self.step;
        Walked {
            count: low_half(reload(&step.count)),
            flags: low_half(reload(&step.flags)),
            hash: reload(&step.hash),
            cframe: reload(&step.cframe),
        }
    }

    /// There was nothing to walk.
    #[inline(always)]
    fn without_frames(&mut self, flags: u32, depth: u64) -> Walked {
        self.step = Step { flags: flags.into(), hash: mix(0, depth), ..Step::NONE };
        self.walked()
    }

    /// As after a walk that found so many words, and hashed them to 0.
    #[cfg(test)]
    pub fn begin(&mut self, count: u64, sp: u64) {
        self.step = Step { count, ..Step::NONE };
        self.values = ValueStep::begin(sp, 5);
    }

    /// Room for bytes that are read after the walk.
    #[inline(always)]
    pub fn chunk(&mut self) -> Option<&mut [u64; CHUNK_WORDS]> {
        self.cells.first_chunk_mut()
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the walk is.
#[repr(C)]
struct Step {
    /// The next frame.
    frame: u64,
    /// Where on the C stack the last activation of the evaluation loop was seen.
    anchor: u64,
    hash: u64,
    count: u64,
    flags: u64,
    /// Address of the first byte in the window.
    window: u64,
    /// Bytes in the window.
    filled: u64,
    /// Address of the last frame that had to be read.
    last: u64,
    cframe: u64,
}

impl Step {
    const NONE: Self = Self {
        frame: 0,
        anchor: 0,
        hash: 0,
        count: 0,
        flags: 0,
        window: 0,
        filled: 0,
        last: 0,
        cframe: 0,
    };
}

/// The thread to walk.
#[derive(Clone, Copy, Debug)]
pub struct ThreadRegisters {
    /// Base of its control block.
    pub fsbase: u64,
    /// Its stack pointer.
    pub sp: u64,
}

/// Where a process has its thread states: all else of a layout is the same for all with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatePlace {
    /// See [`PythonWalk::gil_holder`].
    pub gil_holder: u64,
    /// See [`PythonWalk::tstate_slot`].
    pub tstate_slot: i64,
}

/// What a walk found; the frames are in [`Scratch::words`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Used entries.
    pub count: u32,
    /// `FLAG_` bits of [`crate::wire::record`].
    pub flags: u32,
    /// Hash of the frames, their generations, and the distances along the C stack.
    pub hash: u64,
    /// Innermost `_PyCFrame`, or 0.
    pub cframe: u64,
}

/// Walks the Python frames of `thread`, innermost first.
///
/// The hash fingerprints the native path as well: with entry frames (3.12 on) by the distances from
/// the stack pointer to each of them, otherwise by the distance to the innermost `_PyCFrame` and to
/// the thread's control block. Two native paths between the same Python instruction and the
/// allocator almost always differ in depth.
#[inline(always)]
pub fn walk<R: ReadUser>(
    reader: &R,
    layout: &PythonWalk,
    place: StatePlace,
    generations: &Generations,
    thread: ThreadRegisters,
    scratch: &mut Scratch,
) -> Walked {
    let depth = thread.fsbase.wrapping_sub(thread.sp);
    if layout.enabled == 0 {
        return scratch.without_frames(0, depth);
    }
    let Some(state) = thread_state(reader, layout, place, thread.fsbase) else {
        return scratch.without_frames(FLAG_PYTHON_FAULT | FLAG_NO_THREAD_STATE, depth);
    };
    if state == 0 {
        return scratch.without_frames(FLAG_NO_THREAD_STATE, depth);
    }
    let Some((frame, cframe)) = top_frame(reader, layout, state) else {
        return scratch.without_frames(FLAG_PYTHON_FAULT, depth);
    };
    let seed = if layout.entry == ENTRY_OWNER {
        0
    } else {
        // Each is mixed by itself: both grow with the stack, and combined first they would cancel
        // that. Up to 3.9 there is no `_PyCFrame`, and the distance to none would be another in each
        // thread.
        let distance = if cframe == 0 { 0 } else { cframe.wrapping_sub(thread.sp) };
        mix(mix(0, distance), depth)
    };
    scratch.step = Step { frame, anchor: thread.sp, hash: seed, cframe, ..Step::NONE };
    scratch.values = ValueStep::begin(thread.sp, seed);
    frames(reader, layout, generations, scratch);
    scratch.walked()
}

/// The thread's `PyThreadState`, 0 when it has none, `None` when that cannot be read.
#[inline(always)]
fn thread_state<R: ReadUser>(
    reader: &R,
    layout: &PythonWalk,
    place: StatePlace,
    fsbase: u64,
) -> Option<u64> {
    if place.gil_holder != 0 {
        // Up to 3.11 the slot keeps the main interpreter's state while a sub-interpreter runs.
        let holder = reader.word(place.gil_holder)?;
        if holder != 0
            && reader.word(holder.wrapping_add(layout.tstate_thread_id.into())) == Some(fsbase)
        {
            return Some(holder);
        }
    }
    reader.word(fsbase.wrapping_add_signed(place.tstate_slot))
}

/// The innermost frame and the innermost `_PyCFrame` (0 where there is none).
#[inline(always)]
fn top_frame<R: ReadUser>(reader: &R, layout: &PythonWalk, state: u64) -> Option<(u64, u64)> {
    let top = reader.word(state.wrapping_add(layout.tstate_frame.into()))?;
    if layout.has_cframe != 0 {
        if top == 0 {
            return Some((0, 0));
        }
        let frame = reader.word(top.wrapping_add(layout.cframe_frame.into()))?;
        return Some((frame, top));
    }
    if layout.tstate_cframe != 0 {
        let cframe = reader.word(state.wrapping_add(layout.tstate_cframe.into()))?;
        return Some((top, cframe));
    }
    Some((top, 0))
}

/// One frame as read.
struct Frame {
    back: u64,
    code: u64,
    instruction: u64,
    owner: u8,
}

/// Walks from `walk.frame` outwards.
///
/// What one step hands to the next lives in the scratch memory and is [`reload`]ed: the verifier
/// then knows nothing about it, and takes the same step with other values for the same state. With
/// registers it would follow every combination of branches through all steps, where the kernel has
/// no loops that call back ([`ReadUser::repeat`]).
#[inline(always)]
fn frames<R: ReadUser>(
    reader: &R,
    layout: &PythonWalk,
    generations: &Generations,
    scratch: &mut Scratch,
) {
    let mut rounds = Frames { reader: *reader, layout, generations, scratch };
    reader.repeat(MAX_WORDS, &mut rounds);
    let step = &mut scratch.step;
    if reload(&step.frame) != 0 && reload(&step.flags) & u64::from(FLAG_PYTHON_FAULT) == 0 {
        step.flags |= u64::from(FLAG_PYTHON_TRUNCATED);
    }
}

/// A walk under way.
struct Frames<'a, R> {
    reader: R,
    layout: &'a PythonWalk,
    generations: &'a Generations,
    scratch: &'a mut Scratch,
}

impl<R: ReadUser> Round for Frames<'_, R> {
    const AT_ONCE: usize = 8;

    #[inline(always)]
    fn round(&mut self) -> bool {
        let index = usize::try_from(reload(&self.scratch.step.count)).unwrap_or(MAX_WORDS);
        if index >= MAX_WORDS || reload(&self.scratch.step.frame) == 0 {
            return false;
        }
        if !step(&self.reader, self.layout, self.generations, self.scratch, index) {
            self.scratch.step.flags |= u64::from(FLAG_PYTHON_FAULT);
            return false;
        }
        self.scratch.step.count = index as u64 + 1;
        true
    }
}

/// Takes one frame in; false when it is unreadable or nonsense.
#[inline(always)]
fn step<R: ReadUser>(
    reader: &R,
    layout: &PythonWalk,
    generations: &Generations,
    scratch: &mut Scratch,
    index: usize,
) -> bool {
    let frame = reload(&scratch.step.frame);
    let Some(cell) = bring(reader, layout, frame, scratch) else { return false };
    let read = decode(layout, cell, scratch);
    let hash = reload(&scratch.step.hash);
    if layout.entry == ENTRY_OWNER && read.owner >= FIRST_ENTRY_OWNER {
        if read.owner > LAST_OWNER {
            return false;
        }
        scratch.step.hash = mix(hash, frame.wrapping_sub(reload(&scratch.step.anchor)));
        scratch.step.anchor = frame;
        scratch.words[index] = Word::entry(frame).0;
    } else {
        let code = read.code & !u64::from(layout.code_tag_mask);
        if code == 0 || code >= ADDRESS_END || code & 7 != 0 {
            return false;
        }
        let outermost = layout.entry == ENTRY_FLAG && read.owner != 0;
        let word = Word::python(code, instruction_index(layout, code, read.instruction), outermost);
        let generation = generations.bucket[generation_bucket(code)];
        scratch.step.hash = mix(hash, word.0.wrapping_add(u64::from(generation).rotate_left(40)));
        scratch.generations[index] = generation;
        scratch.words[index] = word.0;
    }
    scratch.step.frame = read.back;
    true
}

/// The low half of a word.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn low_half(word: u64) -> u32 {
    word as u32
}

/// A value that the compiler may not keep in a register from when it was stored.
#[inline(always)]
pub fn reload(word: &u64) -> u64 {
    // SAFETY: an aligned word behind a live reference.
    unsafe { core::ptr::read_volatile(word) }
}

/// Makes the frame at `frame` available and returns the cell where its bytes begin.
#[inline(always)]
fn bring<R: ReadUser>(
    reader: &R,
    layout: &PythonWalk,
    frame: u64,
    scratch: &mut Scratch,
) -> Option<usize> {
    if frame >= ADDRESS_END || frame & 7 != 0 {
        return None;
    }
    let span = u64::from(layout.frame_span);
    let at = frame.wrapping_add(layout.frame_start.into());
    let offset = at.wrapping_sub(reload(&scratch.step.window));
    if offset < PAGE && offset.wrapping_add(span) <= reload(&scratch.step.filled) {
        return Some((offset / 8) as usize);
    }
    let distance = at.abs_diff(reload(&scratch.step.last));
    scratch.step.last = at;
    // The page that the frame begins in is mapped from its start, so this read can fail only where
    // the frame itself would.
    let before = at & (PAGE - 1);
    if layout.data_stack != 0 && distance < NEAR {
        let words = ((before + span) / 8) as usize;
        if words <= WINDOW_WORDS && reader.read(at - before, &mut scratch.cells[..words]) {
            scratch.step.window = at - before;
            scratch.step.filled = before + span;
            return Some((before / 8) as usize);
        }
        scratch.step.filled = 0;
    }
    let words = (span / 8) as usize;
    if words > SPAN_WORDS
        || !reader.read(at, &mut scratch.cells[WINDOW_WORDS..WINDOW_WORDS + words])
    {
        return None;
    }
    Some(WINDOW_WORDS)
}

#[inline(always)]
fn decode(layout: &PythonWalk, cell: usize, scratch: &Scratch) -> Frame {
    let load = |offset: u32| {
        let offset = offset.wrapping_sub(layout.frame_start);
        let word = scratch.cells.get(cell + (offset / 8) as usize).copied().unwrap_or(0);
        word >> ((offset % 8) * 8)
    };
    Frame {
        back: load(layout.frame_back),
        code: load(layout.frame_code),
        instruction: load(layout.frame_instruction),
        owner: (load(layout.frame_owner) & 0xff) as u8,
    }
}

/// Index of the code unit that runs, from the frame's own field.
#[inline(always)]
fn instruction_index(layout: &PythonWalk, code: u64, field: u64) -> u32 {
    let units = if layout.instruction == INSTRUCTION_BYTES {
        i64::from(low_half(field).cast_signed() >> 1)
    } else if layout.instruction == INSTRUCTION_UNITS {
        i64::from(low_half(field).cast_signed())
    } else {
        let first = code.wrapping_add(layout.code_adaptive.into());
        field.wrapping_sub(first).cast_signed() >> 1
    };
    if units < -1 || units >= i64::from(Word::NOT_STARTED) {
        Word::UNKNOWN
    } else if units == -1 {
        Word::NOT_STARTED
    } else {
        low_half(units.cast_unsigned())
    }
}
