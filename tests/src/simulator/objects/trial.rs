//! Heaps of many seeds judged, and how often the verdicts are wrong.

use leakspy::growth::{Settings, analyse};
use leakspy::model::{TypeGrowth, Verdict};

use super::super::stalled::Halt;
use super::family::Family;
use super::heap::{SimulatedHeap, Truth, Watch};
use super::snapshots::document;

/// How heaps are watched: two minutes, nine, half an hour, and ten hours.
pub const WATCHES: [Watch; 4] = [
    Watch { snapshots: 6, every: 20.0 },
    Watch { snapshots: 18, every: 30.0 },
    Watch { snapshots: 60, every: 30.0 },
    Watch { snapshots: 120, every: 300.0 },
];

/// What came of the heaps of one family.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Types that leak, and how many of them were called a leak.
    pub leaks: (u64, u64),
    /// Types that do not, and how many of them were called a leak.
    pub harmless: (u64, u64),
    /// The same for `garbage-pending`.
    pub garbage: u64,
    /// Heaps with a leak in which something that does not leak came first.
    pub misled: u64,
    /// Heaps in which of types that leak together some were called a leak and some not.
    pub split: u64,
}

/// Judges so many heaps of a family.
pub fn tally(family: &Family, watch: Watch, halt: Halt, seeds: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 1..=seeds {
        let heap = (family.make)(watch, seed);
        tally.add(&heap, &judged(&heap, halt));
    }
    tally
}

/// Verdicts on the types of a heap.
pub fn judged(heap: &SimulatedHeap, halt: Halt) -> Vec<TypeGrowth> {
    analyse(&document(heap, halt), &Settings::default()).types.unwrap_or_default()
}

impl Tally {
    fn add(&mut self, heap: &SimulatedHeap, rows: &[TypeGrowth]) {
        let verdict = |name: &str| {
            rows.iter().find(|row| row.name == name).map_or(Verdict::Baseline, |row| row.verdict)
        };
        let (mut leaking, mut called) = (0, 0);
        for class in &heap.classes {
            let verdict = verdict(&class.name);
            let is_called = u64::from(verdict == Verdict::Leak);
            match class.truth {
                // What all types are made of also comes and goes with everything else.
                Truth::Leak if !class.name.contains('.') => {}
                Truth::Leak => (leaking, called) = (leaking + 1, called + is_called),
                Truth::Harmless => {
                    self.harmless = (self.harmless.0 + 1, self.harmless.1 + is_called);
                }
            }
            self.garbage += u64::from(verdict == Verdict::GarbagePending);
        }
        self.leaks = (self.leaks.0 + leaking, self.leaks.1 + called);
        self.split += u64::from(called > 0 && called < leaking);
        let first = rows.first().and_then(|row| heap.classes.iter().find(|c| c.name == row.name));
        let misleads = first.is_some_and(|class| class.truth == Truth::Harmless);
        self.misled += u64::from(leaking > 0 && misleads);
    }

    /// Share of the leaks that were missed.
    pub fn missed(&self) -> f64 {
        1.0 - self.leaks.1 as f64 / (self.leaks.0 as f64).max(1.0)
    }

    /// Share of what does not leak that was called a leak.
    pub fn accused(&self) -> f64 {
        self.harmless.1 as f64 / (self.harmless.0 as f64).max(1.0)
    }
}
