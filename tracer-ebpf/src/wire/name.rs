//! Names of maps, programs and globals: the two halves find one another by these. A key of "an
//! address" is [`super::key::target_key`]: all targets share the maps.

/// Hash: address of a live block to [`super::key::LiveValue`].
pub const LIVE: &str = "LIVE";
/// Hash: site key to [`super::key::SiteValue`].
pub const SITES: &str = "SITES";
/// LRU hash: thread (`pid_tgid`) to [`super::key::Pending`].
pub const PENDING: &str = "PENDING";
/// Per-CPU array of [`super::key::CounterRow`], indexed by slot.
pub const COUNTERS: &str = "COUNTERS";
/// Ring buffer of records, see [`super::record`].
pub const RING: &str = "RING";
/// Array of [`super::target::TargetRow`], indexed by slot; slot 0 is nobody's.
pub const TARGETS: &str = "TARGETS";
/// Array of numbers of bytes, indexed by slot: the period of [`crate::sampling`], 0 to record all blocks.
/// Only user space writes it.
pub const PERIODS: &str = "PERIODS";
/// Array of [`super::target::Task`]: the slot of a process is in one of the few cells from its
/// [`crate::hash::task_cell`].
pub const TASKS: &str = "TASKS";
/// Array of [`super::key::Generations`], indexed by slot.
pub const GENERATIONS: &str = "GENERATIONS";
/// Hash: address of a code object seen in some stack to the generation of its bucket when it was
/// first seen. The entry goes when the code object is freed. So a frame with generation `g` names
/// the object that is there now exactly when the entry exists and its generation is at most `g`.
/// Only the programs write it: what user space writes comes late, perhaps when another object has
/// the address.
pub const SEEN_CODE: &str = "SEEN_CODE";
/// Hash: address of a code object that user space has read to the generation with which it was
/// first seen. An entry whose generation is not that of [`SEEN_CODE`] is of an earlier object, and
/// says nothing.
pub const READ_CODE: &str = "READ_CODE";
/// Hash: address of a code object to its value, see [`crate::code_value`]. The entry goes when the code
/// object is freed. Only the programs write it.
pub const CODE_VALUES: &str = "CODE_VALUES";
/// Array of scratch slots.
pub const SCRATCH: &str = "SCRATCH";
/// Hash: end of a live mapping to its start.
pub const MAPPING_ENDS: &str = "MAPPING_ENDS";
/// Read-only global: [`super::target::ProgramLayout`].
pub const LAYOUT: &str = "LAYOUT";
/// Read-only global: which layout it is of those that programs were loaded for, from 1.
pub const LAYOUT_NUMBER: &str = "LAYOUT_NUMBER";
/// Read-only global: whether the kernel lacks `bpf_loop`.
pub const WITHOUT_LOOPS: &str = "WITHOUT_LOOPS";
/// Program array of the tail call that is never made, see [`super::target::TargetRow::never`].
pub const TAIL: &str = "TAIL";
/// Entry of an allocation function.
pub const PROGRAM_ALLOC: &str = "alloc_entry";
/// Return of an allocation function.
pub const PROGRAM_ALLOC_RETURN: &str = "alloc_return";
/// Entry and return of an allocation function, as one session program.
pub const PROGRAM_ALLOC_SESSION: &str = "alloc_session";
/// Entry of a release function.
pub const PROGRAM_FREE: &str = "free_entry";
/// Entry of CPython's `code_dealloc`.
pub const PROGRAM_CODE_DEALLOC: &str = "code_dealloc";
/// Where the kernel finds room for a mapping.
pub const PROGRAM_MAPPING_BEGINS: &str = "mapping_begins";
/// Where it is about to lock an address space.
pub const PROGRAM_MAPPING_ENDS: &str = "mapping_ends";
