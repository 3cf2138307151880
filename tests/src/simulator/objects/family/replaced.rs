//! Types whose objects come and go: work, sessions, caches.

use super::super::super::random::whole;
use super::super::heap::{SimulatedHeap, Truth, Watch};
use super::{STAYS, stay};

pub fn temporary(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    for life in [0.3, 1.0, 3.0] {
        let rate = heap.random.of_any_size(1.0, 100.0);
        let objects = heap.work(rate, life);
        heap.class(&format!("app.Busy{life}"), Truth::Harmless, objects);
    }
    heap
}

/// Sessions of five to fifteen objects, open for some snapshots.
pub fn sessions(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn turns_over(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(2.0, 40.0);
    let life = heap.random.between(0.2, 0.7) * f64::from(watch.snapshots);
    let objects = heap.work(rate, life);
    heap.class("app.ClientState", Truth::Harmless, objects);
    heap
}

/// The same, empty when the watch begins: it rises at first.
pub fn young_cache(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn filling(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn sawtooth(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let objects = teeth(&mut heap);
    heap.class("app.Batch", Truth::Harmless, objects);
    heap
}

/// The same of small objects, beside short-lived ones: new ones are born where old ones died.
pub fn strings(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn waves(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn queue(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let drained = heap.random.between(0.5, 0.95) * watch.seconds();
    let rate = heap.random.between(2.0, 20.0);
    let births = heap.events(rate);
    let short = |birth: f64| if birth < drained { drained } else { birth + watch.every };
    let objects = births.into_iter().map(|birth| (birth, short(birth))).collect();
    heap.class("app.Item", Truth::Harmless, objects);
    heap
}
