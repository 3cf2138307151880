//! The leak scan: blocks that are unreachable, because nothing in the memory of the process leads
//! to them any more.
//!
//! What `LeakSanitizer` does inside a process at its exit ("Design Document", section "Collecting
//! the leaks"), over bytes that somebody else reads of a live one: every aligned word is taken for
//! a pointer, a pointer to any byte of a block counts as a reference to it, and what is referenced
//! only from blocks that are themselves unreachable is unreachable, too. Everything outside the
//! known blocks is a root.
//!
//! The error goes one way. An old copy of a pointer, in a dead part of a stack or in freed memory,
//! makes an unreachable block look referenced; nothing here makes a referenced block look
//! unreachable, as long as the memory does not change meanwhile. The caller has to deal with that
//! it does: see `session`.

mod arenas;
mod blocks;
mod pools;
mod scan;
mod tags;
mod tally;

#[cfg(test)]
mod tests;

pub use arenas::{
    ArenaScan, BlockAges, LostGroup, LostTypes, ObjectExtent, Pools, SmallType, SmallTypes,
    Unmarked, lost,
};
pub use blocks::{Blocks, SearchedBlock};
pub use pools::object_at;
pub use scan::{LeakScan, PointerAlignment, ScanOutcome, SoFar};
pub use tally::{SiteUnreachable, tally};
