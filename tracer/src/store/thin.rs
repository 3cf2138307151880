//! Which old ticks to forget, so that a recording of any length has a bounded size.

/// Every second tick of the older half, never the first: what is old keeps its shape and loses
/// detail, what is recent keeps all of it. `ticks` in their order.
pub fn forgotten(ticks: &[i64]) -> Vec<i64> {
    ticks[..ticks.len() / 2].iter().skip(1).step_by(2).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_older_half_loses_every_second() {
        assert_eq!(forgotten(&[1, 2, 3, 4, 5, 6, 7, 8]), [2, 4]);
        assert_eq!(forgotten(&[1, 2, 3]), Vec::<i64>::new());
        assert!(forgotten(&[]).is_empty());
    }

    proptest! {
        /// However long it runs: the bound holds, the first and the recent half stay.
        #[test]
        fn size_is_bounded(bound in 8_usize..200, length in 0_i64..2_000) {
            let mut kept = Vec::new();
            for tick in 0..length {
                kept.push(tick);
                if kept.len() > bound {
                    let gone = forgotten(&kept);
                    kept.retain(|tick| !gone.contains(tick));
                }
                prop_assert!(kept.len() <= bound);
                prop_assert_eq!(kept[0], 0);
                prop_assert_eq!(kept[kept.len() - 1], tick);
            }
        }
    }
}
