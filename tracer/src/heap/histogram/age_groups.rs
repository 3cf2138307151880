//! Old and new objects of the types that grow.

use std::collections::HashMap;

use super::{HeapWatch, SeenObject};
use crate::model::{Address, TypeSeries};

/// Fewer old or new objects say nothing.
const FEW_OLD: u64 = 20;
const FEW_YOUNG: u64 = 3;
/// Most types of which objects are given.
const TYPES: usize = 300;

/// Objects of one type at the last snapshot, a sample evenly spread over their addresses.
#[derive(Clone, Debug, Default)]
pub struct AgeGroups {
    /// The type.
    pub class: String,
    /// Those that were there at the snapshot before, too.
    pub old: Vec<Address>,
    /// Those that were not.
    pub young: Vec<Address>,
}

/// Which of the objects of one type are taken.
struct Sample {
    age_groups: AgeGroups,
    every: [u64; 2],
    met: [u64; 2],
}

impl HeapWatch {
    /// Of the types that grew most in number, among those that are wanted: at most `most` old and as many new
    /// objects of each. Nothing where the last snapshot did not count.
    pub fn age_groups(&self, most: usize, is_wanted: impl Fn(&str) -> bool) -> Vec<AgeGroups> {
        if self.left_out {
            return Vec::new();
        }
        let mut growing: Vec<(u64, u32, &TypeSeries)> = (0..)
            .zip(&self.series)
            .filter_map(|(name, series)| Some((grown(series)?, name, series)))
            .filter(|(.., series)| is_wanted(&series.name))
            .collect();
        growing.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        growing.truncate(TYPES);
        let order: Vec<u32> = growing.iter().map(|(_, name, _)| *name).collect();
        let mut samples: HashMap<u32, Sample> =
            growing.into_iter().map(|(_, name, series)| (name, Sample::of(series, most))).collect();
        let last = self.snapshots.saturating_sub(1);
        for seen in &self.seen {
            if let Some(sample) = samples.get_mut(&seen.name) {
                sample.meet(seen, seen.first == last, most);
            }
        }
        let samples = order.iter().filter_map(|name| samples.remove(name));
        samples.map(|sample| sample.age_groups).collect()
    }
}

/// How many more there are than at the first snapshot, of a type that grows and has old and new objects.
fn grown(series: &TypeSeries) -> Option<u64> {
    let [first, .., before, last] = &series.points[..] else { return None };
    let has_both = last.retained_count >= FEW_OLD && last.born_count >= FEW_YOUNG;
    let grows = last.count > before.count && before.count >= first.count;
    (has_both && grows).then(|| last.count - first.count)
}

impl Sample {
    fn of(series: &TypeSeries, most: usize) -> Self {
        let last = series.points.last().copied().unwrap_or_default();
        let most = u64::try_from(most).unwrap_or(u64::MAX).max(1);
        let every = [last.retained_count, last.born_count].map(|count| count.div_ceil(most).max(1));
        let class = series.name.clone();
        Self { age_groups: AgeGroups { class, ..AgeGroups::default() }, every, met: [0; 2] }
    }

    fn meet(&mut self, seen: &SeenObject, is_young: bool, most: usize) {
        let at = usize::from(is_young);
        let AgeGroups { old, young, .. } = &mut self.age_groups;
        let into = if is_young { young } else { old };
        if self.met[at].is_multiple_of(self.every[at]) && into.len() < most {
            into.push(Address(seen.address));
        }
        self.met[at] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TypePoint;

    #[test]
    fn old_and_new_objects_are_given_of_what_grows() {
        let point = |count, born_count| TypePoint {
            count,
            born_count,
            retained_count: count - born_count,
            ..TypePoint::default()
        };
        let series = |name: &str, last| TypeSeries {
            name: name.into(),
            points: vec![point(100, 0), point(150, 50), last],
            survivors: Vec::new(),
        };
        let seen = |at: u64, name| SeenObject {
            address: 16 * at,
            name,
            first: if at < 150 { u32::from(at >= 100) } else { 2 },
        };
        let watch = HeapWatch {
            series: vec![series("app.Grows", point(200, 50)), series("app.Still", point(150, 50))],
            seen: (0..200).map(|at| seen(at, 0)).chain((500..600).map(|at| seen(at, 1))).collect(),
            snapshots: 3,
            ..HeapWatch::default()
        };
        let found = watch.age_groups(40, |_| true);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].old.len(), found[0].young.len()), (38, 25));
        assert!(found[0].old.contains(&Address(0)) && found[0].young.contains(&Address(16 * 150)));
        assert!(found[0].old.iter().all(|address| address.0 < 16 * 150));
        assert!(watch.age_groups(40, |name| name != "app.Grows").is_empty());
        let torn = HeapWatch { left_out: true, ..watch };
        assert!(torn.age_groups(40, |_| true).is_empty());
    }
}
