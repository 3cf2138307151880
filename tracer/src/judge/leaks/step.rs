//! Which types grow in step: of which the same number came at every snapshot for each of the other.

use crate::model::TypeGrowth;

/// Fewer that came at a snapshot, on average, are too few to compare by their numbers.
const FEW: f64 = 20.0;
/// Numbers that differ by no more than this share are the same.
const SAME: f64 = 0.05;

/// Whether as many objects of one came as of the other, times the same factor at every snapshot.
pub fn in_step(one: &TypeGrowth, other: &TypeGrowth) -> bool {
    let named = |a: &TypeGrowth, b: &TypeGrowth| a.together.iter().any(|(name, _)| *name == b.name);
    named(one, other) || named(other, one) || proportional(&births(one), &births(other))
}

/// How many more there were at each snapshot than at the one before.
fn births(found: &TypeGrowth) -> Vec<f64> {
    found.series.windows(2).map(|pair| pair[1].1 as f64 - pair[0].1 as f64).collect()
}

fn proportional(one: &[f64], other: &[f64]) -> bool {
    let (all, others): (f64, f64) = (one.iter().sum(), other.iter().sum());
    let least = FEW * one.len() as f64;
    if one.len() < 2 || one.len() != other.len() || all < least || others < least {
        return false;
    }
    let each = others / all;
    one.iter().zip(other).all(|(one, other)| {
        let expected = each * one;
        (other - expected).abs() <= SAME * expected.abs().max(other.abs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_factor_at_every_snapshot_is_in_step() {
        assert!(proportional(&[158.0, 200.0], &[7_312.0, 9_153.0]));
        assert!(!proportional(&[158.0, 200.0], &[160_000.0, 881.0]));
        assert!(!proportional(&[158.0, 200.0], &[7_312.0]), "other snapshots");
        assert!(!proportional(&[1.0, 1.0], &[46.0, 46.0]), "too few to tell");
        assert!(!proportional(&[300.0], &[300.0]), "one snapshot tells nothing");
        assert!(!proportional(&[50.0, f64::NAN], &[50.0, 50.0]));
    }
}
