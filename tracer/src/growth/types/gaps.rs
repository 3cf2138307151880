//! Time in which nobody took the snapshots that were due. What came then and stayed is known, when is
//! not: it counts as if it had come evenly, in so few parts that one jump among them is no growth. How
//! much was born is not known at all, since nobody saw what died meanwhile.

use super::super::survival::Thirds;
use crate::model::{Amount, Cohort};

/// A period is a gap when it is longer than each of its neighbours by this factor. Where old snapshots
/// were thinned out, neighbours differ by two.
const LONGER: f64 = 3.0;
/// Parts of a gap. Four events, all upwards, come by chance once in sixteen times: no suspicion.
const PARTS: u64 = 4;

/// The periods with their gaps divided, of which nothing counts as born.
pub fn divided(periods: &[Cohort]) -> Vec<Cohort> {
    let of = |at: usize| match is_gap(periods, at) {
        true => (0..PARTS).map(|part| part_of(&periods[at], part)).collect(),
        false => vec![periods[at]],
    };
    (0..periods.len()).flat_map(of).collect()
}

/// Shares of what was born that still lives, by thirds of the time without gaps.
pub fn thirds(periods: &[Cohort]) -> Thirds {
    let (mut seen, mut gone) = (Vec::with_capacity(periods.len()), 0.0);
    for period in periods {
        match is_unseen(period) {
            true => gone += period.to - period.from,
            false => {
                seen.push(Cohort { from: period.from - gone, to: period.to - gone, ..*period })
            }
        }
    }
    Thirds::from_cohorts(&seen)
}

/// How much faster grew what is retained in gaps than in the oldest third of the time before them;
/// `None` without gaps.
pub fn faster(periods: &[Cohort]) -> Option<f64> {
    let (first, gap) = (periods.first()?, periods.iter().find(|period| is_unseen(period))?);
    let oldest = first.from + (gap.from - first.from) / 3.0;
    let rate = |of: &dyn Fn(&Cohort) -> bool| {
        let (mut live, mut seconds) = (0.0, 0.0);
        for period in periods.iter().filter(|period| of(period)) {
            live += period.live.count as f64;
            seconds += period.to - period.from;
        }
        live / seconds
    };
    let ratio = rate(&is_unseen) / rate(&|period| period.from < oldest);
    (!ratio.is_nan()).then_some(ratio)
}

/// Whether it is a part of a gap: nothing else keeps more than was born.
fn is_unseen(period: &Cohort) -> bool {
    period.live.count > period.allocated.count
}

fn is_gap(periods: &[Cohort], at: usize) -> bool {
    let length = |at: usize| periods.get(at).map(|period| period.to - period.from);
    let before = at.checked_sub(1).and_then(length);
    let longest = before.into_iter().chain(length(at + 1)).reduce(f64::max);
    length(at).zip(longest).is_some_and(|(own, longest)| own > LONGER * longest)
}

fn part_of(whole: &Cohort, part: u64) -> Cohort {
    let at = |part: u64| whole.from + (whole.to - whole.from) * part as f64 / PARTS as f64;
    let count = whole.live.count / PARTS + u64::from(part < whole.live.count % PARTS);
    Cohort {
        from: at(part),
        to: at(part + 1),
        allocated: Amount::default(),
        live: Amount { bytes: 0, count },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periods(edges: &[f64]) -> Vec<Cohort> {
        let count = |count| Amount { bytes: 0, count };
        let period = |pair: &[f64]| Cohort {
            from: pair[0],
            to: pair[1],
            allocated: count(10),
            live: count(6),
        };
        edges.windows(2).map(period).collect()
    }

    #[test]
    fn what_is_much_longer_than_its_neighbours_is_divided() {
        let all = divided(&periods(&[0.0, 10.0, 20.0, 80.0, 90.0]));
        let starts: Vec<f64> = all.iter().map(|period| period.from).collect();
        assert_eq!(starts, [0.0, 10.0, 20.0, 35.0, 50.0, 65.0, 80.0]);
        let born: Vec<u64> = all.iter().map(|period| period.allocated.count).collect();
        assert_eq!(born, [10, 10, 0, 0, 0, 0, 10]);
        let live: Vec<u64> = all.iter().map(|period| period.live.count).collect();
        assert_eq!(live, [6, 6, 2, 2, 1, 1, 6]);
        assert_eq!(thirds(&all).born_count, [10.0; 3]);
        assert!(faster(&all).is_some_and(|faster| (faster - 1.0 / 6.0).abs() < 1e-9));
        assert_eq!(divided(&periods(&[0.0, 90.0])).len(), 1, "nothing to compare with");
    }

    #[test]
    fn thinned_out_snapshots_leave_no_gap() {
        let edges = [0.0, 80.0, 160.0, 200.0, 240.0, 260.0, 280.0, 290.0, 300.0];
        assert_eq!(divided(&periods(&edges)).len(), 8);
    }
}
