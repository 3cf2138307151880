//! Which references of a path are told, where there is no room for all.

/// One of the references that are told, or how many are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The reference at this place.
    One(usize),
    /// So many are left out.
    More(usize),
}

/// About `most` of `count` references, in their order: those that `decides` says may be the one that should have been
/// let go, before those nearest to either end. Those that decide are at most as many again.
pub fn chosen(count: usize, most: usize, decides: impl Fn(usize) -> bool) -> Vec<Chosen> {
    if count <= most {
        return (0..count).map(Chosen::One).collect();
    }
    let mut told = vec![false; count];
    let mut left = most;
    // 0, the last, 1, the last but one, …
    let from_ends = || (0..count).map(|n| if n % 2 == 0 { n / 2 } else { count - 1 - n / 2 });
    for at in from_ends().filter(|at| decides(*at)).take(most.max(1)) {
        told[at] = true;
        left = left.saturating_sub(1);
    }
    // What it begins and ends with is always told.
    for (number, at) in from_ends().enumerate() {
        if !told[at] && (left > 0 || number < 2) {
            told[at] = true;
            left = left.saturating_sub(1);
        }
    }
    let mut chosen = Vec::new();
    for run in runs(&told) {
        match run {
            // A line that says that one is left out is no shorter.
            (at, 1, _) => chosen.push(Chosen::One(at)),
            (at, length, true) => chosen.extend((at..at + length).map(Chosen::One)),
            (_, length, false) => chosen.push(Chosen::More(length)),
        }
    }
    chosen
}

/// Runs of the same: where each begins, how long it is, and what it is of.
fn runs(told: &[bool]) -> Vec<(usize, usize, bool)> {
    let mut at = 0;
    let runs = told.chunk_by(|a, b| a == b).map(|run| {
        let begin = at;
        at += run.len();
        (begin, run.len(), run[0])
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Chosen::{More, One};
    use super::*;

    #[test]
    fn what_decides_is_told_before_the_ends() {
        assert_eq!(chosen(3, 3, |_| false), [One(0), One(1), One(2)]);
        assert_eq!(chosen(9, 2, |_| false), [One(0), More(7), One(8)]);
        assert_eq!(chosen(9, 2, |at| at == 4), [One(0), More(3), One(4), More(3), One(8)]);
        assert_eq!(chosen(4, 3, |_| false), [One(0), One(1), One(2), One(3)], "one is no gap");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(count in 0_usize..80, most in 0_usize..20, deciding: u128) {
            let decides = |at: usize| deciding >> (at % 128) & 1 == 1;
            let all = chosen(count, most, decides);
            let lengths = all.iter().map(|one| match one { One(_) => 1, More(length) => *length });
            prop_assert_eq!(lengths.sum::<usize>(), count);
            let places: Vec<usize> = all.iter().filter_map(|one| match one { One(at) => Some(*at), More(_) => None }).collect();
            prop_assert!(places.is_sorted());
            prop_assert!(places.len() <= 4 * most + 8);
            prop_assert!(count == 0 || places.contains(&0) && places.contains(&(count - 1)));
        }
    }
}
