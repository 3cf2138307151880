//! Progress of a recording, for the command line.

/// The state of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    /// Since the start.
    pub seconds: f64,
    /// Bytes in live blocks.
    pub live_bytes: u64,
    /// Sites seen.
    pub sites: usize,
    /// Calls whose effect is missing.
    pub lost: u64,
    /// Mean bytes between two allocations that are recorded now; 0: all are.
    pub period: u32,
}
