//! What happens in a recording, as plain structs.

use crate::model::{Amount, CallStack, Domain, Loss, ProcessPoint, StackNote, Totals};

/// A site when it is first seen, and again whenever more is known about it.
#[derive(Clone, Copy, Debug)]
pub struct SiteRow<'a> {
    /// Its key in the kernel.
    pub key: u64,
    /// Allocator family.
    pub domain: Domain,
    /// Upper bound of the size class in bytes.
    pub size_class: u64,
    /// The traced function that was called.
    pub allocator: &'a str,
    /// Root first, the allocator's caller last; empty when there is none.
    pub stack: &'a CallStack,
    /// Why the stack is less than whole.
    pub notes: &'a [StackNote],
}

/// A count of Python objects: seconds since the start, and full collections so far where they can
/// be read.
pub type Count = (f64, Option<u64>);

/// Everything that is known at one moment; one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// The process and the time.
    pub process: ProcessPoint,
    /// Every counter with its value since the start.
    pub counters: &'a [Loss],
    /// Sites whose totals may have changed since the last tick; what has not changed costs nothing.
    pub sites: &'a [SiteTotals],
    /// Whether the totals also become part of the history of their sites.
    pub keep_history: bool,
    /// A snapshot of the live table, when one was taken.
    pub snapshot: Option<SnapshotRow<'a>>,
}

/// A snapshot of the live table.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotRow<'a> {
    /// Live blocks.
    pub blocks: u64,
    /// The old ones of every site; what has not changed costs nothing.
    pub retained: &'a [SiteRetained],
}

/// The retained blocks of one site.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SiteRetained {
    /// Its key in the kernel.
    pub key: u64,
    /// Only blocks older than this are counted, seconds.
    pub age: f64,
    /// The blocks.
    pub blocks: Amount,
}

/// What a site did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteTotals {
    /// Its key in the kernel; a site that was never given as a [`SiteRow`] gets one without a
    /// stack.
    pub key: u64,
    /// What was allocated and freed.
    pub totals: Totals,
}

impl SiteRetained {
    /// Whether there is something new to say. The age alone is no change while there is nothing.
    pub fn differs(&self, known: &Self) -> bool {
        known.blocks != self.blocks
            || (known.age.total_cmp(&self.age).is_ne() && self.blocks.count > 0)
    }
}
