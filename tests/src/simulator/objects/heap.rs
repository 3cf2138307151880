//! A Python heap whose every object is known: when it was born, when it dies, and whether its type
//! leaks.

use super::super::random::{Random, whole};

/// Whether a type leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Ever more of its objects stay.
    Leak,
    /// It does not.
    Harmless,
}

/// A type with its objects.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Bytes of each object.
    pub size: u64,
    /// Whether it leaks.
    pub truth: Truth,
    /// Objects that were there before the watch and stay.
    pub before: u64,
    /// Birth and death of each object, seconds; infinity for one that stays.
    pub objects: Vec<(f64, f64)>,
    /// Share of the births at the address of an object that has just died: they are taken for it.
    pub reused: f64,
    /// Whether it is known that a root holds most of what it grew by.
    pub is_held: bool,
}

/// How a heap is watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watch {
    /// Snapshots.
    pub snapshots: u32,
    /// Seconds between two of them.
    pub every: f64,
}

impl Watch {
    /// Seconds from the first to the last.
    pub fn seconds(&self) -> f64 {
        f64::from(self.snapshots - 1) * self.every
    }
}

/// A simulated heap.
#[derive(Clone, Debug)]
pub struct SimulatedHeap {
    /// How it is watched.
    pub watch: Watch,
    /// Its types.
    pub classes: Vec<Class>,
    /// When full collections come; `None` where nobody counts them.
    pub collections: Option<Vec<f64>>,
    /// A snapshot that saw only half of the objects, by its number.
    pub torn: Option<u32>,
    /// Whether the last snapshot was finished, which finds what holds objects.
    pub is_finished: bool,
    /// Its randomness.
    pub random: Random,
}

impl SimulatedHeap {
    /// Without any type.
    pub fn new(watch: Watch, seed: u64) -> Self {
        let random = Random::new(seed);
        Self {
            watch,
            classes: Vec::new(),
            collections: None,
            torn: None,
            is_finished: true,
            random,
        }
    }

    /// A type with these objects.
    pub fn class(&mut self, name: &str, truth: Truth, objects: Vec<(f64, f64)>) -> &mut Class {
        let (name, size, before) = (name.to_owned(), 200, 20);
        let class = Class { name, size, truth, before, objects, reused: 0.0, is_held: false };
        self.classes.push(class);
        let last = self.classes.len() - 1;
        &mut self.classes[last]
    }

    /// Times of events that come by chance, so many between two snapshots on average.
    pub fn events(&mut self, per_snapshot: f64) -> Vec<f64> {
        let mean = self.watch.every / per_snapshot;
        let (mut at, mut times) = (self.random.exponential(mean), Vec::new());
        while at < self.watch.seconds() {
            times.push(at);
            at += self.random.exponential(mean);
        }
        times
    }

    /// Objects that live for a while: so many are born between two snapshots, and they live through
    /// so many on average.
    pub fn work(&mut self, per_snapshot: f64, life: f64) -> Vec<(f64, f64)> {
        let mean = life * self.watch.every;
        // Those from before the watch have the same lives.
        let there = self.random.poisson(per_snapshot * life);
        let births: Vec<f64> = (0..there).map(|_| 0.0).chain(self.events(per_snapshot)).collect();
        births.into_iter().map(|birth| (birth, birth + self.random.exponential(mean))).collect()
    }

    /// A whole number around a mean.
    pub fn about(&mut self, mean: f64) -> u64 {
        whole(mean * self.random.between(0.7, 1.3))
    }
}
