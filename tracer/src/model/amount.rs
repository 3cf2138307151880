//! Blocks and the bytes in them: what is counted, and what is done with counts. Sums saturate,
//! since a recording may come from anybody.

use leakspy_ebpf::wire::key;
use serde::Serializer;
use serde::ser::SerializeStruct;

/// Blocks and the bytes in them.
///
/// A block that is counted stands for itself, or, where only some are counted, for as many as its
/// weight. How far the bytes may then be from the truth is no field of its own, which millions of
/// points of exact recordings would pay for: it follows from bytes and blocks, see
/// [`Amount::variance`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// Bytes.
    pub bytes: u64,
    /// Blocks.
    pub count: u64,
}

/// What was allocated and what was freed since a moment. Both only ever grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Allocated.
    pub allocated: Amount,
    /// Freed.
    pub freed: Amount,
}

impl Amount {
    /// One block.
    pub fn block(bytes: u64) -> Self {
        Self { bytes, count: 1 }
    }

    /// What one counted block stands for, of which each was counted with a chance of one in
    /// `weight`; a weight of 1 is an exact count.
    pub fn weighted(bytes: u64, weight: u64) -> Self {
        Self { bytes: bytes.saturating_mul(weight), count: weight }
    }

    /// Variance of the bytes as an estimate, bytes squared, where blocks were sampled by their bytes,
    /// one in `interval` on average; 0 for exact counts, which have none (`None`).
    ///
    /// A block of `s` bytes is counted with the chance `p = 1 - exp(-s / interval)` and stands for
    /// `1 / p`, so the sum over counted blocks of `s² (1 - p) / p²` is the variance (Horvitz and
    /// Thompson 1952), which is `s² (1 - p) / p` for each block that they stand for. Those of one
    /// site are in one size class, so their mean stands for all of them. What was freed was counted
    /// just as it was allocated: the variance of what lives is that of its own bytes and blocks. Sums
    /// of several sites have the sum of their variances.
    pub fn variance(self, interval: Option<f64>) -> f64 {
        let Some(interval) = interval.filter(|_| !self.is_nothing()) else { return 0.0 };
        let size = self.bytes as f64 / self.count.max(1) as f64;
        let odds = (size / interval).exp_m1();
        // Small blocks: each byte has the same chance, whatever block it is in.
        let each = if odds > 0.0 { size * size / odds } else { 0.0 };
        self.count as f64 * each
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            count: self.count.saturating_add(other.count),
        }
    }

    /// What this has more than the other, never less than nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            count: self.count.saturating_sub(other.count),
        }
    }

    /// The growth since an earlier count; `None` when something is less than then.
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            bytes: self.bytes.checked_sub(earlier.bytes)?,
            count: self.count.checked_sub(earlier.count)?,
        })
    }

    /// Whether it is neither bytes nor blocks.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// In JSON, what lives: `live_bytes` and `live_count`.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn live_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json(serializer, ["live_bytes", "live_count"])
    }

    /// In JSON, what was allocated: `allocated_bytes` and `allocated_count`.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn allocated_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json(serializer, ["allocated_bytes", "allocated_count"])
    }

    /// In JSON, what is retained: `kept_bytes` and `kept_count`.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn retained_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json(serializer, ["kept_bytes", "kept_count"])
    }

    /// In JSON, `bytes` and `count`.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn plain_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json(serializer, ["bytes", "count"])
    }

    fn json<S: Serializer>(
        self,
        serializer: S,
        [bytes, count]: [&'static str; 2],
    ) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Amount", 2)?;
        fields.serialize_field(bytes, &self.bytes)?;
        fields.serialize_field(count, &self.count)?;
        fields.end()
    }
}

impl From<key::SiteValue> for Totals {
    fn from(totals: key::SiteValue) -> Self {
        Self {
            allocated: Amount { bytes: totals.allocated_bytes, count: totals.allocated_count },
            freed: Amount { bytes: totals.freed_bytes, count: totals.freed_count },
        }
    }
}

impl Totals {
    /// What lives.
    pub fn live(&self) -> Amount {
        self.allocated.minus(self.freed)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            allocated: self.allocated.plus(other.allocated),
            freed: self.freed.plus(other.freed),
        }
    }

    /// The growth since earlier totals; `None` when something is less than then.
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            allocated: self.allocated.since(earlier.allocated)?,
            freed: self.freed.since(earlier.freed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount() -> impl Strategy<Value = Amount> {
        (any::<u64>(), any::<u64>()).prop_map(|(bytes, count)| Amount { bytes, count })
    }

    #[test]
    fn weights_are_counted() {
        assert_eq!(Amount::weighted(100, 1), Amount::block(100));
        assert_eq!(Amount::weighted(100, 7), Amount { bytes: 700, count: 7 });
        assert_eq!(Amount::weighted(u64::MAX, 2).bytes, u64::MAX);
    }

    /// A thousand rounds of sampling the same blocks spread as the variance says.
    #[test]
    fn estimates_spread_as_their_variance_says() {
        let (mut state, interval, blocks) = (1_u64, 65_536.0, 200);
        let mut chance = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for size in [512.0, 40_960.0, 200_000.0] {
            let p = -f64::exp_m1(-size / interval);
            let mut estimate = || (0..blocks).filter(|_| chance() < p).count() as f64 * size / p;
            let estimates: Vec<f64> = (0..1000).map(|_| estimate()).collect();
            let truth = f64::from(blocks) * size;
            let squares = estimates.iter().map(|estimate| (estimate - truth).powi(2));
            let spread = squares.sum::<f64>() / 1000.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let all = Amount { bytes: truth as u64, count: 200 };
            let ratio = all.variance(Some(interval)) / spread;
            assert!((0.8..1.25).contains(&ratio), "{size}: {ratio}");
            assert_eq!(all.variance(None), 0.0);
        }
    }

    #[test]
    fn what_lives_is_what_was_not_freed() {
        let (allocated, freed) = (Amount { bytes: 30, count: 3 }, Amount::block(10));
        assert_eq!(Totals { allocated, freed }.live(), Amount { bytes: 20, count: 2 });
        assert!(Totals { allocated: freed, freed: allocated }.live().is_nothing());
    }

    proptest! {
        /// Whatever is added can be taken away, and nothing overflows.
        #[test]
        fn sums_and_differences_agree(a in amount(), b in amount()) {
            let sum = a.plus(b);
            prop_assert_eq!(sum, b.plus(a));
            prop_assert!(sum.since(a).is_some());
            if a.bytes.checked_add(b.bytes).is_some() && a.count.checked_add(b.count).is_some() {
                prop_assert_eq!((sum.minus(a), sum.since(a)), (b, Some(b)));
            }
            let fits = a.bytes >= b.bytes && a.count >= b.count;
            prop_assert_eq!(a.since(b), fits.then(|| a.minus(b)));
        }

        /// Blocks of one size: the variance of a sum is the sum of the variances, it falls with the
        /// interval, and nothing makes it less than nothing or no number.
        #[test]
        fn variances_add_up(
            size in 1_u64..1 << 40,
            (one, other) in (0_u64..1 << 20, 0_u64..1 << 20),
            interval in 1.0..1e9,
        ) {
            let of = |count: u64| Amount { bytes: size * count, count };
            let variance = |amount: Amount| amount.variance(Some(interval));
            let (sum, parts) = (variance(of(one).plus(of(other))), variance(of(one)) + variance(of(other)));
            prop_assert!(sum.is_finite() && sum >= 0.0);
            prop_assert!((sum - parts).abs() <= 1e-9 * sum);
            prop_assert!(of(one).variance(Some(0.5 * interval)) <= variance(of(one)));
            prop_assert!(of(u64::MAX / size).variance(Some(interval)).is_finite());
        }

        #[test]
        fn totals_add_up(a in amount(), b in amount(), c in amount(), d in amount()) {
            let (one, other) = (Totals { allocated: a, freed: b }, Totals { allocated: c, freed: d });
            prop_assert_eq!(one.plus(other), other.plus(one));
            prop_assert_eq!(one.plus(Totals::default()).since(one), Some(Totals::default()));
        }
    }
}
