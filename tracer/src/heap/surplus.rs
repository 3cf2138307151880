//! References that objects count and that nobody was seen to have.
//!
//! Every snapshot follows each reference of the heap, so it knows how many lead to an object; the object itself knows how
//! many there are. What is counted beyond that is held by C code: on purpose, by hundreds of extensions, so one number
//! says nothing. But where it grows at every snapshot though there are no more objects, something takes references and
//! gives none back.
//!
//! | says nothing | because |
//! |---|---|
//! | types of the interpreter, functions, frames, classes | frames and caches of the interpreter hold them in many ways |
//! | objects that are never freed (3.12 and later) | they count nothing |
//! | `numpy.dtype` | arrays that only C code has refer to them |
//! | a type with more and more objects | each may have one reference that is not seen |
//! | a heap with greenlets | the frames of those that wait are on stacks that nobody follows |
//! | more than a few types at once | then it is the heap that is not understood |
//! | a snapshot that met lists in change | what it missed has references |

use std::collections::HashMap;

use super::class::{Class, Kind};
use super::objects::Heap;
use crate::model::ReferenceSurplus;

/// Fewer snapshots say nothing.
const FEWEST: usize = 8;
/// More of them are not kept: then every second is left out.
const MOST: usize = 64;
/// Most types that are followed.
const TYPES: usize = 1024;
/// Fewer new references are no evidence.
const LEAST: u64 = 100;
/// There must be so many times more new references than new objects.
const TIMES: u64 = 4;
/// Of ten steps so many go up.
const RISES: usize = 9;
/// Each half of the time has at least this share of it.
const HALF: f64 = 0.3;
/// Of more types nothing is told.
const TOLD: usize = 3;

/// One type at one snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Point {
    objects: u64,
    surplus: u64,
}

/// What snapshots saw of the references to the types that are followed.
#[derive(Clone, Debug, Default)]
pub struct SurplusWatch {
    times: Vec<f64>,
    series: HashMap<String, Vec<Point>>,
    /// Whether nothing can be said of this heap.
    has_greenlets: bool,
}

/// Whether references to instances of a class are looked at.
pub fn is_followed(class: &Class) -> bool {
    use Kind as K;
    let is_of_interpreter = matches!(
        class.kind,
        K::Type
            | K::Function
            | K::Method
            | K::BuiltinMethod
            | K::Cell
            | K::Module
            | K::Code
            | K::Frame
            | K::Generator
    );
    let is_other = matches!(class.kind, K::Weakref | K::Property | K::Wrapped | K::MappingProxy);
    let has_module = class.name.contains('.') && !class.name.starts_with("numpy.dtype");
    has_module && !is_of_interpreter && !is_other
}

impl SurplusWatch {
    /// Takes a snapshot, `t` seconds after the start, of a heap that was read with its references.
    pub fn snapshot(&mut self, t: f64, heap: &Heap) {
        if heap.skipped.torn_lists > 0 || heap.references.is_empty() {
            return;
        }
        let points = points(heap);
        self.has_greenlets |=
            heap.classes.all().iter().any(|class| class.name.starts_with("greenlet."));
        for name in points.keys() {
            if self.series.len() < TYPES && !self.series.contains_key(*name) {
                // It was not there before.
                self.series.insert((*name).to_owned(), vec![Point::default(); self.times.len()]);
            }
        }
        self.times.push(t);
        for (name, series) in &mut self.series {
            series.push(points.get(name.as_str()).copied().unwrap_or_default());
        }
        if self.times.len() > MOST {
            self.thin();
        }
    }

    /// Leaves out every second of the older half; the first stays.
    fn thin(&mut self) {
        let stays = |at: usize| at.is_multiple_of(2) || at >= MOST / 2;
        let thinned = |points: &mut Vec<Point>| {
            let mut at = 0;
            points.retain(|_| {
                at += 1;
                stays(at - 1)
            });
        };
        self.series.values_mut().for_each(thinned);
        let mut at = 0;
        self.times.retain(|_| {
            at += 1;
            stays(at - 1)
        });
    }

    /// Types to which more and more references are counted than are found, those with most first; none where nothing can be said.
    pub fn told(&self) -> Vec<ReferenceSurplus> {
        if self.has_greenlets {
            return Vec::new();
        }
        let of = |(name, points): (&String, &Vec<Point>)| {
            let more = growth(&self.times, points)?;
            let seconds = self.times.last()? - self.times.first()?;
            let references = points.last()?.surplus;
            Some(ReferenceSurplus { name: name.clone(), references, more, seconds })
        };
        let mut told: Vec<ReferenceSurplus> = self.series.iter().filter_map(of).collect();
        told.sort_by(|a, b| b.more.cmp(&a.more).then_with(|| a.name.cmp(&b.name)));
        if told.len() > TOLD { Vec::new() } else { told }
    }
}

/// Sums by type.
fn points(heap: &Heap) -> HashMap<&str, Point> {
    let mut points: HashMap<&str, Point> = HashMap::new();
    let mut of_class = vec![Point::default(); heap.classes.all().len()];
    for (object, references) in heap.objects.iter().zip(&heap.references) {
        let Some(counted) = references.counted else { continue };
        let point = &mut of_class[object.class.0 as usize];
        point.objects += 1;
        point.surplus += u64::from(counted.saturating_sub(references.found));
    }
    for (class, point) in heap.classes.all().iter().zip(of_class) {
        if point.objects > 0 {
            let sum = points.entry(&class.name).or_default();
            sum.objects += point.objects;
            sum.surplus += point.surplus;
        }
    }
    points
}

/// How many more there are than at first, if they came steadily.
fn growth(times: &[f64], points: &[Point]) -> Option<u64> {
    let (first, last) = (points.first()?, points.last()?);
    let more = last.surplus.checked_sub(first.surplus).filter(|more| *more >= LEAST)?;
    let objects = || points.iter().map(|point| point.objects);
    let objects = objects().max()? - objects().min()?;
    let rises = points.windows(2).filter(|pair| pair[0].surplus < pair[1].surplus).count();
    let middle = times.first()?.midpoint(*times.last()?);
    let half = points.get(times.partition_point(|t| *t < middle))?.surplus;
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = half.saturating_sub(first.surplus) as f64 / more as f64;
    let is_steady =
        rises * 10 >= RISES * (points.len() - 1) && (HALF..=1.0 - HALF).contains(&share);
    let is_of_few = objects.saturating_mul(TIMES) <= more;
    (points.len() >= FEWEST && is_steady && is_of_few).then_some(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects and surplus at a snapshot.
    type Numbers = fn(u64) -> (u64, u64);

    /// A watch of types, each with objects and surplus at every snapshot.
    fn watch(snapshots: u64, types: &[(&str, Numbers)]) -> SurplusWatch {
        let mut watch = SurplusWatch::default();
        for at in 0..snapshots {
            watch.times.push(10.0 * f64::from(u32::try_from(at).expect("few")));
            for (name, of) in types {
                let (objects, surplus) = of(at);
                let series = watch.series.entry((*name).to_owned()).or_default();
                series.push(Point { objects, surplus });
            }
        }
        watch
    }

    fn told(snapshots: u64, of: Numbers) -> Option<u64> {
        watch(snapshots, &[("app.X", of)]).told().first().map(|found| found.more)
    }

    #[test]
    fn only_what_grows_steadily_without_objects_is_told() {
        assert_eq!(told(12, |at| (5, 40 + 25 * at)), Some(275));
        assert_eq!(told(7, |at| (5, 40 + 250 * at)), None, "too few snapshots");
        assert_eq!(told(12, |at| (5, 40 + 8 * at)), None, "too few references");
        assert_eq!(told(12, |_| (5, 4000)), None, "as many all the time");
        assert_eq!(told(12, |at| (5 + 25 * at, 40 + 25 * at)), None, "each object has one");
        assert_eq!(told(12, |at| (5, if at == 11 { 900 } else { 1 })), None, "once");
        assert_eq!(told(12, |at| (5, 40 + 90 * at.min(4))), None, "it ends");
        assert_eq!(told(12, |at| (5, 100 * (at / 2))), None, "by steps");
        assert_eq!(told(12, |at| (5, 40 + 25 * at + 100 * (at % 2))), None, "up and down");
    }

    #[test]
    fn many_types_or_greenlets_say_that_the_heap_is_not_understood() {
        let grows: Numbers = |at| (5, 40 + 25 * at);
        let names = ["app.A", "app.B", "app.C", "app.D"];
        let types = names.map(|name| (name, grows));
        assert_eq!(watch(12, &types[..3]).told().len(), 3);
        assert!(watch(12, &types).told().is_empty());
        let mut greenlets = watch(12, &types[..1]);
        greenlets.has_greenlets = true;
        assert!(greenlets.told().is_empty());
    }

    #[test]
    fn thinning_keeps_the_first_and_the_last() {
        let mut watch = watch(MOST as u64 + 1, &[("app.X", |at| (5, 40 + 25 * at))]);
        let before = watch.told();
        watch.thin();
        assert_eq!(watch.times.len(), watch.series["app.X"].len());
        assert!(watch.times.len() < MOST);
        assert_eq!(watch.told(), before);
    }

    #[test]
    fn objects_of_the_interpreter_are_not_followed() {
        let class = |name: &str, kind| Class { name: name.into(), kind, ..Class::nothing() };
        for (name, kind, is) in [
            ("app.X", Kind::Plain, true),
            ("_asyncio.Task", Kind::Opaque, true),
            ("app.Table", Kind::Dict, true),
            ("dict", Kind::Dict, false),
            ("abc.ABCMeta", Kind::Type, false),
            ("weakref.KeyedRef", Kind::Weakref, false),
            ("numpy.dtype[float64]", Kind::Opaque, false),
        ] {
            assert_eq!(is_followed(&class(name, kind)), is, "{name}");
        }
    }
}
