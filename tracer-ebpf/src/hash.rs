//! Site keys: a 64-bit hash that needs no 128-bit multiplication, which BPF does not have.

use crate::wire::limit::{GENERATION_BUCKETS, TASKS};

/// Mixes `word` into `state`; the finaliser of MurmurHash3 (Austin Appleby), applied per word.
#[inline(always)]
pub const fn mix(state: u64, word: u64) -> u64 {
    let mut h = state ^ word;
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// Where the generation of a code object is kept.
#[inline(always)]
pub const fn generation_bucket(code: u64) -> usize {
    // Code objects are at least 16 bytes apart; the multiplication spreads the page-aligned ones.
    ((code >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize & (GENERATION_BUCKETS - 1)
}

/// Where the search for a process begins.
#[inline(always)]
pub const fn task_cell(tgid: u32) -> u32 {
    // Workers have ids in a row, which must not share cells.
    tgid.wrapping_mul(0x9e37_79b1) >> 7 & (TASKS - 1)
}

/// The power of two that `size` fits in, as an exponent (0 for sizes 0 and 1, at most 64).
#[inline(always)]
pub const fn size_class(size: u64) -> u32 {
    if size <= 1 {
        return 0;
    }
    let mut class = 0;
    let mut rest = size - 1;
    // Five steps of a binary search: BPF has no count-leading-zeros.
    let mut step = 32;
    while step > 0 {
        if rest >> step != 0 {
            rest >>= step;
            class += step;
        }
        step /= 2;
    }
    class + 1
}

/// Bytes of an array of `count` elements of `size` bytes, all ones on overflow: the call fails
/// then, and must not look like one for 0 bytes. By halves, because BPF has no 128-bit product.
#[inline(always)]
pub const fn array_bytes(count: u64, size: u64) -> u64 {
    const HALF: u64 = (1 << 32) - 1;
    let (large, small) = if count > size { (count, size) } else { (size, count) };
    if small > HALF {
        return u64::MAX;
    }
    let high = (large >> 32) * small;
    let low = (large & HALF) * small;
    let sum = (high << 32).wrapping_add(low);
    if high > HALF || sum < low { u64::MAX } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_are_ceilings_of_the_binary_logarithm() {
        assert_eq!(size_class(0), 0);
        assert_eq!(size_class(1), 0);
        assert_eq!(size_class(2), 1);
        assert_eq!(size_class(3), 2);
        assert_eq!(size_class(4096), 12);
        assert_eq!(size_class(4097), 13);
        assert_eq!(size_class(u64::MAX), 64);
    }

    #[test]
    fn array_sizes_overflow_to_all_ones() {
        assert_eq!(array_bytes(0, u64::MAX), 0);
        assert_eq!(array_bytes(1, 5 << 30), 5 << 30);
        assert_eq!(array_bytes(1 << 63, 2), u64::MAX);
        let values = [0, 1, 2, 3, 0xffff_ffff, 1 << 32, (1 << 32) + 1, 1 << 62, u64::MAX];
        for count in values {
            for size in values {
                let expected = count.saturating_mul(size);
                assert_eq!(array_bytes(count, size), expected, "{count} x {size}");
            }
        }
    }

    #[test]
    fn mixing_tells_order_apart() {
        assert_ne!(mix(mix(0, 1), 2), mix(mix(0, 2), 1));
    }
}
