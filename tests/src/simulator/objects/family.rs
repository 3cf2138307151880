//! The kinds of types that are simulated: leaks, and what only looks like one.

use super::super::random::whole;
use super::heap::{SimulatedHeap, Truth, Watch};

const STAYS: f64 = f64::INFINITY;

/// A kind of heap.
#[derive(Clone, Copy)]
pub struct Family {
    /// What it is, for the table.
    pub name: &'static str,
    /// Fewest snapshots that can show what it is.
    pub least: u32,
    /// Makes one from a seed.
    pub make: fn(Watch, u64) -> SimulatedHeap,
}

const fn family(name: &'static str, least: u32, make: fn(Watch, u64) -> SimulatedHeap) -> Family {
    Family { name, least, make }
}

/// Every family, in the order of the table.
pub const FAMILIES: [Family; 18] = [
    family("steady leak", 6, steady),
    family("steady leak among temporary objects", 18, steady_and_busy),
    family("one object of each session", 18, per_session),
    family("half of each session's objects", 18, half_of_sessions),
    family("two types together, three per one", 6, three_per_one),
    family("leak after warming up", 40, warm_leak),
    family("temporary objects", 6, temporary),
    family("sessions that come and go", 6, sessions),
    family("cache that turns over", 6, turns_over),
    family("cache that turns over, watched from its start", 18, young_cache),
    family("bounded cache that fills", 40, filling),
    family("sawtooth", 6, sawtooth),
    family("sawtooth of strings", 6, strings),
    family("strings that follow the load", 18, waves),
    family("queue that is drained", 18, queue),
    family("garbage until the collector comes", 18, garbage),
    family("live cache, swept when the collector comes", 6, swept),
    family("the same, last snapshot unfinished", 6, swept_unfinished),
];

fn stay(births: Vec<f64>) -> Vec<(f64, f64)> {
    births.into_iter().map(|birth| (birth, STAYS)).collect()
}

fn steady(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(3.0, 100.0);
    let objects = stay(heap.events(rate));
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

fn steady_and_busy(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(2.0, 50.0);
    let mut objects = stay(heap.events(rate));
    objects.extend(heap.work(rate, 2.0));
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

/// Sessions come by chance, one in two or three snapshots; each leaves one object.
fn per_session(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.between(0.7, 3.0);
    let objects = stay(heap.events(rate));
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

/// A session has ten objects and lives through two snapshots; five of its objects stay.
fn half_of_sessions(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let mut objects = Vec::new();
    for birth in heap.events(2.0) {
        let death = birth + heap.random.exponential(2.0 * watch.every);
        objects.extend((0..10).map(|object| (birth, if object < 5 { STAYS } else { death })));
    }
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

/// Each page leaves one basket, three listeners and some parts; most of a page is gone soon.
fn three_per_one(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.between(5.0, 60.0);
    let pages = heap.events(rate);
    let of_page = |count: usize| -> Vec<(f64, f64)> {
        pages.iter().flat_map(|birth| std::iter::repeat_n((*birth, STAYS), count)).collect()
    };
    let (baskets, listeners, mut dicts) = (of_page(1), of_page(3), of_page(9));
    dicts.extend(heap.work(20.0 * rate, 1.0));
    heap.class("__main__.Basket", Truth::Leak, baskets);
    heap.class("framework.events.EventListener", Truth::Leak, listeners);
    heap.class("dict", Truth::Leak, dicts);
    heap
}

fn warm_leak(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let (seconds, rate) = (watch.seconds(), heap.random.between(2.0, 5.0));
    let mut objects = stay(heap.events(rate));
    for _ in 0..heap.about(100.0) {
        objects.push((heap.random.exponential(0.06 * seconds), STAYS));
    }
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

fn temporary(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    for life in [0.3, 1.0, 3.0] {
        let rate = heap.random.of_any_size(1.0, 100.0);
        let objects = heap.work(rate, life);
        heap.class(&format!("app.Busy{life}"), Truth::Harmless, objects);
    }
    heap
}

/// Sessions of five to fifteen objects, open for some snapshots.
fn sessions(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let life = heap.random.of_any_size(1.0, 10.0);
    let mut objects = Vec::new();
    for (birth, death) in heap.work(1.0, life) {
        for _ in 0..heap.about(10.0) {
            objects.push((birth, death));
        }
    }
    heap.class("app.Session", Truth::Harmless, objects);
    heap
}

/// What was there before goes as new ones come: the older, the fewer are left.
fn turns_over(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(2.0, 40.0);
    let life = heap.random.between(0.2, 0.7) * f64::from(watch.snapshots);
    let objects = heap.work(rate, life);
    heap.class("app.ClientState", Truth::Harmless, objects);
    heap
}

/// The same, empty when the watch begins: it rises at first.
fn young_cache(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(2.0, 40.0);
    let mean = heap.random.between(0.2, 0.5) * watch.seconds();
    let births = heap.events(rate);
    let objects = births.into_iter().map(|birth| (birth, birth + heap.random.exponential(mean)));
    let objects = objects.collect();
    heap.class("app.ClientState", Truth::Harmless, objects);
    heap
}

/// A cache that is asked for one of many keys by chance, and has all of them in the end.
fn filling(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let keys = heap.about(200.0);
    let per_snapshot = 4.0 * keys as f64 / f64::from(watch.snapshots);
    let mut known = vec![false; usize::try_from(keys).unwrap_or(1)];
    let mut objects = Vec::new();
    for at in heap.events(per_snapshot) {
        let key = usize::try_from(heap.random.below(keys)).unwrap_or(0);
        if !std::mem::replace(&mut known[key], true) {
            objects.push((at, STAYS));
        }
    }
    heap.class("app.Entry", Truth::Harmless, objects);
    heap
}

fn teeth(heap: &mut SimulatedHeap) -> Vec<(f64, f64)> {
    let every = heap.watch.every;
    let rate = heap.random.of_any_size(5.0, 200.0);
    // Several teeth: a single one that does not end while it is watched looks as a leak does.
    let length = heap.random.between(1.5, (f64::from(heap.watch.snapshots) / 3.0).min(8.0));
    let mut objects = Vec::new();
    let mut from = -heap.random.unit() * length * every;
    while from < heap.watch.seconds() {
        let to = from + every * length * heap.random.between(0.5, 1.5);
        let rate = rate * heap.random.between(0.5, 1.5);
        let mut birth = from;
        while birth < to {
            objects.push((birth.max(0.0), to));
            birth += heap.random.exponential(every / rate);
        }
        from = to;
    }
    objects
}

/// Objects pile up for some snapshots, then all of them go.
fn sawtooth(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let objects = teeth(&mut heap);
    heap.class("app.Batch", Truth::Harmless, objects);
    heap
}

/// The same of small objects, beside short-lived ones: new ones are born where old ones died.
fn strings(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let mut objects = teeth(&mut heap);
    let rate = heap.random.of_any_size(5.0, 100.0);
    objects.extend(heap.work(rate, 1.0));
    let class = heap.class("str", Truth::Harmless, objects);
    (class.before, class.reused) = (2000, 0.7);
    heap
}

/// Strings as many as the load wants, which rises and falls; half of them are made anew between two
/// snapshots, mostly where the old ones were.
fn waves(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let random = &mut heap.random;
    let (most, length) = (random.of_any_size(50.0, 1000.0), random.between(4.0, 16.0));
    let (mut phase, mut height) = (random.between(0.0, std::f64::consts::TAU), random.unit());
    let (mut objects, mut live) = (Vec::new(), Vec::new());
    for step in 0..watch.snapshots * 4 {
        let t = f64::from(step) * watch.every / 4.0;
        phase += std::f64::consts::TAU / (4.0 * length) * random.between(0.5, 1.5);
        height = (height + 0.1 * random.normal()).clamp(0.3, 1.0);
        let wanted = whole(most * height * (1.0 + phase.sin()) / 2.0);
        let renewed = live.len() / 8;
        for _ in 0..renewed.max(live.len().saturating_sub(usize::try_from(wanted).unwrap_or(0))) {
            let last = random.below(live.len() as u64);
            let birth = live.swap_remove(usize::try_from(last).unwrap_or(0));
            objects.push((birth, t));
        }
        while (live.len() as u64) < wanted {
            live.push(t);
        }
    }
    objects.extend(stay(live));
    let class = heap.class("str", Truth::Harmless, objects);
    (class.before, class.reused) = (2000, 0.9);
    heap
}

/// A queue that fills until it is drained once, in the second half of the watch.
fn queue(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let drained = heap.random.between(0.5, 0.95) * watch.seconds();
    let rate = heap.random.between(2.0, 20.0);
    let births = heap.events(rate);
    let short = |birth: f64| if birth < drained { drained } else { birth + watch.every };
    let objects = births.into_iter().map(|birth| (birth, short(birth))).collect();
    heap.class("app.Item", Truth::Harmless, objects);
    heap
}

fn collections(heap: &mut SimulatedHeap, length: f64) -> Vec<f64> {
    let (mut at, mut times) = (0.0, Vec::new());
    loop {
        at += heap.watch.every * length * heap.random.between(0.7, 1.3);
        if at >= heap.watch.seconds() {
            return times;
        }
        times.push(at);
    }
}

fn garbage(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let collections = collections(&mut heap, 6.0);
    let rate = heap.random.of_any_size(2.0, 50.0);
    let births = heap.events(rate);
    let next = |birth: f64| collections.iter().copied().find(|at| *at > birth).unwrap_or(STAYS);
    let objects = births.into_iter().map(|birth| (birth, next(birth))).collect();
    heap.collections = Some(collections.clone());
    heap.class("app.Cycle", Truth::Harmless, objects);
    heap
}

/// A live cache from which the oldest go now and then, by chance when the collector has just come.
fn swept(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let sweeps = collections(&mut heap, 5.0);
    let rate = heap.random.of_any_size(5.0, 50.0);
    let births = heap.events(rate);
    let age = 2.0 * watch.every;
    let swept = |birth: f64| sweeps.iter().copied().find(|at| *at > birth + age).unwrap_or(STAYS);
    let objects = births.into_iter().map(|birth| (birth, swept(birth))).collect();
    heap.collections = Some(sweeps.clone());
    heap.class("app.Entry", Truth::Harmless, objects);
    heap
}

/// All of it goes, and the snapshot that would find what holds it was not finished.
fn swept_unfinished(watch: Watch, seed: u64) -> SimulatedHeap {
    SimulatedHeap { is_finished: false, ..garbage(watch, seed) }
}
