//! The kinds of types that are simulated: leaks, and what only looks like one.

mod collected;
mod leaks;
mod replaced;

use super::heap::{SimulatedHeap, Watch};

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
pub const FAMILIES: [Family; 19] = [
    family("steady leak", 6, leaks::steady),
    family("steady leak among temporary objects", 18, leaks::steady_and_busy),
    family("one object of each session", 18, leaks::per_session),
    family("half of each session's objects", 18, leaks::half_of_sessions),
    family("two types together, three per one", 6, leaks::three_per_one),
    family("leak after warming up", 40, leaks::warm_leak),
    family("temporary objects", 6, replaced::temporary),
    family("sessions that come and go", 6, replaced::sessions),
    family("cache that turns over", 6, replaced::turns_over),
    family("cache that turns over, watched from its start", 18, replaced::young_cache),
    family("bounded cache that fills", 40, replaced::filling),
    family("sawtooth", 6, replaced::sawtooth),
    family("sawtooth of strings", 6, replaced::strings),
    family("strings that follow the load", 18, replaced::waves),
    family("queue that is drained", 18, replaced::queue),
    family("garbage until the collector comes", 18, collected::garbage),
    family("live cache, swept when the collector comes", 6, collected::swept),
    family("the same, last snapshot unfinished", 6, collected::swept_unfinished),
    family("full cache, half of it missed by a snapshot", 18, collected::torn_cache),
];

fn stay(births: Vec<f64>) -> Vec<(f64, f64)> {
    births.into_iter().map(|birth| (birth, STAYS)).collect()
}
