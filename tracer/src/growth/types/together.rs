//! Which types grow in step: those whose increments are proportional over the snapshots, or that
//! are born in equal numbers. Where one object holds others, all of them grow together, and only
//! one is the cause.

use super::trajectory::Trajectory;

/// Correlation of increments from which two types grow in step; stricter where there are few.
const IN_STEP: f32 = 0.9;
const IN_STEP_OF_FEW: f32 = 0.97;
/// Correlation from which one may still explain the other.
const LOOSE: f32 = 0.5;
/// Snapshots at which a type must have grown for its correlation to count.
const INCREMENTS: usize = 3;
/// Increments that differ by less than this share of their mean say nothing by their correlation.
const EVEN: f64 = 0.1;

/// What two types have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// They grow each on its own.
    None,
    /// They may have to do with each other.
    Loose,
    /// They grow in step.
    InStep,
}

/// What is compared of one type.
pub struct TypeSteps {
    /// Increments of the number of objects.
    counts: Increments,
    /// Objects born at each snapshot that are still there: without those that only came and went.
    retained: Increments,
    /// Objects born at each snapshot.
    births: Vec<u64>,
}

impl TypeSteps {
    /// Of a type.
    pub fn from_trajectory(trajectory: &Trajectory<'_>) -> Self {
        let points = &trajectory.series.points;
        let counts = points.windows(2).map(|pair| pair[1].count as f64 - pair[0].count as f64);
        // What the last snapshot saw is all still there, so it says no more than births.
        let inner = points.len().saturating_sub(1);
        let retained =
            trajectory.series.survivors.iter().take(inner).skip(1).map(|retained| *retained as f64);
        Self {
            counts: Increments::of(counts.collect()),
            retained: Increments::of(retained.collect()),
            births: points.iter().skip(1).map(|point| point.born_count).collect(),
        }
    }

    /// How much they go together.
    pub fn tie(&self, other: &Self) -> Tie {
        if self.births.len() != other.births.len() {
            return Tie::None;
        }
        let tie = self.retained.tie(&other.retained).max(self.counts.tie(&other.counts));
        if tie < Tie::InStep && self.born_alike(other) { Tie::InStep } else { tie }
    }

    fn born_alike(&self, other: &Self) -> bool {
        self.births == other.births
            && self.births.iter().filter(|births| **births > 0).count() >= 2
            && self.births.iter().fold(0, |sum: u64, births| sum.saturating_add(*births)) >= 3
    }
}

/// One sequence of increments.
enum Increments {
    /// Too few of them.
    Few,
    /// All about the same.
    Even,
    /// Less their mean, with a sum of squares of 1.
    Varied(Vec<f32>),
}

impl Increments {
    fn of(values: Vec<f64>) -> Self {
        let n = values.len() as f64;
        if values.iter().filter(|value| **value > 0.0).count() < INCREMENTS {
            return Self::Few;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        if (squares / n).sqrt() <= EVEN * mean.abs() {
            return Self::Even;
        }
        let length = squares.sqrt();
        // Three digits of a correlation are plenty.
        #[expect(clippy::cast_possible_truncation)]
        let unit = values.iter().map(|value| ((value - mean) / length) as f32).collect();
        Self::Varied(unit)
    }

    fn tie(&self, other: &Self) -> Tie {
        match (self, other) {
            (Self::Few, _) | (_, Self::Few) => Tie::None,
            (Self::Even, Self::Even) => Tie::InStep,
            (Self::Even, _) | (_, Self::Even) => Tie::Loose,
            (Self::Varied(a), Self::Varied(b)) => {
                let least = if a.len() < 6 { IN_STEP_OF_FEW } else { IN_STEP };
                match product(a, b) {
                    r if r > least => Tie::InStep,
                    r if r > LOOSE => Tie::Loose,
                    _ => Tie::None,
                }
            }
        }
    }
}

/// The scalar product, in eight sums side by side: it is made a million times.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let (a_parts, a_rest) = a.as_chunks::<8>();
    let (b_parts, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a_parts.iter().zip(b_parts) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// For each type, those that it has to do with, and how.
pub fn ties(trajectories: &[Trajectory<'_>]) -> Vec<Vec<(usize, Tie)>> {
    let paces: Vec<TypeSteps> = trajectories.iter().map(TypeSteps::from_trajectory).collect();
    let mut ties = vec![Vec::new(); paces.len()];
    for (index, pace) in paces.iter().enumerate() {
        for (later, other) in paces.iter().enumerate().skip(index + 1) {
            let tie = pace.tie(other);
            if tie > Tie::None {
                ties[index].push((later, tie));
                ties[later].push((index, tie));
            }
        }
    }
    ties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::types::samples::PretendedHeap;

    #[test]
    fn proportional_types_are_in_step_and_others_not() {
        let heap = PretendedHeap::new(40, 60.0);
        let session = |snapshot: u64| u64::from(snapshot % 4 == 1 || snapshot % 7 == 2);
        let series = [
            heap.series("Document", &|snapshot| (session(snapshot), session(snapshot)), 100),
            heap.series("Model", &|snapshot| (57 * session(snapshot), 57 * session(snapshot)), 100),
            heap.series("other", &|snapshot| (snapshot * 31 % 11, snapshot * 31 % 11), 100),
        ];
        let trajectories: Vec<Trajectory<'_>> =
            series.iter().filter_map(|series| Trajectory::measure(series, None)).collect();
        let ties = ties(&trajectories);
        assert!(ties[0].contains(&(1, Tie::InStep)) && ties[1].contains(&(0, Tie::InStep)));
        assert!(!ties[2].iter().any(|(_, tie)| *tie == Tie::InStep), "{ties:?}");
    }

    #[test]
    fn one_jump_in_common_is_no_step() {
        let heap = PretendedHeap::new(20, 60.0);
        let jump = |snapshot: u64| (u64::from(snapshot == 5), u64::from(snapshot == 5));
        let series = [heap.series("a", &jump, 100), heap.series("b", &jump, 100)];
        let trajectories: Vec<Trajectory<'_>> =
            series.iter().filter_map(|series| Trajectory::measure(series, None)).collect();
        assert!(ties(&trajectories).iter().all(Vec::is_empty));
    }

    #[test]
    fn products_have_all_their_terms() {
        let ones = vec![1.0_f32; 19];
        assert!((product(&ones, &ones) - 19.0).abs() < 1e-6);
    }
}
