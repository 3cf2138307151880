//! Types that leak.

use super::super::heap::{SimulatedHeap, Truth, Watch};
use super::{STAYS, stay};

pub fn steady(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(3.0, 100.0);
    let objects = stay(heap.events(rate));
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

pub fn steady_and_busy(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.of_any_size(2.0, 50.0);
    let mut objects = stay(heap.events(rate));
    objects.extend(heap.work(rate, 2.0));
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

/// Sessions come by chance, one in two or three snapshots; each leaves one object.
pub fn per_session(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let rate = heap.random.between(0.7, 3.0);
    let objects = stay(heap.events(rate));
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}

/// A session has ten objects and lives through two snapshots; five of its objects stay.
pub fn half_of_sessions(watch: Watch, seed: u64) -> SimulatedHeap {
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
pub fn three_per_one(watch: Watch, seed: u64) -> SimulatedHeap {
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

pub fn warm_leak(watch: Watch, seed: u64) -> SimulatedHeap {
    let mut heap = SimulatedHeap::new(watch, seed);
    let (seconds, rate) = (watch.seconds(), heap.random.between(2.0, 5.0));
    let mut objects = stay(heap.events(rate));
    for _ in 0..heap.about(100.0) {
        objects.push((heap.random.exponential(0.06 * seconds), STAYS));
    }
    heap.class("app.Leak", Truth::Leak, objects);
    heap
}
