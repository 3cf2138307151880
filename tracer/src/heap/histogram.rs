//! The heap histogram: objects counted by type, and followed from snapshot to snapshot.

mod age_groups;

use std::collections::HashMap;

pub use age_groups::AgeGroups;

use super::objects::{Heap, Sum};
use crate::model::{Address, TypeCount, TypePoint, TypeSeries};

/// Most types that are followed over time.
const TYPES: usize = 1 << 17;
/// Most values that are kept over all series, 56 bytes each.
const POINTS: usize = 1 << 22;
/// Most snapshots that are retained: then the older half of them is thinned out.
const SNAPSHOTS: u32 = 128;

/// A snapshot whose lists were torn missed many objects when there are fewer by this part.
const MISSED: usize = 10;

/// Objects by the name of their type, most bytes first, of a heap that was read with its sums.
pub fn histogram(heap: &Heap) -> Vec<TypeCount> {
    // Classes of one name are one type to a reader: a function that makes a class makes many.
    let mut types: HashMap<&str, TypeCount> = HashMap::new();
    for (class, &Sum { count, tracked, bytes }) in heap.classes.all().iter().zip(&heap.sums) {
        if count > 0 {
            let name = class.name.clone();
            let row = types.entry(&class.name);
            let row = row.or_insert(TypeCount { name, ..TypeCount::default() });
            row.count += count;
            row.tracked += tracked;
            row.bytes = row.bytes.saturating_add(bytes);
        }
    }
    let mut types: Vec<TypeCount> = types.into_values().collect();
    types.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    types
}

/// One object at one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SeenObject {
    address: u64,
    /// Number of the type's name.
    name: u32,
    /// The snapshot that saw it first.
    first: u32,
}

/// Since when an object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newness {
    /// The first snapshot saw it.
    Old,
    /// One of the first half did.
    Aged,
    /// Only later ones did.
    Young,
}

/// What several snapshots saw.
#[derive(Clone, Debug, Default)]
pub struct HeapWatch {
    names: HashMap<String, u32>,
    /// Of the last snapshot, by address.
    seen: Vec<SeenObject>,
    series: Vec<TypeSeries>,
    snapshots: u32,
    cut_short: bool,
    /// Whether the last snapshot did not count.
    left_out: bool,
    /// How many did not.
    torn: u32,
}

impl HeapWatch {
    /// Whether there were more types or snapshots than are kept.
    pub fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    /// How many snapshots did not count, because they missed many objects.
    pub fn torn(&self) -> u32 {
        self.torn
    }

    /// Takes a snapshot, `t` seconds after the first, with the types of [`histogram`]. One that missed
    /// many objects does not count: the next would take them for new ones.
    pub fn snapshot(&mut self, t: f64, heap: &Heap, types: &[TypeCount], collections: Option<u64>) {
        self.left_out = !self.left_out && self.is_torn(heap);
        if self.left_out {
            self.torn += 1;
            return;
        }
        if (self.series.len() + types.len()).saturating_mul(self.snapshots as usize + 1) > POINTS {
            self.cut_short = true;
            return;
        }
        let names: Vec<Option<u32>> =
            heap.classes.all().iter().map(|class| self.number(&class.name)).collect();
        let mut seen: Vec<SeenObject> = heap
            .objects
            .iter()
            .filter_map(|object| {
                let name = names[object.class.0 as usize]?;
                Some(SeenObject { address: object.address.0, name, first: self.snapshots })
            })
            .collect();
        seen.sort_unstable();
        self.recognise(&mut seen);
        self.enter(t, &seen, types, collections);
        self.seen = seen;
        self.snapshots += 1;
        if self.snapshots >= SNAPSHOTS {
            self.thin();
        }
    }

    /// Whether it has fewer objects than there were, and lists were torn.
    fn is_torn(&self, heap: &Heap) -> bool {
        let missed = self.seen.len().saturating_sub(heap.objects.len());
        heap.skipped.torn_lists > 0 && missed > self.seen.len() / MISSED
    }

    /// Since when the object at an address is there; [`Newness::Old`], too, where the last snapshot did not see it.
    pub fn newness(&self, address: Address) -> Newness {
        let found = self.seen.binary_search_by_key(&address.0, |seen| seen.address);
        match found.map_or(0, |at| self.seen[at].first) {
            0 => Newness::Old,
            first if first <= self.snapshots / 2 => Newness::Aged,
            _ => Newness::Young,
        }
    }

    /// Types that grew since the first snapshot, most bytes first, then those by most objects, then those that never
    /// shrank and grew most often: `most` of each.
    pub fn grown(&self, most: usize) -> Vec<String> {
        let grown = |of: fn(&TypePoint) -> u64| {
            let mut by: Vec<(u64, &str)> = self
                .series
                .iter()
                .filter_map(|series| {
                    let (first, last) = (series.points.first()?, series.points.last()?);
                    Some((of(last).saturating_sub(of(first)), series.name.as_str()))
                })
                .filter(|(grown, _)| *grown > 0)
                .collect();
            by.sort_by(|a, b| b.cmp(a));
            by.truncate(most);
            by
        };
        let mut names = Vec::new();
        let (bytes, counts) = (grown(|point| point.bytes), grown(|point| point.count));
        for (_, name) in bytes.into_iter().chain(counts).chain(self.steady(most)) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Types of which there never were fewer than before, those that grew most often first, then by most objects.
    fn steady(&self, most: usize) -> Vec<(u64, &str)> {
        let rises = |series: &TypeSeries| {
            let pairs = || series.points.windows(2).map(|pair| (pair[0].count, pair[1].count));
            let never_fell = pairs().all(|(before, after)| before <= after);
            let rises = pairs().filter(|(before, after)| before < after).count();
            never_fell.then_some(rises).filter(|rises| *rises > 0)
        };
        let mut steady: Vec<(usize, u64, &str)> = self
            .series
            .iter()
            .filter_map(|series| Some((rises(series)?, series.points.last()?.count, &*series.name)))
            .collect();
        steady.sort_by(|a, b| b.cmp(a));
        steady.truncate(most);
        steady.into_iter().map(|(_, count, name)| (count, name)).collect()
    }

    /// Makes one of every two snapshots of the older half; births between them are those of both.
    fn thin(&mut self) {
        let goes = |snapshot: usize| snapshot % 2 == 1 && snapshot < SNAPSHOTS as usize / 2;
        let snapshots = self.snapshots as usize;
        let mut moved = Vec::with_capacity(snapshots);
        let mut kept = 0_u32;
        for snapshot in 0..snapshots {
            moved.push(kept);
            kept += u32::from(!goes(snapshot));
        }
        for series in &mut self.series {
            for snapshot in
                (0..snapshots.min(series.points.len())).filter(|snapshot| goes(*snapshot))
            {
                let born = series.points[snapshot].born_count;
                if let Some(next) = series.points.get_mut(snapshot + 1) {
                    next.born_count = next.born_count.saturating_add(born);
                }
            }
            let mut snapshot = 0;
            series.points.retain(|_| {
                snapshot += 1;
                !goes(snapshot - 1)
            });
        }
        for seen in &mut self.seen {
            seen.first = moved.get(seen.first as usize).copied().unwrap_or(0);
        }
        self.snapshots = kept;
    }

    /// When it looked, and the full collections until then.
    pub fn times(&self) -> Vec<(f64, Option<u64>)> {
        let points = self.series.first().map_or(&[][..], |first| &first.points);
        points.iter().map(|point| (point.t, point.collections)).collect()
    }

    /// What every type did.
    pub fn series(&self) -> Vec<TypeSeries> {
        let mut series = self.series.clone();
        for one in &mut series {
            one.survivors = vec![0; self.snapshots as usize];
        }
        for seen in &self.seen {
            let one = series.get_mut(seen.name as usize);
            if let Some(count) = one.and_then(|one| one.survivors.get_mut(seen.first as usize)) {
                *count += 1;
            }
        }
        series
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(&known) = self.names.get(name) {
            return Some(known);
        }
        if self.series.len() == TYPES {
            self.cut_short = true;
            return None;
        }
        let number = u32::try_from(self.series.len()).ok()?;
        self.names.insert(name.to_owned(), number);
        // It was not there at the snapshots before.
        let template = self.series.first().map_or(&[][..], |first| &first.points);
        let times = template.iter().map(|point| (point.t, point.collections));
        let points =
            times.map(|(t, collections)| TypePoint { t, collections, ..TypePoint::default() });
        let points = points.collect();
        self.series.push(TypeSeries { name: name.to_owned(), points, survivors: Vec::new() });
        Some(number)
    }

    /// Objects with the address and type of one that was there before are that one.
    fn recognise(&self, seen: &mut [SeenObject]) {
        let mut before = self.seen.iter().peekable();
        for object in seen {
            while before.next_if(|old| old.address < object.address).is_some() {}
            if let Some(old) = before.peek()
                && (old.address, old.name) == (object.address, object.name)
            {
                object.first = old.first;
            }
        }
    }

    fn enter(
        &mut self,
        t: f64,
        seen: &[SeenObject],
        types: &[TypeCount],
        collections: Option<u64>,
    ) {
        let snapshot = self.snapshots;
        for series in &mut self.series {
            series.points.push(TypePoint { t, collections, ..TypePoint::default() });
        }
        let mut point = |name: u32, change: &dyn Fn(&mut TypePoint)| {
            let series = self.series.get_mut(name as usize);
            if let Some(point) = series.and_then(|series| series.points.last_mut()) {
                change(point);
            }
        };
        for object in seen {
            point(object.name, &|point| match object.first == snapshot {
                true => point.born_count += 1,
                false => point.retained_count += 1,
            });
        }
        for row in types {
            if let Some(&name) = self.names.get(&row.name) {
                point(name, &|point| (point.count, point.bytes) = (row.count, row.bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::objects::Skipped;
    use super::*;

    /// A watch after so many snapshots, each of which saw one more object: those born at snapshots
    /// that are multiples of three are gone.
    fn watch(snapshots: u32) -> HeapWatch {
        let point = |snapshot: u32| TypePoint {
            t: f64::from(snapshot),
            count: u64::from(snapshot) + 1,
            born_count: 1,
            ..TypePoint::default()
        };
        let series = TypeSeries {
            name: "app.Session".into(),
            points: (0..snapshots).map(point).collect(),
            survivors: Vec::new(),
        };
        let lives = |snapshot: &u32| !snapshot.is_multiple_of(3);
        let seen = |first: u32| SeenObject { address: 16 * u64::from(first), name: 0, first };
        HeapWatch {
            series: vec![series],
            seen: (0..snapshots).filter(lives).map(seen).collect(),
            snapshots,
            ..HeapWatch::default()
        }
    }

    /// Who was born, and who of those still lives, is the same afterwards; so are the first
    /// snapshot and the newer half.
    #[test]
    fn thinning_keeps_births_and_survivors() {
        let mut watch = watch(SNAPSHOTS);
        let sums = |watch: &HeapWatch| {
            let series = &watch.series()[0];
            let born = series.points.iter().map(|point| point.born_count).sum::<u64>();
            (born, series.survivors.iter().sum::<u64>())
        };
        let before = (sums(&watch), watch.series()[0].clone());
        watch.thin();
        let after = watch.series()[0].clone();
        assert_eq!(sums(&watch), before.0);
        let kept = SNAPSHOTS / 4 * 3;
        assert_eq!((after.points.len(), watch.snapshots), (kept as usize, kept));
        assert_eq!(after.survivors.len(), after.points.len());
        assert_eq!(after.points[0], before.1.points[0]);
        let newer = SNAPSHOTS as usize / 2;
        assert_eq!(after.points[after.points.len() - newer + 1..], before.1.points[newer + 1..]);
        // Snapshots 1 and 2 became one; 1 and 2 are still there.
        assert_eq!(
            (after.points[1].t, after.points[1].born_count, after.survivors[1]),
            (2.0, 2, 2)
        );
        assert!(
            after
                .points
                .iter()
                .zip(&after.survivors)
                .all(|(point, kept)| *kept <= point.born_count)
        );
    }

    /// Half a heap is no snapshot; where the next has as little, that is what there is.
    #[test]
    fn a_torn_snapshot_does_not_count() {
        let mut watch = watch(40);
        let torn = Skipped { torn_lists: 1, ..Skipped::default() };
        let half = Heap { skipped: torn, ..Heap::default() };
        watch.snapshot(40.0, &half, &[], None);
        assert_eq!((watch.snapshots, watch.times().len(), watch.torn()), (40, 40, 1));
        watch.snapshot(41.0, &half, &[], None);
        assert_eq!((watch.snapshots, watch.times().len(), watch.torn()), (41, 41, 1));
        let whole = Heap::default();
        let mut watch = tests::watch(40);
        watch.snapshot(40.0, &whole, &[], None);
        assert_eq!(watch.snapshots, 41, "nothing was torn");
    }

    #[test]
    fn new_is_what_the_first_snapshot_did_not_see() {
        let watch = watch(5);
        let newness = |address: u64| watch.newness(Address(address));
        assert_eq!([newness(0), newness(48)], [Newness::Old; 2]);
        assert_eq!([newness(16), newness(64)], [Newness::Aged, Newness::Young]);
    }

    #[test]
    fn types_that_grew_are_named_once() {
        let mut watch = watch(5);
        let mut small = watch.series[0].clone();
        small.name = "app.Small".into();
        small.points[4].bytes = 10;
        small.points[4].count = 1;
        let still = TypeSeries {
            name: "still".into(),
            points: vec![TypePoint::default(); 5],
            survivors: vec![],
        };
        watch.series.extend([small, still]);
        assert_eq!(watch.grown(10), ["app.Small", "app.Session"]);
        assert!(watch.grown(0).is_empty());
        // A few small ones at each snapshot, beside others that come and go.
        let mut steady = watch.series[0].clone();
        steady.name = "app.Viewer".into();
        for (count, point) in (0..).zip(&mut steady.points) {
            (point.count, point.bytes) = (count, count);
        }
        watch.series.push(steady);
        assert!(watch.grown(1).contains(&"app.Viewer".to_owned()), "{:?}", watch.grown(1));
    }
}
