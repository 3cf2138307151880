//! From looks at the live table to what a recording keeps of them: blocks by the time of their birth, ages at
//! death, and what is older than blocks normally get.
//!
//! The kernel tells two things: the blocks that live, each with its birth, and what every site allocated since the
//! start. Neither says how old blocks get. This room compares one look with the next. Pure: the clock is given.

mod accumulator;
mod deaths;
mod grid;
mod pace;
mod site;

#[cfg(test)]
mod tests;

pub use accumulator::{Accumulator, Aged, Look};
pub use pace::Pace;

/// Blocks and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes.
    pub bytes: u64,
    /// Blocks.
    pub count: u64,
}

impl Amount {
    /// One block.
    pub fn block(bytes: u64) -> Self {
        Self { bytes, count: 1 }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            count: self.count.saturating_add(other.count),
        }
    }

    /// What this has more than the other, never less than nothing.
    fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            count: self.count.saturating_sub(other.count),
        }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Nanoseconds as seconds.
fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}
