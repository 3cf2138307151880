//! Whether chance explains that old objects have a value of a field more often than new ones.
//!
//! Fisher's exact test: were the value independent of age, the number of old objects among those that have it
//! would be hypergeometric. Its upper tail is multiplied by the number of values of fields that were compared for
//! the type, and by the types (Bonferroni): the chance that any of them differs so by chance is smaller than
//! [`CHANCE`]. Objects that come together have values together, so tests of single objects are too sure; a
//! value must therefore also hold at two snapshots in a row, with other new objects each time.

use super::statistics::ln_gamma;
use crate::model::FieldContrast;

/// Types whose fields are compared at a snapshot, at most.
const TYPES: f64 = 32.0;
/// Of reports on programs in which age changes nothing, no more may say that it does.
const CHANCE: f64 = 1e-3;

/// Whether the difference is too large for chance.
pub fn is_significant(found: &FieldContrast) -> bool {
    let compared = found.compared.max(1) as f64;
    tail(found.old, found.young) * compared * TYPES < CHANCE
}

/// The chance of so many or more old ones among those with the value, were it independent of age.
fn tail([old_with, old]: [u64; 2], [young_with, young]: [u64; 2]) -> f64 {
    let with = old_with.saturating_add(young_with);
    let all = old.saturating_add(young);
    // Samples are small; numbers that a damaged recording makes up are none.
    const MOST: u64 = 1 << 16;
    if all == 0 || all > MOST || old_with > old || young_with > young {
        return 1.0;
    }
    let ways = choose(all, with);
    let most = old.min(with);
    (old_with..=most)
        .filter(|of_old| with - of_old <= young)
        .map(|of_old| (choose(old, of_old) + choose(young, with - of_old) - ways).exp())
        .sum::<f64>()
        .min(1.0)
}

/// The logarithm of the number of ways to choose some of all.
fn choose(all: u64, some: u64) -> f64 {
    let factorial = |number: u64| ln_gamma(number as f64 + 1.0);
    factorial(all) - factorial(some) - factorial(all - some)
}

#[cfg(test)]
mod tests {
    use super::super::types::Random;
    use super::*;

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9 + 1e-6 * expected
    }

    /// The lady tasting tea, and tables of which the tail is known.
    #[test]
    fn fisher_agrees_with_known_tables() {
        assert!(close(tail([4, 4], [0, 4]), 1.0 / 70.0));
        assert!(close(tail([3, 4], [1, 4]), 17.0 / 70.0));
        assert!(close(tail([0, 9], [0, 5]), 1.0) && close(tail([9, 9], [5, 5]), 1.0));
        assert!(tail([256, 256], [0, 256]) < 1e-100);
        assert!(close(tail([5, 3], [0, 4]), 1.0), "no table");
        assert!(close(tail([u64::MAX, u64::MAX], [0, 1]), 1.0), "no sample");
    }

    fn contrast(old: [u64; 2], young: [u64; 2], compared: u64) -> FieldContrast {
        FieldContrast { old, young, compared, ..FieldContrast::default() }
    }

    #[test]
    fn few_objects_and_many_fields_prove_nothing() {
        assert!(is_significant(&contrast([20, 20], [0, 10], 20)));
        assert!(!is_significant(&contrast([20, 20], [0, 3], 20)), "three new ones");
        assert!(!is_significant(&contrast([20, 20], [0, 5], 4_000)), "one of thousands");
        assert!(!is_significant(&contrast([240, 256], [85, 90], 20)), "both alike");
    }

    /// Values that have nothing to do with age, ten thousand fields of them: none is told.
    #[test]
    fn chance_is_not_told() {
        let mut random = Random::new(3);
        let told = (0..10_000).filter(|_| {
            let share = random.share();
            let mut draw = |of: u64| (0..of).filter(|_| random.share() < share).count() as u64;
            is_significant(&contrast([draw(200), 200], [draw(40), 40], 20))
        });
        assert_eq!(told.count(), 0);
    }
}
