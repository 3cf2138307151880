//! Which blocks are recorded where recording all would cost the target too much, and how many each of them stands
//! for.
//!
//! Each block is chosen by chance, by itself, with probability 1/weight; what is chosen counts `weight` times, as
//! blocks and as bytes. So every sum is right on average (the estimator of Horvitz and Thompson, 1952, "A
//! Generalization of Sampling Without Replacement From a Finite Universe"), whatever the sizes and however often the
//! period changes: a block keeps the weight that it was chosen with. Weights are whole numbers, so that no sum is
//! rounded.

/// Allocators give no less for a block, and the ones that ask for nothing are to be seen, too.
const LEAST_BYTES: u64 = 16;
/// Most that a block can stand for: as many as fit beside its size, see [`crate::wire::key::LiveValue`].
pub const MOST_WEIGHT: u64 = u16::MAX as u64;

/// How many blocks of so many bytes one stands for that is recorded. Of blocks as large as the period, all are
/// recorded; of smaller ones, about one in each `period` bytes. A period of 0 means all blocks.
#[inline(always)]
pub const fn weight(period: u32, size: u64) -> u64 {
    let size = if size < LEAST_BYTES { LEAST_BYTES } else { size };
    if period as u64 <= size {
        return 1;
    }
    let weight = period as u64 / size;
    if weight > MOST_WEIGHT { MOST_WEIGHT } else { weight }
}

/// Whether a block of this weight is recorded; `random` is any number of 32 bits.
#[inline(always)]
pub const fn is_chosen(weight: u64, random: u32) -> bool {
    (random as u64).wrapping_mul(weight) >> 32 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_blocks_are_all_recorded() {
        for (period, size) in [(0, 0), (0, 1), (4096, 4096), (4096, u64::MAX), (4096, 2049)] {
            assert_eq!(weight(period, size), 1);
            assert!(is_chosen(1, 0) && is_chosen(1, u32::MAX));
        }
    }

    #[test]
    fn small_blocks_stand_for_a_period_of_bytes() {
        assert_eq!(weight(65_536, 1000), 65);
        assert_eq!(weight(65_536, 0), weight(65_536, 16));
        assert_eq!(weight(u32::MAX, 16), MOST_WEIGHT);
    }

    /// The part of all random numbers for which a block is chosen is 1/weight, but for one number in 2^32.
    #[test]
    fn chances_are_one_in_the_weight() {
        for weight in [1, 2, 3, 65, 4096, MOST_WEIGHT] {
            let last = ((1u64 << 32) - 1) / weight;
            let chosen =
                |random: u64| u32::try_from(random).is_ok_and(|one| is_chosen(weight, one));
            assert!(chosen(0) && chosen(last), "{weight}");
            assert!(!chosen(last + 1), "{weight}");
        }
    }
}
