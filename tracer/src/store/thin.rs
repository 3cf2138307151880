//! Which old ticks to forget, so that a recording of any length has a bounded size.

/// The tick that is missed least, as an index: the one whose neighbours are closest to each other for its age. What
/// is left is as far apart as the root of its age: between even spacing, which a week needs, and as far apart as it
/// is old, which the last hour needs. Never the first, which says where everything began, and never the recent
/// quarter. `ticks` are numbers in their order; `None` when there are too few.
pub fn dispensable(ticks: &[i64]) -> Option<usize> {
    let last = *ticks.last()?;
    let worth = |index: usize| {
        let gap = distance(ticks[index - 1], ticks[index + 1]);
        gap * gap / distance(ticks[index], last)
    };
    (1..ticks.len() * 3 / 4).min_by(|&a, &b| worth(a).total_cmp(&worth(b)))
}

fn distance(from: i64, to: i64) -> f64 {
    // Ticks number far below the 2^53 at which this is no longer exact.
    to.saturating_sub(from) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_old_goes_first() {
        assert_eq!(dispensable(&[1, 2, 3, 4, 5, 6, 7, 8]), Some(1));
        assert_eq!(dispensable(&[1, 9, 10, 11, 12, 13]), Some(2));
        assert_eq!(dispensable(&[1, 2]), None);
        assert_eq!(dispensable(&[]), None);
    }

    /// After a long time neighbours are further apart the older they are, and nowhere is a hole.
    #[test]
    fn old_ticks_are_further_apart() {
        let mut kept: Vec<i64> = Vec::new();
        for tick in 0..20_000 {
            kept.push(tick);
            if kept.len() > 200 {
                kept.remove(dispensable(&kept).expect("enough"));
            }
        }
        let gaps: Vec<i64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let most = |gaps: &[i64]| gaps.iter().copied().max().expect("a gap");
        assert!(most(&gaps) < 1_000, "{gaps:?}");
        assert!(most(&gaps[160..]) <= 2, "{gaps:?}");
        assert!(most(&gaps[..50]) > most(&gaps[50..]), "{gaps:?}");
    }

    proptest! {
        /// However long it runs: the bound holds, the first and the last stay.
        #[test]
        fn size_is_bounded(bound in 8_usize..200, length in 0_i64..2_000) {
            let mut kept = Vec::new();
            for tick in 0..length {
                kept.push(tick);
                if kept.len() > bound {
                    let gone = dispensable(&kept);
                    prop_assert!(gone.is_some());
                    kept.remove(gone.unwrap_or(0));
                }
                prop_assert!(kept.len() <= bound);
                prop_assert_eq!(kept[0], 0);
                prop_assert_eq!(kept[kept.len() - 1], tick);
            }
        }
    }
}
