//! Distributions and intervals. Each says where it comes from.

/// Two-sided 95 % of the standard normal distribution.
pub const Z95: f64 = 1.959_964;

/// Density-free upper tail of Student's t distribution with `df` degrees of freedom (not
/// necessarily whole): the chance of a value above `t`. By the regularised incomplete beta
/// function, Abramowitz and Stegun 26.7.1.
pub fn student_tail(t: f64, df: f64) -> f64 {
    if !t.is_finite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let both = incomplete_beta(df / (df + t * t), 0.5 * df, 0.5);
    if t >= 0.0 { 0.5 * both } else { 1.0 - 0.5 * both }
}

/// The value that Student's t exceeds with a chance of 2.5 %: half the width of a 95 % interval, in
/// standard errors. Abramowitz and Stegun 26.7.5 from three degrees of freedom on; below, between
/// their tabulated values. Never more than that of one degree of freedom.
pub fn student_95(df: f64) -> f64 {
    let (one, two, three) = (12.706_f64, 4.303_f64, 3.182_f64);
    let df = df.max(1.0);
    if df < 2.0 {
        return one * (two / one).powf(df - 1.0);
    }
    if df < 3.0 {
        return two * (three / two).powf(df - 2.0);
    }
    let z = Z95;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + (first + (second + third / df) / df) / df
}

/// Regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)
/// from the bottom up; 60 terms are plenty for the arguments of [`student_tail`].
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let mut fraction = 1.0;
    for term in (1..=60_u32).rev() {
        let m = f64::from(term / 2);
        let coefficient = if term % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        fraction = 1.0 + coefficient / fraction;
    }
    let front = a * x.ln() + b * (1.0 - x).ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    (front.exp() / a / fraction).clamp(0.0, 1.0)
}

/// Logarithm of the gamma function: Stirling's series after shifting the argument above 10.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse / 1260.0)) / x;
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

/// 95 % interval of the mean of a Poisson count: Garwood's exact one (1936) in Byar's approximation
/// (Breslow and Day 1987, section 2.3), as factors of `events`. `events` need not be whole.
pub fn poisson_factors(events: f64) -> (f64, f64) {
    if events < 0.5 {
        return (0.0, f64::INFINITY);
    }
    let low = (1.0 - 1.0 / (9.0 * events) - Z95 / (3.0 * events.sqrt())).max(0.0).powi(3);
    let next = events + 1.0;
    let high = next * (1.0 - 1.0 / (9.0 * next) + Z95 / (3.0 * next.sqrt())).powi(3) / events;
    (low, high)
}

/// The value below which a share of `values` lies; reorders them.
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let at = at_share(values.len(), share)?;
    let (_, value, _) = values.select_nth_unstable_by(at, f64::total_cmp);
    Some(*value)
}

/// The index at a share of `length` ordered values.
pub fn at_share(length: usize, share: f64) -> Option<usize> {
    let last = length.checked_sub(1)?;
    // A saturating conversion of something between 0 and a length.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
    Some(at.min(last))
}

/// Adjusted p values of Benjamini and Hochberg (1995), in the order of `p`.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (from_top, index) in order.into_iter().enumerate() {
        let rank = (p.len() - from_top) as f64;
        least = least.min(p[index] * p.len() as f64 / rank);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_agrees_with_the_tables() {
        for (df, value) in [(1.0, 12.706), (2.0, 4.303), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042)]
        {
            assert!((student_95(df) - value).abs() < 0.005, "{df}: {}", student_95(df));
        }
        assert!((student_tail(0.0, 7.0) - 0.5).abs() < 1e-9);
        assert!((student_tail(-2.571, 5.0) - 0.975).abs() < 1e-3);
        assert_eq!(student_tail(f64::INFINITY, 3.0), 0.0);
    }

    #[test]
    fn poisson_agrees_with_garwood() {
        // Garwood 1936: 10 events have 4.80 to 18.39, 3 have 0.62 to 8.77.
        for (events, low, high) in [(10.0, 4.80, 18.39), (3.0, 0.62, 8.77)] {
            let (lo, hi) = poisson_factors(events);
            assert!((lo * events - low).abs() < 0.1 && (hi * events - high).abs() < 0.1);
        }
        assert_eq!(poisson_factors(0.0).0, 0.0);
    }

    #[test]
    fn p_values_are_adjusted() {
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.5]);
        let expected = [0.04, 0.053_333, 0.053_333, 0.5];
        for (value, wanted) in adjusted.iter().zip(expected) {
            assert!((value - wanted).abs() < 1e-5, "{adjusted:?}");
        }
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn middles() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&mut [], 0.5), None);
        assert_eq!(quantile(&mut [1.0, 2.0, 3.0, 4.0, 5.0], 1.0), Some(5.0));
    }
}
