//! Medians, and between which of the values they lie.

/// A median of what is there, and an interval that holds that of all there could be with at least 95 % certainty; with
/// fewer than six values the interval is that of all values, which is less certain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Middle {
    /// The median.
    pub middle: f64,
    /// The least that it may be.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Middle {
    /// Of values in any order; not a number of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let cut = left_out(values.len());
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1 + cut);
        Self { middle: quantile(&values, 50), low: at(cut), high: at(last) }
    }
}

/// How many values may be left out at either end: the median of all there could be lies outside the rest only if that
/// many or fewer of `count` tosses of a coin are heads, or tails.
fn left_out(count: usize) -> usize {
    let Ok(tosses) = i32::try_from(count) else { return 0 };
    let mut term = 0.5_f64.powi(tosses);
    let mut outside = 2.0 * term;
    let mut cut: usize = 0;
    while outside <= 0.05 && 2 * cut < count {
        cut += 1;
        term *= (count - cut + 1) as f64 / cut as f64;
        outside += 2.0 * term;
    }
    cut.saturating_sub(1)
}

/// The value under which so many percent of the sorted values lie; not a number of none.
pub fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = percent.min(100) * last;
    let (below, between) = (place / 100, (place % 100) as f64 / 100.0);
    let above = sorted.get(below + 1).copied().unwrap_or(sorted[below]);
    sorted[below] + (above - sorted[below]) * between
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_those_that_a_coin_would_not_leave_out() {
        let middle = |count: u32| Middle::of((1..=count).map(f64::from));
        assert_eq!(middle(4), Middle { middle: 2.5, low: 1.0, high: 4.0 });
        // Tables of the sign test: 6 values all, 10 values without one at each end, 20 without five.
        assert_eq!(middle(6), Middle { middle: 3.5, low: 1.0, high: 6.0 });
        assert_eq!(middle(10), Middle { middle: 5.5, low: 2.0, high: 9.0 });
        assert_eq!(middle(20), Middle { middle: 10.5, low: 6.0, high: 15.0 });
        assert!(Middle::of([]).middle.is_nan());
    }

    #[test]
    fn quantiles_lie_between_values() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(
            [0, 25, 50, 75, 100].map(|percent| quantile(&sorted, percent)),
            [1.0, 1.5, 2.0, 3.0, 4.0]
        );
    }
}
