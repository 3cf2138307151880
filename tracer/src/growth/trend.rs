//! The trend of a noisy series: the slope of Theil (1950) and Sen (1968), with Sen's interval from
//! the order of all pairwise slopes, widened for autocorrelation as Hamed and Rao (1998) do for the
//! test of Mann and Kendall.

use super::shape::thinned;
use super::statistics::{Z95, at_share, student_95};
use crate::model::Interval;

/// Points that are used at most: the work grows with their square.
const POINTS: usize = 200;
/// Parts of the time whose means count as independent.
const BATCHES: usize = 5;

/// Slope per second of `(seconds, value)` points in the order of time; `None` with fewer than six.
pub fn slope(points: &[(f64, f64)]) -> Option<Interval> {
    let points = thinned(points, POINTS);
    if points.len() < 6 {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, (t, value)) in points.iter().enumerate() {
        for (later, more) in &points[index + 1..] {
            if later > t {
                slopes.push((more - value) / (later - t));
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    let middle = *slopes.get(at_share(slopes.len(), 0.5)?)?;
    let pairs = slopes.len() as f64;
    let half = 0.5 * Z95 * deviation(&points, middle) / pairs;
    let at = |share: f64| at_share(slopes.len(), share).map_or(middle, |at| slopes[at]);
    Some(Interval { lo: at(0.5 - half), est: middle, hi: at(0.5 + half) })
}

/// Standard deviation of Kendall's sum for these points, once the trend is taken out.
fn deviation(points: &[(f64, f64)], slope: f64) -> f64 {
    let n = points.len() as f64;
    let rest: Vec<f64> = points.iter().map(|(t, value)| value - slope * t).collect();
    let ranks = ranks(&rest);
    let mean = (n - 1.0) / 2.0;
    let own: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    let mut widening = 0.0;
    for lag in 1..points.len() / 2 {
        let pairs = ranks.iter().zip(&ranks[lag..]);
        let correlation = pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / own.max(1.0);
        // Only what stands out of noise counts, and nothing may narrow the interval.
        if correlation > Z95 / n.sqrt() {
            let left = n - lag as f64;
            widening += left * (left - 1.0) * (left - 2.0) * correlation;
        }
    }
    let factor = 1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * widening;
    (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0 * factor).sqrt()
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as f64;
    }
    ranks
}

/// The height of the trend at a time: the mean of what the points say, with an interval from the
/// means of [`BATCHES`] parts of the time, which are nearly independent where single points are
/// not.
pub fn height(points: &[(f64, f64)], slope: f64, t: f64) -> Option<Interval> {
    let heights: Vec<f64> = points.iter().map(|(at, value)| value + slope * (t - at)).collect();
    if heights.len() < 2 * BATCHES {
        let est = heights.last().copied()?;
        return Some(Interval { lo: est, est, hi: est });
    }
    let means: Vec<f64> = heights.chunks_exact(heights.len() / BATCHES).map(mean).collect();
    let est = mean(&means);
    let n = means.len() as f64;
    let variance = means.iter().map(|mean| (mean - est).powi(2)).sum::<f64>() / (n - 1.0) / n;
    let half = student_95(n - 1.0) * variance.sqrt();
    Some(Interval { lo: est - half, est, hi: est + half })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The slope by least squares through the means of [`BATCHES`] parts of the time: wide, and true
/// also for a curve that wanders, whose single points say the same again and again.
pub fn steady_slope(points: &[(f64, f64)]) -> Option<Interval> {
    let parts = points.chunks_exact((points.len() / BATCHES).max(1)).take(BATCHES);
    let means: Vec<(f64, f64)> = parts
        .map(|part| {
            let (times, values): (Vec<f64>, Vec<f64>) = part.iter().copied().unzip();
            (mean(&times), mean(&values))
        })
        .collect();
    if means.len() < BATCHES {
        return None;
    }
    let (times, values): (Vec<f64>, Vec<f64>) = means.iter().copied().unzip();
    let (middle, height) = (mean(&times), mean(&values));
    let square: f64 = times.iter().map(|t| (t - middle).powi(2)).sum();
    let product: f64 = means.iter().map(|(t, value)| (t - middle) * (value - height)).sum();
    let est = product / square;
    let rest = means.iter().map(|(t, value)| (value - height - est * (t - middle)).powi(2));
    let free = BATCHES as f64 - 2.0;
    let half = student_95(free) * (rest.sum::<f64>() / free / square).sqrt();
    Some(Interval { lo: est - half, est, hi: est + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(slope: f64, noise: f64) -> Vec<(f64, f64)> {
        (0..300_u32)
            .map(|step| {
                let t = f64::from(step) * 10.0;
                (t, slope * t + noise * f64::from(step * 7919 % 101) / 100.0)
            })
            .collect()
    }

    #[test]
    fn a_trend_is_found_in_noise() {
        let found = slope(&noisy(5.0, 100.0)).expect("many points");
        assert!(found.lo > 4.9 && found.hi < 5.1 && found.lo < 5.0 && found.hi > 4.99, "{found:?}");
        let none = slope(&noisy(0.0, 100.0)).expect("many points");
        assert!(none.lo < 0.0 && none.hi > 0.0, "{none:?}");
    }

    #[test]
    fn means_of_parts_agree() {
        let found = steady_slope(&noisy(5.0, 100.0)).expect("many points");
        assert!(found.lo < 5.0 && found.hi > 5.0 && found.lo > 4.5, "{found:?}");
        assert_eq!(steady_slope(&[(0.0, 1.0)]), None);
    }

    #[test]
    fn waves_widen_the_interval() {
        let wave = |t: f64| 1000.0 * (t / 400.0).sin();
        let points: Vec<_> =
            noisy(0.1, 1.0).iter().map(|(t, value)| (*t, value + wave(*t))).collect();
        let found = slope(&points).expect("many points");
        assert!(found.lo < 0.1 && found.hi > 0.1, "{found:?}");
    }

    #[test]
    fn a_few_points_have_no_trend() {
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(slope(&[]), None);
        let constant: Vec<_> = (0..50).map(|t| (f64::from(t), 3.0)).collect();
        assert_eq!(slope(&constant).map(|slope| slope.est), Some(0.0));
    }
}
