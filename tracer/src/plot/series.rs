//! Points of a line: only sound numbers, in order, and no more than can be seen.

/// A time in seconds, and a value.
pub type Sample = (f64, f64);

/// Later or earlier than this is no time of a recording.
const LONGEST: f64 = 1e12;

/// Whether `t` can be a time in a recording.
pub fn is_time(t: f64) -> bool {
    t.is_finite() && t.abs() <= LONGEST
}

/// The range of time of a picture: from the start of the capture to the end of what is known.
pub fn range(seconds: f64, times: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut from, mut to) = (0.0_f64, if is_time(seconds) { seconds.max(0.0) } else { 0.0 });
    for t in times.filter(|t| is_time(*t)) {
        from = from.min(t);
        to = to.max(t);
    }
    // A moment has no width; a second around it does, at any size of numbers.
    if to - from < 1e-3 { (from, from + 1.0) } else { (from, to) }
}

/// Positions in `samples` of those to draw, in the order of time: all, when they are few; else for
/// each of `columns` equal parts of the time its first, lowest, highest and last.
pub fn visible(samples: &[Sample], columns: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples.len())
        .filter(|at| is_time(samples[*at].0) && samples[*at].1.is_finite())
        .collect();
    order.sort_by(|a, b| samples[*a].0.total_cmp(&samples[*b].0));
    let columns = columns.max(1);
    let (Some(first), Some(last)) = (order.first(), order.last()) else { return order };
    if order.len() <= 4 * columns {
        return order;
    }
    let (from, to) = (samples[*first].0, samples[*last].0);
    let column = |at: &usize| {
        let share = (samples[*at].0 - from) / (to - from).max(f64::MIN_POSITIVE);
        (share * columns as f64).floor()
    };
    order.chunk_by(|a, b| column(a) == column(b)).flat_map(|part| ends(part, samples)).collect()
}

/// First, lowest, highest and last of `part`, without repeats, in its order.
fn ends(part: &[usize], samples: &[Sample]) -> Vec<usize> {
    let value = |at: &usize| samples[part[*at]].1;
    let positions = || 0..part.len();
    let lowest = positions().min_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0);
    let highest = positions().max_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0);
    let mut kept = vec![0, lowest, highest, part.len() - 1];
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|at| part[at]).collect()
}

/// The sum of several series, each of which keeps its value until its next point.
pub fn sum(series: &[Vec<Sample>]) -> Vec<Sample> {
    let mut changes: Vec<(f64, usize, f64)> = Vec::new();
    for (index, samples) in series.iter().enumerate() {
        let sound = samples.iter().filter(|(t, value)| is_time(*t) && value.is_finite());
        changes.extend(sound.map(|(t, value)| (*t, index, *value)));
    }
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut now = vec![0.0; series.len()];
    let mut out: Vec<Sample> = Vec::new();
    for at_once in changes.chunk_by(|a, b| a.0 == b.0) {
        for (_, index, value) in at_once {
            now[*index] = *value;
        }
        out.push((at_once[0].0, now.iter().sum()));
    }
    out
}

/// The median of `values`; `None` of none.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(values[middle - 1].midpoint(upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_survive() {
        let mut samples: Vec<Sample> = (0..100_000).map(|t| (f64::from(t), 1.0)).collect();
        samples[54_321].1 = 99.0;
        samples[12_345].1 = -99.0;
        let kept = visible(&samples, 500);
        assert!(kept.len() <= 2_004, "{}", kept.len());
        assert!(kept.contains(&54_321) && kept.contains(&12_345));
        assert!(kept.is_sorted() && kept[0] == 0 && kept.last() == Some(&99_999));
    }

    #[test]
    fn only_sound_points_in_order() {
        let samples = [(2.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (0.0, 5.0), (1e13, 0.0)];
        assert_eq!(visible(&samples, 10), [3, 0]);
        assert_eq!(visible(&[], 10), [0; 0]);
    }

    #[test]
    fn sums_keep_what_did_not_change() {
        let sum = sum(&[vec![(0.0, 1.0), (2.0, 3.0)], vec![(1.0, 10.0), (2.0, 20.0)]]);
        assert_eq!(sum, [(0.0, 1.0), (1.0, 11.0), (2.0, 23.0)]);
    }

    #[test]
    fn a_moment_has_a_range() {
        assert_eq!(range(f64::NAN, [].into_iter()), (0.0, 1.0));
        assert_eq!(range(60.0, [70.0, f64::INFINITY].into_iter()), (0.0, 70.0));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, f64::NAN, 2.0]), Some(2.0));
        assert_eq!(median(vec![1.0, 2.0]), Some(1.5));
        assert_eq!(median(Vec::new()), None);
    }
}
