//! Which shape growth has: none, linear, in steps, towards a plateau. By the Bayesian information
//! criterion (Schwarz 1978) of its increments, since those are independent and the sums are not.

use super::slope::Increment;
use super::statistics::{Z95, at_share};
use crate::model::{Interval, Model};

/// Time constants that are tried for growth towards a plateau, relative to the time watched.
const TAUS: usize = 24;
const TAU_LEAST: f64 = 1.0 / 30.0;
const TAU_MOST: f64 = 4.0;

/// The shapes tried, and what the saturating one says.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The best one.
    pub model: Model,
    /// By how much each is worse than the linear one; negative where it is better.
    pub over_linear: Vec<(Model, f64)>,
    /// What will have been kept in the end, for growth towards a plateau, counted from the
    /// beginning of the increments.
    pub plateau: Option<Interval>,
    /// Seconds in which that growth falls to 37 %.
    pub tau: f64,
}

impl Shape {
    /// How much worse this shape is than the linear one.
    pub fn worse(&self, model: Model) -> Option<f64> {
        self.over_linear.iter().find(|(other, _)| *other == model).map(|(_, worse)| *worse)
    }
}

/// Nothing tried.
pub fn untried() -> Shape {
    Shape { model: Model::Constant, over_linear: Vec::new(), plateau: None, tau: 0.0 }
}

/// Chooses among constant, linear and saturating. `least_variance` is the variance per second that
/// counting alone makes; without it, growth without any noise would decide by rounding errors.
pub fn choose(increments: &[Increment], least_variance: f64) -> Shape {
    let n = increments.len() as f64;
    let seconds: f64 = increments.iter().map(|increment| increment.seconds).sum();
    let amount: f64 = increments.iter().map(|increment| increment.amount).sum();
    let criterion = |mean: &dyn Fn(usize) -> f64, parameters: f64| {
        let squares: f64 = increments
            .iter()
            .enumerate()
            .map(|(index, increment)| (increment.amount - mean(index)).powi(2) / increment.seconds)
            .sum();
        n * (squares / n + 0.05 * least_variance + f64::MIN_POSITIVE).ln() + parameters * n.ln()
    };
    if increments.len() < 3 || amount <= 0.0 {
        let over_linear = vec![(Model::Constant, 0.0)];
        return Shape { model: Model::Constant, over_linear, plateau: None, tau: 0.0 };
    }
    let linear = criterion(&|index| amount / seconds * increments[index].seconds, 2.0);
    let constant = criterion(&|_| 0.0, 1.0) - linear;
    let mut best = Saturating { worse: f64::INFINITY, plateau: 0.0, tau: 0.0 };
    for tau in taus(seconds) {
        let (shares, plateau) = fit(increments, tau);
        let worse = criterion(&|index| plateau * shares[index], 3.0) - linear;
        if plateau > 0.0 && worse < best.worse {
            best = Saturating { worse, plateau, tau };
        }
    }
    let over_linear = vec![(Model::Constant, constant), (Model::Saturating, best.worse)];
    let model = match () {
        () if constant < 0.0 && constant < best.worse => Model::Constant,
        () if best.worse < -6.0 => Model::Saturating,
        () => Model::Linear,
    };
    let plateau = (model == Model::Saturating).then(|| best.interval(increments));
    Shape { model, over_linear, plateau, tau: best.tau }
}

/// The best fit of growth towards a plateau.
struct Saturating {
    worse: f64,
    plateau: f64,
    tau: f64,
}

impl Saturating {
    /// The plateau with its 95 % interval, by the weighted residuals round the fit.
    fn interval(&self, increments: &[Increment]) -> Interval {
        let (shares, _) = fit(increments, self.tau);
        let (mut squares, mut weight) = (0.0, 0.0);
        for (increment, share) in increments.iter().zip(&shares) {
            squares += (increment.amount - self.plateau * share).powi(2) / increment.seconds;
            weight += share * share / increment.seconds;
        }
        let half = Z95 * (squares / (increments.len() as f64 - 2.0).max(1.0) / weight).sqrt();
        Interval { lo: (self.plateau - half).max(0.0), est: self.plateau, hi: self.plateau + half }
    }
}

fn taus(seconds: f64) -> impl Iterator<Item = f64> {
    (0..TAUS).map(move |step| {
        let share = step as f64 / (TAUS - 1) as f64;
        seconds * TAU_LEAST * (TAU_MOST / TAU_LEAST).powf(share)
    })
}

/// The share of a plateau that falls into each period, and the plateau of least weighted squares.
fn fit(increments: &[Increment], tau: f64) -> (Vec<f64>, f64) {
    let mut at = 0.0;
    let (mut product, mut square) = (0.0, 0.0);
    let shares: Vec<f64> = increments
        .iter()
        .map(|increment| {
            let end = at + increment.seconds;
            let share = (-at / tau).exp() - (-end / tau).exp();
            at = end;
            product += increment.amount * share / increment.seconds;
            square += share * share / increment.seconds;
            share
        })
        .collect();
    (shares, if square > 0.0 { product / square } else { 0.0 })
}

/// Growth at single moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// How many.
    pub count: u64,
    /// By how much it is worse than linear growth; negative where better.
    pub worse: f64,
}

/// Whether growth at single moments explains `changes` (seconds, change of what is live) better
/// than the same growth in each of `ticks` moments; `None` where it is no growth in steps at all.
pub fn steps(changes: &[(f64, f64)], ticks: f64, tick: f64) -> Option<Steps> {
    let n = changes.len() as f64;
    let downwards = changes.iter().filter(|(_, change)| *change < 0.0).count() as f64;
    if changes.len() < 3 || n > 0.25 * ticks || downwards > 0.1 * n {
        return None;
    }
    let count =
        1 + changes.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 3.0 * tick).count() as u64;
    if count < 3 {
        return None;
    }
    let sum: f64 = changes.iter().map(|(_, change)| change).sum();
    let squares: f64 = changes.iter().map(|(_, change)| change * change).sum();
    // Likelihoods of whole bytes: of a step by chance and its size, and of a normal change in each
    // tick.
    let likelihood = |count: f64, variance: f64| -0.5 * count * (17.08 * variance.max(1.0)).ln();
    let (p, size) = (n / ticks, sum / n);
    let in_steps =
        n * p.ln() + (ticks - n) * (1.0 - p).ln() + likelihood(n, squares / n - size * size);
    let each = sum / ticks;
    let linear = likelihood(ticks, squares / ticks - each * each);
    Some(Steps { count, worse: -2.0 * (in_steps - linear) + ticks.ln() })
}

/// The rate of the last third of the time relative to that of all of it.
pub fn last_third(increments: &[Increment]) -> f64 {
    let seconds: f64 = increments.iter().map(|increment| increment.seconds).sum();
    let amount: f64 = increments.iter().map(|increment| increment.amount).sum();
    let (mut late, mut time) = (0.0, 0.0);
    for increment in increments.iter().rev() {
        if time >= seconds / 3.0 {
            break;
        }
        time += increment.seconds;
        late += increment.amount;
    }
    if time > 0.0 && amount > 0.0 { late / time / (amount / seconds) } else { 0.0 }
}

/// Thins a series to at most `most` points, evenly by index, the last one included.
pub fn thinned<T: Copy>(points: &[T], most: usize) -> Vec<T> {
    if points.len() <= most {
        return points.to_vec();
    }
    let at = |step: usize| at_share(points.len(), step as f64 / (most - 1) as f64).unwrap_or(0);
    (0..most).map(|step| points[at(step)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(total: impl Fn(f64) -> f64) -> Vec<Increment> {
        (0..24)
            .map(|step| {
                let (from, to) = (f64::from(step) * 10.0, f64::from(step + 1) * 10.0);
                // A little noise that a test can repeat.
                let noise = 0.02 * f64::from((step * 7919) % 13 - 6) / 6.0;
                let amount = (total(to) - total(from)) * (1.0 + noise);
                Increment { seconds: 10.0, amount, blocks: amount }
            })
            .collect()
    }

    #[test]
    fn shapes_are_told_apart() {
        assert_eq!(choose(&sampled(|t| 100.0 * t), 100.0).model, Model::Linear);
        assert_eq!(choose(&sampled(|_| 0.0), 1.0).model, Model::Constant);
        let shape = choose(&sampled(|t| 1e5 * (1.0 - (-t / 80.0).exp())), 100.0);
        assert_eq!(shape.model, Model::Saturating);
        let plateau = shape.plateau.expect("a plateau");
        assert!((plateau.est - 1e5).abs() < 5e3 && plateau.lo < 1.01e5, "{plateau:?}");
        assert!(shape.worse(Model::Constant).is_some_and(|worse| worse > 10.0));
    }

    #[test]
    fn steps_beat_a_line_only_when_there_are_some() {
        let at = |step: u32| (f64::from(step) * 1800.0, 40_960.0);
        let changes: Vec<_> = (1..9).map(at).collect();
        let steps = steps(&changes, 1440.0, 10.0).expect("steps");
        assert_eq!(steps.count, 8);
        assert!(steps.worse < -100.0);
        let dense: Vec<_> = (0..500).map(|step| (f64::from(step) * 10.0, 100.0)).collect();
        assert_eq!(super::steps(&dense, 500.0, 10.0), None);
        assert_eq!(super::steps(&[], 0.0, 10.0), None);
    }

    #[test]
    fn late_growth_is_compared() {
        assert!((last_third(&sampled(|t| t)) - 1.0).abs() < 0.05);
        assert!(last_third(&sampled(|t| 1.0 - (-t / 20.0).exp())) < 0.1);
        assert_eq!(last_third(&[]), 0.0);
    }

    #[test]
    fn thinning_keeps_the_ends() {
        let points: Vec<u32> = (0..1000).collect();
        let thin = thinned(&points, 10);
        assert_eq!((thin.len(), thin[0], thin[9]), (10, 0, 999));
    }
}
