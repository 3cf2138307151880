//! Seeded randomness, and how often to try.

use std::time::Duration;

/// Multiplies the number of repetitions of every repeating test, and the length of the soaks: 1
/// fits a short run of everything, 20 a night.
pub const SCALE: &str = "LEAKSPY_TEST_SCALE";
/// Seed of every random choice, so that a failure can be had again.
pub const SEED: &str = "LEAKSPY_TEST_SEED";

/// `usual` repetitions, scaled by [`SCALE`]; at least one.
pub fn repetitions(usual: u32) -> u32 {
    let scale = variable(SCALE).filter(|scale| *scale > 0.0).unwrap_or(1.0);
    let scaled = (f64::from(usual) * scale).ceil();
    // A saturating conversion of a positive whole number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let repetitions = scaled as u32;
    repetitions.max(1)
}

fn variable(name: &str) -> Option<f64> {
    std::env::var(name).ok()?.parse().ok()
}

/// xorshift64*: enough for picking moments and bytes.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// Seeded by [`SEED`], else by a fixed number.
    pub fn new() -> Self {
        let seed =
            std::env::var(SEED).ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
        Self { seed, state: seed | 1 }
    }

    /// The seed, for messages.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Anything.
    pub fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// Anything below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// Lets a random time up to `most` pass. The moment is the stimulus of the test, nothing is
    /// waited for.
    pub fn moment(&mut self, most: Duration) {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        std::thread::sleep(Duration::from_micros(self.below(most)));
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}
