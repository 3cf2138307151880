//! Simulated heaps for tests: objects with a birth and a death, of which snapshots are taken.

use crate::model::{TypePoint, TypeSeries};

/// Death of what is never freed.
pub const NEVER: u64 = u64::MAX;

/// Numbers by chance, the same ones for the same seed (xorshift, Marsaglia 2003).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Less than `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.share();
        (self.0 >> 20) % most.max(1)
    }

    /// Events of a Poisson process (Knuth's way).
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (mut product, mut events) = (self.share(), 0);
        while product > (-mean).exp() {
            product *= self.share();
            events += 1;
        }
        events
    }

    /// Snapshots that something lives for, with this mean: at least one.
    pub fn life(&mut self, mean: f64) -> u64 {
        // Geometric, as whole numbers have it.
        let mut snapshots = 1;
        while self.share() < mean / (mean + 1.0) {
            snapshots += 1;
        }
        snapshots
    }
}

/// Objects that are born at one snapshot and gone at another: the number of both, and of the
/// objects.
pub type Lifespan = (u64, u64, u64);

/// The snapshots of a pretended heap.
pub struct PretendedHeap {
    pub snapshots: u64,
    pub seconds: f64,
    /// Snapshots before which a full collection came; `None` where nobody counts.
    pub collections: Option<Vec<u64>>,
}

impl PretendedHeap {
    pub fn new(snapshots: u64, seconds: f64) -> Self {
        Self { snapshots, seconds, collections: None }
    }

    /// A type with 20 old objects and these.
    pub fn lives(&self, name: &str, size: u64, lives: &[Lifespan]) -> TypeSeries {
        let sum = |of: &dyn Fn(&Lifespan) -> bool| {
            lives.iter().filter(|life| of(life)).map(|life| life.2).sum::<u64>()
        };
        let point = |snapshot: u64| {
            let count = 20 + sum(&|(born, died, _)| *born <= snapshot && snapshot < *died);
            let born_count = sum(&|(born, died, _)| *born == snapshot && snapshot < *died);
            let collections = self.collections.as_ref().map(|collections| {
                collections.iter().filter(|collection| **collection <= snapshot).count() as u64
            });
            TypePoint {
                t: snapshot as f64 * self.seconds,
                count,
                bytes: count * size,
                retained_count: if snapshot == 0 { 0 } else { count - born_count },
                born_count: if snapshot == 0 { 0 } else { born_count },
                collections,
            }
        };
        let points: Vec<TypePoint> = (0..self.snapshots).map(point).collect();
        let last = self.snapshots - 1;
        let survivors = (0..self.snapshots)
            .map(|snapshot| {
                sum(&|(born, died, _)| *born == snapshot && *died > last)
                    + if snapshot == 0 { 20 } else { 0 }
            })
            .collect();
        TypeSeries { name: name.to_owned(), points, survivors }
    }

    /// A type of which `births` says how many are born at each snapshot and how many of them are
    /// never freed; the others are gone at the next snapshot.
    pub fn series(&self, name: &str, births: &dyn Fn(u64) -> (u64, u64), size: u64) -> TypeSeries {
        let mut lives = Vec::new();
        for snapshot in 0..self.snapshots {
            let (born, retained) = births(snapshot);
            lives.push((snapshot, NEVER, retained));
            lives.push((snapshot, snapshot + 1, born - retained));
        }
        self.lives(name, size, &lives)
    }
}
