//! Blocks and the bytes in them: what is counted, and what is done with counts. Sums saturate,
//! since a recording may come from anybody.

use leakspy_ebpf::wire::key;
use serde::Serializer;
use serde::ser::SerializeStruct;

/// Blocks and the bytes in them. Every allocation is counted, so each block stands for itself
/// alone.
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

impl From<key::SiteTotals> for Totals {
    fn from(totals: key::SiteTotals) -> Self {
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

        #[test]
        fn totals_add_up(a in amount(), b in amount(), c in amount(), d in amount()) {
            let (one, other) = (Totals { allocated: a, freed: b }, Totals { allocated: c, freed: d });
            prop_assert_eq!(one.plus(other), other.plus(one));
            prop_assert_eq!(one.plus(Totals::default()).since(one), Some(Totals::default()));
        }
    }
}
