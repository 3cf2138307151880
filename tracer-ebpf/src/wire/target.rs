//! What user space tells the programs about targets: what many share as a read-only global, the
//! rest in a table.

use super::assert_size;

/// Everything the programs must know about a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramTarget {
    /// Thread group id in the initial pid namespace, or 0 to leave the filter to the kernel.
    pub tgid: u32,
    /// Offset of `thread.fsbase` in `task_struct` (from BTF), bytes.
    pub task_fsbase: u32,
    /// One in this many repeated hits copies the stack again, to audit the site key; 0 for never.
    pub audit_one_in: u32,
    /// Written-out padding.
    pub reserved: u32,
    /// Where the first thread's stack ends, or 0.
    pub stack_end: u64,
    /// As [`TargetRow::finalizing`].
    pub finalizing: u64,
    /// As [`TargetRow::mmap_code`] and [`TargetRow::mmap_bytes`].
    pub mmap: (u64, u64),
    /// The same of `munmap`.
    pub munmap: (u64, u64),
    /// How to walk Python frames.
    pub python: PythonWalk,
}

impl ProgramTarget {
    /// What is the same in all targets with this interpreter.
    pub fn layout(&self) -> ProgramLayout {
        let gil_holder = u64::from(self.python.gil_holder != 0);
        ProgramLayout {
            task_fsbase: self.task_fsbase,
            audit_one_in: self.audit_one_in,
            python: PythonWalk { gil_holder, tstate_slot: 0, ..self.python },
        }
    }

    /// What is its own. Recording is off, and there is no quota yet.
    pub fn row(&self) -> TargetRow {
        TargetRow {
            tgid: self.tgid,
            stack_end: self.stack_end,
            gil_holder: self.python.gil_holder,
            tstate_slot: self.python.tstate_slot,
            finalizing: self.finalizing,
            mmap_code: self.mmap.0,
            mmap_bytes: self.mmap.1,
            munmap_code: self.munmap.0,
            munmap_bytes: self.munmap.1,
            ..TargetRow::NONE
        }
    }
}

/// What targets with the same interpreter share; frozen before programs are loaded, so that the
/// verifier removes the branches that do not apply. Programs are loaded once for each.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramLayout {
    /// Offset of `thread.fsbase` in `task_struct` (from BTF), bytes.
    pub task_fsbase: u32,
    /// One in this many repeated hits copies the stack again, to audit the site key; 0 for never.
    pub audit_one_in: u32,
    /// How to walk Python frames. `gil_holder` says whether a target has one, `tstate_slot` is 0:
    /// both are of one process, see [`TargetRow`].
    pub python: PythonWalk,
}
assert_size!(ProgramLayout, 8 + 128);

/// What is of one target alone; the index is its slot.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetRow {
    /// Whether events are accounted, one of the `STATE_` constants.
    pub state: u32,
    /// Always 0. The programs test it to reach a tail call that is never made: its presence keeps
    /// the kernel from giving them a private stack, which is not safe under preemption (6.13 on).
    pub never: u32,
    /// Thread group id in the initial pid namespace, or 0 to leave the filter to the kernel.
    pub tgid: u32,
    /// Most sites.
    pub site_quota: u32,
    /// Most live blocks.
    pub live_quota: u64,
    /// Live blocks now; the programs keep it.
    pub live_count: u64,
    /// Sites now; the programs keep it.
    pub site_count: u64,
    /// Code objects that ended and had been seen in a stack; the programs keep it.
    pub code_ends: u64,
    /// 1 when code objects are told apart by value, see [`crate::code_value`]. The programs set it, for
    /// a target that goes on compiling the same code.
    pub by_value: u32,
    /// Written-out padding.
    pub reserved: u32,
    /// Where the first thread's stack ends, or 0.
    pub stack_end: u64,
    /// As [`PythonWalk::gil_holder`].
    pub gil_holder: u64,
    /// As [`PythonWalk::tstate_slot`].
    pub tstate_slot: i64,
    /// Address in the target of `_PyRuntime.finalizing`, which is null until the interpreter begins
    /// to tear itself down (`Py_FinalizeEx` in `Python/pylifecycle.c`), or 0.
    pub finalizing: u64,
    /// Where the C library's `mmap` is in the target, or 0.
    pub mmap_code: u64,
    /// How many bytes of it.
    pub mmap_bytes: u64,
    /// The same of `munmap`.
    pub munmap_code: u64,
    /// How many bytes of it.
    pub munmap_bytes: u64,
}
assert_size!(TargetRow, 120);

/// Events are not accounted.
pub const STATE_OFF: u32 = 0;
/// Events are accounted.
pub const STATE_RECORDING: u32 = 1;
/// They were, until the interpreter began to tear itself down. The programs set this.
pub const STATE_FINALIZING: u32 = 2;
/// They were, until the process became another program. The programs set this.
pub const STATE_REPLACED: u32 = 3;

impl TargetRow {
    /// Of a slot without a target.
    pub const NONE: Self = Self {
        state: STATE_OFF,
        never: 0,
        tgid: 0,
        site_quota: 0,
        live_quota: 0,
        live_count: 0,
        site_count: 0,
        code_ends: 0,
        by_value: 0,
        reserved: 0,
        stack_end: 0,
        gil_holder: 0,
        tstate_slot: 0,
        finalizing: 0,
        mmap_code: 0,
        mmap_bytes: 0,
        munmap_code: 0,
        munmap_bytes: 0,
    };
}

/// A process and its slot, for probes that are shared by targets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Thread group id in the initial pid namespace; 0 in a free cell.
    pub tgid: u32,
    /// Its slot; 0 in a cell that was always free.
    pub slot: u32,
    /// Which programs see the mappings that it makes by system calls: the number of their layout. 0:
    /// none do.
    pub mapped_by: u32,
}
assert_size!(Task, 12);

impl Task {
    /// Stays where a process was: the search for those behind it goes on.
    pub const GONE: Self = Self { tgid: 0, slot: u32::MAX, mapped_by: 0 };
}

/// Offsets and rules of one CPython's frames, all in bytes. All zero: no Python.
///
/// Sources per version are quoted where the rows are, in `leakspy::python::layout`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PythonWalk {
    /// Address in the target of `_PyRuntime.gilstate.tstate_current` (CPython up to 3.11, where the
    /// thread-specific slot does not follow sub-interpreters), or 0.
    pub gil_holder: u64,
    /// From a thread's fsbase to the slot that holds its `PyThreadState*`.
    pub tstate_slot: i64,
    /// 1 when frames can be walked at all.
    pub enabled: u32,
    /// In `PyThreadState`: `thread_id`, compared with fsbase; only read when `gil_holder` is set.
    pub tstate_thread_id: u32,
    /// In `PyThreadState`: pointer to the top frame, or to the `_PyCFrame` when `has_cframe`.
    pub tstate_frame: u32,
    /// 1 when `tstate_frame` leads to a `_PyCFrame`, or (3.10) one lies beside the frame pointer.
    pub has_cframe: u32,
    /// In `_PyCFrame`: pointer to the top frame (3.11 and 3.12).
    pub cframe_frame: u32,
    /// In `PyThreadState`: pointer to the innermost `_PyCFrame` when it is not the way to the frame
    /// (3.10), or 0.
    pub tstate_cframe: u32,
    /// First byte of the frame that the walk reads.
    pub frame_start: u32,
    /// Bytes of the frame that the walk reads from `frame_start`; at most
    /// [`super::limit::FRAME_SPAN`].
    pub frame_span: u32,
    /// In the frame: pointer to the next outer frame.
    pub frame_back: u32,
    /// In the frame: pointer to the code object, perhaps tagged.
    pub frame_code: u32,
    /// In the frame: the last instruction, see `instruction`.
    pub frame_instruction: u32,
    /// How `frame_instruction` is read, one of the `INSTRUCTION_` constants.
    pub instruction: u32,
    /// In the code object: first code unit (for `INSTRUCTION_POINTER`).
    pub code_adaptive: u32,
    /// In the frame: the byte that tells entry frames, see `entry`.
    pub frame_owner: u32,
    /// How an entry frame is recognised, one of the `ENTRY_` constants.
    pub entry: u32,
    /// 1 when frames lie next to one another on the thread's data stack (3.11 on), so that one
    /// bulk read serves many.
    pub data_stack: u32,
    /// Low bits to clear in a code pointer (3.14 on: stack reference tags).
    pub code_tag_mask: u32,
    /// In the code object: the line table's bytes object.
    pub code_line_table: u32,
    /// In the code object: name, qualified name (or 0 where there is none) and file name.
    pub code_texts: [u32; 3],
    /// In the code object: the first line, an `int`.
    pub code_first_line: u32,
    /// In a string: how many characters.
    pub text_length: u32,
    /// In a string: its hash, all ones before it was computed.
    pub text_hash: u32,
    /// In a string: the state, 32 bits.
    pub text_state: u32,
    /// In a string: the first character, if all are ASCII.
    pub text_data: u32,
    /// In a bytes object: how many bytes.
    pub bytes_size: u32,
    /// In a bytes object: the first byte.
    pub bytes_data: u32,
}
assert_size!(PythonWalk, 128);

impl PythonWalk {
    /// No Python in the target.
    pub const NONE: Self = Self {
        gil_holder: 0,
        tstate_slot: 0,
        enabled: 0,
        tstate_thread_id: 0,
        tstate_frame: 0,
        has_cframe: 0,
        cframe_frame: 0,
        tstate_cframe: 0,
        frame_start: 0,
        frame_span: 0,
        frame_back: 0,
        frame_code: 0,
        frame_instruction: 0,
        instruction: 0,
        code_adaptive: 0,
        frame_owner: 0,
        entry: 0,
        data_stack: 0,
        code_tag_mask: 0,
        code_line_table: 0,
        code_texts: [0; 3],
        code_first_line: 0,
        text_length: 0,
        text_hash: 0,
        text_state: 0,
        text_data: 0,
        bytes_size: 0,
        bytes_data: 0,
    };
}

/// `int`, in bytes (3.6 to 3.9).
pub const INSTRUCTION_BYTES: u32 = 0;
/// `int`, in code units of two bytes (3.10).
pub const INSTRUCTION_UNITS: u32 = 1;
/// Pointer into the code object's instructions (3.11 on).
pub const INSTRUCTION_POINTER: u32 = 2;

/// Each frame is one activation of the evaluation loop (3.6 to 3.10).
pub const ENTRY_EACH: u32 = 0;
/// `is_entry` is 1 in the outermost frame of each activation (3.11).
pub const ENTRY_FLAG: u32 = 1;
/// A separate entry frame, `owner >= 3`, ends each activation (3.12 on).
pub const ENTRY_OWNER: u32 = 2;

#[cfg(feature = "user")]
mod pod {
    use super::*;
    // SAFETY: `repr(C)`, only integers, no padding (size asserted above), any bit pattern is valid.
    unsafe impl aya::Pod for ProgramLayout {}
    // SAFETY: as above.
    unsafe impl aya::Pod for TargetRow {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Task {}
}
