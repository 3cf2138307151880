//! What goes when the collector comes, and what only seems to.

use super::super::super::random::whole;
use super::super::heap::{SimulatedHeap, Truth, Watch};
use super::STAYS;

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

pub fn garbage(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn swept(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn swept_unfinished(watch: Watch, seed: u64) -> SimulatedHeap {
    SimulatedHeap { is_finished: false, ..garbage(watch, seed) }
}

/// One snapshot came while the collector had its lists in pieces.
pub fn torn_cache(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let entries = heap.about(300.0);
    let mut objects: Vec<(f64, f64)> = (0..entries).map(|_| (0.0, STAYS)).collect();
    let rate = heap.random.of_any_size(0.5, 20.0);
    // The oldest goes when a new one comes.
    for (oldest, at) in (0..).zip(heap.events(rate)) {
        objects[oldest].1 = at;
        objects.push((at, STAYS));
    }
    heap.class("app.Entry", Truth::Harmless, objects);
    let at = heap.random.between(0.2, 0.9) * f64::from(watch.snapshots);
    let torn = u32::try_from(whole(at)).unwrap_or(1);
    heap.torn = Some(torn);
    let t = f64::from(torn) * watch.every;
    heap.collections = Some(vec![0.3 * t, t - 0.1]);
    heap
}
