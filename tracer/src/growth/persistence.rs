//! Whether growth goes on: its shape, its two halves, its last third, and whether what was born
//! early is still there as what was born late is. The same questions are asked of the blocks of a
//! stack and of the objects of a type.

use super::shape::{self, Shape};
use super::slope::{self, Increment, Slope};
use super::survival::Thirds;
use crate::model::Model;

/// Growth that goes on after warming up keeps this share of its rate at least, with a chance of 95
/// %.
const LASTS: f64 = 0.45;

/// How growth changed over the time that was watched.
#[derive(Clone, Debug)]
pub struct Persistence {
    /// Its shape.
    pub shape: Shape,
    /// Growth in the first and in the second half.
    pub halves: (Slope, Slope),
    /// Rate of the last third over that of all.
    pub last_third: f64,
    /// How what was born early compares with what was born late.
    pub flatness: Flatness,
}

/// How what was born early compares with what was born late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flatness {
    /// As much of the old still lives as of the young.
    Flat,
    /// Less.
    Falls,
    /// Too few blocks to say.
    Unclear,
}

impl Flatness {
    /// Compares the retention of the oldest third with that of the rest, in events of `cluster`
    /// blocks.
    pub fn of(thirds: &Thirds, cluster: f64) -> Self {
        let (born, retained) = (thirds.born_count, thirds.retained_count);
        let rest = (born[1] + born[2], (retained[1] + retained[2]) / cluster);
        if born[0] <= 0.0 || rest.0 <= 0.0 || rest.1 <= 0.0 {
            return Self::Unclear;
        }
        let expected = born[0] * rest.1 / rest.0;
        let old = retained[0] / cluster;
        let error = (expected + expected * expected / rest.1).sqrt();
        match () {
            () if old >= 0.7 * expected => Self::Flat,
            () if (old - expected) / error < -1.6 => Self::Falls,
            () => Self::Unclear,
        }
    }
}

impl Persistence {
    /// Of growth with these increments, of which `cluster` blocks are one event.
    pub fn measure(increments: &[Increment], cluster: f64, thirds: &Thirds) -> Self {
        let seconds: f64 = increments.iter().map(|increment| increment.seconds).sum();
        let noise: f64 = increments
            .iter()
            .map(|increment| increment.amount.powi(2) * cluster / increment.blocks.max(1.0))
            .sum();
        Self {
            shape: shape::choose(increments, noise / seconds.max(1.0)),
            halves: slope::halves(increments, cluster),
            last_third: shape::last_third(increments),
            flatness: Flatness::of(thirds, cluster),
        }
    }

    /// Before the shape, which costs most, was tried: growth as steady as its whole.
    pub fn untried(whole: Slope, cluster: f64, thirds: &Thirds) -> Self {
        Self {
            shape: shape::untried(),
            halves: (whole, whole),
            last_third: 1.0,
            flatness: Flatness::of(thirds, cluster),
        }
    }

    /// Rate of the second half over that of the first, and by how many standard errors it is lower.
    fn slowing(&self) -> (f64, f64) {
        let (first, second) = &self.halves;
        let error = first.error.hypot(second.error);
        let fall = first.per_hour.est - second.per_hour.est;
        let ratio = second.per_hour.est / first.per_hour.est.max(f64::MIN_POSITIVE);
        (ratio, if error > 0.0 { fall / error } else { 0.0 })
    }

    /// Whether it is slower now than it was.
    pub fn slows(&self) -> bool {
        let (ratio, errors) = self.slowing();
        (ratio < 0.9 && errors > 2.0) || self.last_third < 0.5
    }

    /// Whether it comes to its end: a plateau explains it best, and it is slower already.
    pub fn levels_off(&self) -> bool {
        let (_, errors) = self.slowing();
        self.shape.model == Model::Saturating && (self.last_third < 0.5 || errors > 1.64)
    }

    /// Whether hardly anything came in the last third.
    pub fn stopped(&self) -> bool {
        self.last_third < 0.02
    }

    /// Whether the second half is surely not much slower than the first, which few events cannot
    /// show.
    pub fn lasts(&self) -> bool {
        let (ratio, _) = self.slowing();
        let share = |half: &Slope| half.error / half.per_hour.est.max(f64::MIN_POSITIVE);
        let error = ratio * share(&self.halves.0).hypot(share(&self.halves.1));
        self.last_third > 0.8 && ratio - 1.64 * error > LASTS
    }

    /// Whether nothing speaks against growth for ever: the old is retained like the young, it is
    /// not slower than it was, a plateau explains it no better, and the second half shows it alone.
    pub fn is_steady(&self) -> bool {
        let saturates = self.shape.worse(Model::Saturating).is_some_and(|worse| worse < -2.0);
        let second = &self.halves.1;
        self.flatness == Flatness::Flat
            && !self.slows()
            && !saturates
            && second.per_hour.est > 1.3 * second.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(amounts: impl IntoIterator<Item = f64>, thirds: Thirds) -> Persistence {
        let increment = |amount| Increment { seconds: 600.0, amount, blocks: amount };
        let increments: Vec<Increment> = amounts.into_iter().map(increment).collect();
        Persistence::measure(&increments, 1.0, &thirds)
    }

    fn thirds(oldest: f64) -> Thirds {
        let retained_count = [oldest, 100.0, 100.0];
        Thirds { born_count: [200.0; 3], retained_count, ..Thirds::default() }
    }

    #[test]
    fn steady_growth_goes_on() {
        let amounts = || (0..30).map(|step| 100.0 + f64::from(step * 7919 % 13 - 6));
        let steady = measured(amounts(), thirds(100.0));
        assert!(steady.is_steady() && steady.lasts() && !steady.slows(), "{steady:?}");
        assert!(!steady.levels_off() && !steady.stopped());
        let freed = measured(amounts(), thirds(20.0));
        assert_eq!(freed.flatness, Flatness::Falls);
        assert!(!freed.is_steady(), "old ones go");
    }

    #[test]
    fn growth_towards_a_plateau_ends() {
        let amounts = (0..30).map(|step| (1000.0 * (-f64::from(step) / 3.0).exp()).round());
        let ends = measured(amounts, thirds(100.0));
        assert!(ends.levels_off() && ends.slows() && ends.stopped(), "{ends:?}");
        assert!(!ends.is_steady() && !ends.lasts());
    }

    #[test]
    fn few_births_say_nothing_about_old_and_young() {
        assert_eq!(Flatness::of(&Thirds::default(), 1.0), Flatness::Unclear);
        assert_eq!(Flatness::of(&thirds(100.0), 1.0), Flatness::Flat);
        assert_eq!(Flatness::of(&thirds(60.0), 100.0), Flatness::Unclear, "one event");
    }
}
