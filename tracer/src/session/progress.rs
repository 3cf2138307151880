//! What people who wait are told.

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
}

/// Somebody who waits.
pub trait Progress {
    /// The probes are in and counting has begun.
    fn attached(&mut self, sentence: &str);
    /// A while has passed.
    fn status(&mut self, status: &Status);
    /// Counting has ended; names are being looked up.
    fn finishing(&mut self);
}
