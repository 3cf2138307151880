//! How fast what is retained grows, with an honest interval.
//!
//! What is retained of the blocks born before a time only ever grows with that time: it is a
//! cumulative process, not a trend with noise around it. So the error of its slope comes from its
//! increments: a ratio estimate over periods of unequal length (Cochran, Sampling Techniques,
//! section 6.3), which is the method of batch means with Student's t, widened for neighbours that
//! move together (Newey and West 1987, lags 1 and 2), and never narrower than the Poisson interval
//! of the events that were seen.

use super::statistics::{poisson_factors, student_95, student_tail};
use crate::model::{Cohort, Interval};

const HOUR: f64 = 3600.0;
/// Neighbours that may move together, and their weights.
const LAGS: [(usize, f64); 2] = [(1, 2.0 / 3.0), (2, 1.0 / 3.0)];

/// Growth of one amount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Per hour.
    pub per_hour: Interval,
    /// Its standard error, per hour.
    pub error: f64,
    /// Chance of this much without growth.
    pub p: f64,
    /// Independent periods that it comes from: unequal ones count for less.
    pub periods: f64,
    /// Over how many seconds.
    pub seconds: f64,
}

/// What was retained of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Increment {
    /// Length of the period, seconds.
    pub seconds: f64,
    /// Bytes or blocks.
    pub amount: f64,
    /// Blocks.
    pub blocks: f64,
}

impl Increment {
    /// The bytes of cohorts.
    pub fn bytes(periods: &[Cohort]) -> Vec<Self> {
        periods.iter().map(|period| Self::from_cohort(period, period.live.bytes as f64)).collect()
    }

    /// The blocks of cohorts.
    pub fn counts(periods: &[Cohort]) -> Vec<Self> {
        periods.iter().map(|period| Self::from_cohort(period, period.live.count as f64)).collect()
    }

    fn from_cohort(period: &Cohort, amount: f64) -> Self {
        Self { seconds: period.to - period.from, amount, blocks: period.live.count as f64 }
    }
}

/// How many blocks come together: a sampled block that stands for many, and a step of many blocks,
/// are one event. The index of dispersion of their number (Cox and Lewis 1966), on the careful
/// side, and at most the fewest that any period retained.
pub fn cluster(increments: &[Increment]) -> f64 {
    let retained =
        increments.iter().map(|increment| increment.blocks).filter(|blocks| *blocks > 0.0);
    let least = retained.clone().fold(f64::INFINITY, f64::min);
    let seconds: f64 = increments.iter().map(|increment| increment.seconds).sum();
    let rate = retained.sum::<f64>() / seconds;
    if !least.is_finite() || rate <= 0.0 {
        return 1.0;
    }
    let n = increments.len() as f64;
    let squares = increments.iter().map(|increment| {
        let expected = rate * increment.seconds;
        (increment.blocks - expected).powi(2) / expected
    });
    let dispersion = squares.sum::<f64>() / (n - 1.0).max(1.0);
    (dispersion * (1.0 + 2.0 * (2.0 / n).sqrt())).clamp(1.0, least.max(1.0))
}

/// The slope over `increments`, of which `cluster` blocks are one event.
pub fn slope(increments: &[Increment], cluster: f64) -> Slope {
    let seconds: f64 = increments.iter().map(|increment| increment.seconds).sum();
    let amount: f64 = increments.iter().map(|increment| increment.amount).sum();
    let squares: f64 = increments.iter().map(|increment| increment.seconds.powi(2)).sum();
    if seconds <= 0.0 || amount <= 0.0 {
        return Slope { per_hour: Interval::default(), error: 0.0, p: 1.0, periods: 0.0, seconds };
    }
    let periods = seconds * seconds / squares;
    let variance = (spread(increments, amount / seconds) * periods / (periods - 1.0).max(0.05))
        .max(event_variance(increments, cluster));
    let (rate, error) = (amount / seconds * HOUR, variance.sqrt() / seconds * HOUR);
    let half = student_95(periods - 1.0) * error;
    let events = increments.iter().map(|increment| increment.blocks).sum::<f64>() / cluster;
    let (low, high) = poisson_factors(events);
    Slope {
        per_hour: Interval {
            lo: (rate - half).min(rate * low).max(0.0),
            est: rate,
            hi: (rate + half).max(if high.is_finite() { rate * high } else { rate + half }),
        },
        error,
        p: chance(increments, events, student_tail(rate / error, (periods - 1.0).max(1.0))),
        periods,
        seconds,
    }
}

/// Chance of such growth without growth: that of Student's t, or of the sign test where periods are
/// many and what they retains is rare; never less than that of as many events, all upwards.
fn chance(increments: &[Increment], events: f64, student: f64) -> f64 {
    let with_any = increments.iter().filter(|increment| increment.blocks > 0.0).count() as f64;
    // Four times: the better of two tests is taken, and the periods are not all equally long.
    let signs = 4.0 * 0.5_f64.powf(with_any.min(events));
    student.min(signs).max(0.5_f64.powf(events))
}

/// Variance of the sum, from how the periods differ from what their length lets expect.
fn spread(increments: &[Increment], rate: f64) -> f64 {
    let rest: Vec<f64> =
        increments.iter().map(|increment| increment.amount - rate * increment.seconds).collect();
    let own: f64 = rest.iter().map(|rest| rest * rest).sum();
    let together: f64 = LAGS
        .iter()
        .map(|(lag, weight)| {
            weight * 2.0 * rest.iter().zip(rest.iter().skip(*lag)).map(|(a, b)| a * b).sum::<f64>()
        })
        .sum();
    own + together.max(0.0)
}

/// Variance of a compound Poisson sum: the sum of the squares of its events, at least.
fn event_variance(increments: &[Increment], cluster: f64) -> f64 {
    increments
        .iter()
        .filter(|increment| increment.blocks > 0.0)
        .map(|increment| increment.amount.powi(2) * cluster / increment.blocks)
        .sum()
}

/// The slopes of the first and the second half of the time.
pub fn halves(increments: &[Increment], cluster: f64) -> (Slope, Slope) {
    let total: f64 = increments.iter().map(|increment| increment.seconds).sum();
    let mut seen = 0.0;
    let middle = increments
        .iter()
        .position(|increment| {
            seen += increment.seconds;
            seen > 0.5 * total
        })
        .unwrap_or(0);
    let (first, second) = increments.split_at(middle);
    (slope(first, cluster), slope(second, cluster))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(amounts: &[f64]) -> Vec<Increment> {
        amounts
            .iter()
            .map(|amount| Increment { seconds: 36.0, amount: *amount, blocks: *amount })
            .collect()
    }

    #[test]
    fn steady_growth_has_a_narrow_interval() {
        let slope = slope(&even(&[100.0; 20]), 1.0);
        assert!((slope.per_hour.est - 10_000.0).abs() < 1e-6);
        assert!(slope.per_hour.lo > 9_500.0 && slope.per_hour.hi < 10_500.0, "{slope:?}");
        assert!(slope.p < 1e-9);
    }

    #[test]
    fn one_jump_is_no_growth() {
        let mut amounts = [0.0; 20];
        amounts[3] = 1000.0;
        let slope = slope(&even(&amounts), 1000.0);
        assert_eq!(slope.per_hour.lo, 0.0);
        assert!(slope.p > 0.1, "{slope:?}");
    }

    #[test]
    fn nothing_is_no_growth() {
        for increments in [vec![], even(&[0.0; 5])] {
            let slope = slope(&increments, 1.0);
            assert_eq!((slope.per_hour.est, slope.p), (0.0, 1.0));
        }
    }

    #[test]
    fn what_comes_together_is_one_event() {
        let amounts = [50.0, 0.0, 100.0, 50.0, 0.0, 50.0];
        let increments = even(&amounts);
        assert_eq!(cluster(&increments), 50.0);
        assert_eq!(cluster(&even(&[250.0; 8])), 1.0);
        let (apart, together) = (slope(&increments, 1.0), slope(&increments, 50.0));
        assert!(together.per_hour.lo < apart.per_hour.lo + 1e-9);
        assert!(together.p >= 0.5_f64.powi(5));
    }
}
