//! Depths and sizes, and why each number.

/// Python frames (and entry markers) kept per stack; the innermost are kept when there are more.
pub const MAX_WORDS: usize = 128;
/// Bytes of native stack copied on the first hit of a site.
pub const MAX_STACK_BYTES: usize = 32 * 1024;
/// Bytes read at once from a thread's data stack: one page, because a read that touches an
/// unmapped page fails as a whole and pages are the unit of that.
pub const WINDOW_BYTES: usize = 4096;
/// Most bytes of one interpreter frame that the walk looks at.
pub const FRAME_SPAN: usize = 112;
/// Words read at once of a line table, to tell a code object by its value.
pub const CHUNK_WORDS: usize = 64;
/// Longest line table that is read for that, bytes: a module of some thousand lines has it.
pub const MAX_LINE_TABLE: u64 = 64 * 1024;
/// Longest name that is read for that, bytes: a chunk.
pub const MAX_TEXT: u64 = CHUNK_WORDS as u64 * 8;
/// Frames and pieces of line tables that are read for that in one call.
pub const MAX_ROUNDS: usize = 1024;
/// Buckets of code-object generations; a power of two.
pub const GENERATION_BUCKETS: usize = 16 * 1024;
/// Scratch slots per possible CPU: a program can be preempted by others on its CPU.
pub const SLOTS_PER_CPU: u32 = 4;
/// Cells for processes whose probes are shared by targets; a power of two.
pub const TASKS: u32 = 4096;
/// Cells that are searched for a process.
pub const TASK_CELLS: u32 = 8;
/// Most targets of one process of leakspy.
pub const TARGETS: u32 = 1024;
/// Nested calls after which a pending call of the same thread is taken for dead.
pub const MAX_NESTED: u16 = 64;
/// Default capacity of the live table, in blocks.
pub const LIVE_BLOCKS: u32 = 1024 * 1024;
/// Default capacity of the site table.
pub const SITES: u32 = 64 * 1024;
/// Threads that can be inside an allocator call at once.
pub const PENDING_THREADS: u32 = 16 * 1024;
/// Code objects remembered as seen in a stack.
pub const SEEN_CODE: u32 = 64 * 1024;
/// Live mappings whose end is known (the kernel allows a process 65,530 by default).
pub const MAPPINGS: u32 = 64 * 1024;
/// Bytes of the ring buffer; a reader has all of them mapped, twice.
pub const RING_BYTES: u32 = 16 * 1024 * 1024;
/// Bytes of each region of a dying code object that are saved (see `record::CodeGone`).
pub const CODE_BYTES: usize = 256;
/// Bytes saved of the name, qualified name and file name objects of a dying code object.
pub const TEXT_BYTES: usize = 512;
/// Bytes saved of the line table of a dying code object.
pub const LINE_TABLE_BYTES: usize = 4096;
