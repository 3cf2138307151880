//! Containers of Python objects that grew while they were watched.

use std::cmp::Ordering;

use serde::Serialize;

use super::stack::CallStack;

/// A list, dict, set or the like that grew from snapshot to snapshot. `S` says how sites are named: by their keys
/// while they are recorded, by what a reader of the document sees of them there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrownContainer<S = GrowthSite> {
    /// Its type.
    pub name: String,
    /// The path of references that leads to it from a root, in the shape of
    /// [`TypeRetainer::path`](super::TypeRetainer::path); empty where none was found.
    pub path: Vec<(String, Option<String>)>,
    /// Seconds since the start of the recording, and its items (bytes, of a buffer) then: one for each snapshot
    /// that saw it with enough of them, in order.
    pub lengths: Vec<(f64, u64)>,
    /// Types of what it refers to, most frequent first, with how many there were in a sample.
    pub items: Vec<(String, u64)>,
    /// Sites that made its table when that grew, most frequent first, with how many times they did. What grew before the first snapshot, or between two of them more than once, is not
    /// counted.
    pub grown_by: Vec<(S, u64)>,
    /// The limit that it declares.
    pub bound: Option<DeclaredBound>,
    /// Items that its table had room for at the last snapshot: with more it grows. `None` where that is not known.
    pub room: Option<u64>,
    /// Of one on the path of what grows, the containers in it, where those have the objects.
    pub below: Option<ContainersBelow>,
}

/// Containers of one type in another: its values, or an attribute of each of its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ContainersBelow {
    /// Their type: data from outside.
    #[serde(rename = "type")]
    pub class: String,
    /// The attribute by which the items have them: data from outside; `None` where they are the items.
    pub attribute: Option<String>,
    /// How many.
    pub count: u64,
    /// Items in all of them, at the last snapshot.
    pub items: u64,
    /// Items in the one with most.
    pub largest: u64,
    /// The limits that they declare, all in all; `None` where not each of them has one.
    pub bound: Option<DeclaredBound>,
}

impl ContainersBelow {
    /// Fewest.
    const LEAST: u64 = 2;

    /// Whether there are several, and the objects are not nearly all in one. Each may hold as many as its limit allows.
    pub fn share(&self) -> bool {
        let is_even = 3 * (self.largest / 2) <= self.items;
        self.count >= Self::LEAST && (self.bound.is_some() || is_even)
    }

    /// What declares the limits of so many: `deque.maxlen of 400 deques`.
    pub fn kind_of_bounds(kind: &str, count: u64, class: &str) -> String {
        format!("{kind} of {count} {}", plural(last_name(class), count))
    }

    /// `deques`
    pub fn name(&self) -> String {
        plural(last_name(&self.class), self.count)
    }
}

fn last_name(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

fn plural(name: &str, count: u64) -> String {
    format!("{name}{}", if count == 1 { "" } else { "s" })
}

/// A limit that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredBound {
    /// What declares it, such as `lru_cache`: data from outside.
    pub kind: String,
    /// At most so many; `None` where it says that there is no limit.
    pub limit: Option<u64>,
    /// In it now.
    pub used: u64,
}

/// Between a number and the function in whose code it limits a container.
const IN_CODE: &str = " in the code of ";

impl DeclaredBound {
    /// The kind of a limit that the code of a function enforces: the number by its name, or as it stands there.
    pub fn in_code(number: &str, function: &str) -> String {
        format!("{number}{IN_CODE}{function}")
    }

    /// Whether it has as many items as its limit allows now.
    #[allow(clippy::cast_precision_loss, reason = "lengths are far below 2⁵³")]
    pub fn has_reached(items: u64, limit: u64) -> bool {
        /// A cache that takes some out when it is full has not always as many as it may.
        const FULL: f64 = 0.95;
        items <= limit && items as f64 >= FULL * limit as f64
    }

    /// Whether its kind is such a one.
    pub fn is_in_code(&self) -> bool {
        self.kind.contains(IN_CODE)
    }
}

/// A site that made a container grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrowthSite {
    /// As [`Site::id`](super::Site::id).
    pub id: String,
    /// As [`Site::stack`](super::Site::stack).
    pub stack: CallStack,
}

impl<S> GrownContainer<S> {
    /// The same with other names of sites; those without one are left out.
    pub fn rename<T>(&self, name: impl Fn(&S) -> Option<T>) -> GrownContainer<T> {
        GrownContainer {
            name: self.name.clone(),
            path: self.path.clone(),
            lengths: self.lengths.clone(),
            items: self.items.clone(),
            bound: self.bound.clone(),
            room: self.room,
            below: self.below.clone(),
            grown_by: self
                .grown_by
                .iter()
                .filter_map(|(site, n)| Some((name(site)?, *n)))
                .collect(),
        }
    }

    /// The path without types.
    pub fn words(&self) -> Vec<String> {
        self.path.iter().map(|(words, _)| words.clone()).collect()
    }

    /// Whether it is a buffer, of which bytes are counted.
    pub fn is_buffer(&self) -> bool {
        matches!(self.name.as_str(), "bytearray" | "_io.BytesIO")
    }

    /// Items at the last snapshot.
    pub fn items_now(&self) -> u64 {
        self.lengths.last().map_or(0, |last| last.1)
    }

    /// Since when it has grown no more, seconds since the start of the recording: it never had more items afterwards, at two
    /// snapshots or more, and for longer than it took otherwise to grow. `None` where it grew to the end, or nobody can tell.
    pub fn stands_since(&self) -> Option<f64> {
        /// Snapshots after that with most items.
        const AFTER: usize = 2;
        /// Times of what it took from one growth to the next.
        const LONGER: f64 = 1.5;
        let lengths = &self.lengths;
        let most = lengths.iter().map(|(_, items)| *items).max()?;
        let full = lengths.iter().position(|(_, items)| *items == most)?;
        let (first, since, last) = (lengths.first()?.0, lengths[full].0, lengths.last()?.0);
        let before = &lengths[..=full];
        let growths = (1..before.len())
            .filter(|at| before[..*at].iter().all(|(_, items)| *items < before[*at].1))
            .count();
        // Growths are far below 2⁵³.
        #[allow(clippy::cast_precision_loss, reason = "see above")]
        let each = (since - first) / growths.max(1) as f64;
        let (rises, falls) = turns(&lengths[full..]);
        let rests = lengths.len() - 1 - full >= AFTER && last - since > LONGER * each;
        (rests && rises <= falls).then_some(since)
    }

    /// At how many of the snapshots after the first it had more items than at the one before, and how many
    /// those are.
    pub fn rises(&self) -> (usize, usize) {
        (turns(&self.lengths).0, self.lengths.len().saturating_sub(1))
    }

    /// Items an hour, from the first to the last snapshot; `None` where there was one only.
    pub fn items_per_hour(&self) -> Option<f64> {
        let (first, last) = (self.lengths.first()?, self.lengths.last()?);
        let hours = (last.0 - first.0) / 3600.0;
        // Lengths are far below 2⁵³.
        #[allow(clippy::cast_precision_loss, reason = "see above")]
        let grown = last.1 as f64 - first.1 as f64;
        (hours > 0.0).then(|| grown / hours)
    }
}

/// How often lengths rose and fell from one to the next.
pub fn turns(lengths: &[(f64, u64)]) -> (usize, usize) {
    let count =
        |order| lengths.windows(2).filter(|pair| pair[1].1.cmp(&pair[0].1) == order).count();
    (count(Ordering::Greater), count(Ordering::Less))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_counted_from_snapshot_to_snapshot() {
        let lengths = vec![(0.0, 300), (30.0, 350), (60.0, 350), (90.0, 400)];
        let grown = GrownContainer::<u64> { lengths, ..GrownContainer::default() };
        assert_eq!((grown.rises(), grown.items_now()), ((2, 3), 400));
        assert_eq!(grown.items_per_hour(), Some(4000.0));
        assert_eq!(GrownContainer::<u64>::default().items_per_hour(), None);
    }

    #[test]
    fn what_grows_no_more_stands_still() {
        let stands = |lengths: &[u64]| {
            let lengths = (0_u32..).zip(lengths).map(|(t, items)| (f64::from(t), *items)).collect();
            GrownContainer::<u64> { lengths, ..GrownContainer::default() }.stands_since()
        };
        assert_eq!(stands(&[9000, 9000, 9000]), Some(0.0));
        assert_eq!(stands(&[300, 600, 900, 900, 900]), Some(2.0));
        assert_eq!(stands(&[300, 900, 899, 900, 898, 899]), Some(1.0));
        assert_eq!(stands(&[300, 600, 900, 900]), None, "one snapshot is too few");
        assert_eq!(stands(&[300, 400, 500, 600]), None);
        assert_eq!(stands(&[300, 300, 300, 400, 400, 400, 500, 500, 500]), None, "slowly");
        assert_eq!(stands(&[900, 600, 700, 800]), None, "it fills up again");
        assert_eq!(stands(&[]), None);
    }
}
