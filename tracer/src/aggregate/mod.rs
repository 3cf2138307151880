//! From snapshots of the live table to what a recording has of them: blocks by the time of their
//! birth (cohorts), ages at death, and retained blocks: those older than blocks normally get.
//!
//! The kernel tells two things: the blocks that live, each with its birth, and what every site
//! allocated since the start. Neither says how old blocks get. This module compares one snapshot
//! with the next. Pure: the clock is given.

mod accumulator;
mod consistency;
mod deaths;
mod grid;
mod pace;
mod pauses;
mod site;

#[cfg(test)]
mod tests;

pub use accumulator::{Accumulator, RetainedBlocks, Snapshot};
pub use consistency::{PlacedBlock, consistency};
pub use pace::SnapshotPace;

/// Nanoseconds as seconds.
fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}
