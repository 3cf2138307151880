//! The kinds of processes that are simulated.

mod background;
mod cache;
mod minutes;
mod sessions;
mod slow;

use super::world::World;

/// What a family is about, and so what is asked of its verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Leaks over days: `leak` must become likely, and the interval must cover the truth.
    Slow,
    /// Leaks over minutes: after 120 seconds the first or second finding must name it.
    Fast,
    /// Does not leak: no `leak` at `likely` or above.
    Harmless,
}

/// A kind of process.
#[derive(Clone, Copy)]
pub struct Family {
    /// What it is, for the table.
    pub name: &'static str,
    /// What is asked of it.
    pub kind: Kind,
    /// Seconds until a cache is full; before that, `confirmed` is an error of its own.
    pub full: Option<f64>,
    /// Makes one from a seed.
    pub make: fn(u64) -> World,
}

const fn family(name: &'static str, kind: Kind, make: fn(u64) -> World) -> Family {
    Family { name, kind, full: None, make }
}

const fn filling(name: &'static str, seconds: f64, make: fn(u64) -> World) -> Family {
    Family { name, kind: Kind::Harmless, full: Some(seconds), make }
}

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// Every family, in the order of the table.
pub const FAMILIES: [Family; 36] = [
    family("linear leak, 400 KB/h", Kind::Slow, slow::linear),
    family("40 KB every 30 min, exact", Kind::Slow, slow::steps),
    family("40 KB every 30 min, 64 KiB sampling", Kind::Slow, slow::sampled_steps),
    family("sessions, 5 % retained", Kind::Slow, sessions::five_percent),
    family("sessions, 1 % retained", Kind::Slow, sessions::one_percent),
    family("linear leak, daily cycle ±30 %", Kind::Slow, slow::daily),
    family("linear leak, attached mid-life", Kind::Slow, slow::attached),
    family("linear leak, 1 % of releases lost", Kind::Slow, slow::lossy),
    family("leak of Python objects (arenas), slow", Kind::Slow, slow::arenas),
    family("fast leak, blocks of any size", Kind::Fast, minutes::leak),
    family("fast leak on the error path", Kind::Fast, minutes::error_path),
    family("fast leak of Python objects (arenas)", Kind::Fast, minutes::arenas),
    family("fast leak of retained sessions", Kind::Fast, minutes::retained),
    family("sessions, none retained", Kind::Harmless, sessions::none),
    family("sessions, heavy tail of lives", Kind::Harmless, sessions::heavy),
    family("sessions, daily cycle ±30 %", Kind::Harmless, sessions::daily),
    family("sessions, 1 % of releases lost", Kind::Harmless, sessions::lossy),
    filling("LRU of new keys, full after 1 h", HOUR, cache::new_1h),
    filling("LRU of new keys, full after 12 h", 12.0 * HOUR, cache::new_12h),
    filling("LRU of new keys, full after 5 d", 5.0 * DAY, cache::new_5d),
    filling("the same beside temporary blocks", 5.0 * DAY, cache::new_5d_temporary),
    filling("LRU of random keys, full after 1 h", HOUR, cache::random_1h),
    filling("LRU of random keys, full after 12 h", 12.0 * HOUR, cache::random_12h),
    filling("LRU of random keys, full after 5 d", 5.0 * DAY, cache::random_5d),
    family("warm-up like a logarithm", Kind::Harmless, slow::warm_up),
    family("garbage collected every 2 h", Kind::Harmless, slow::staircase),
    family("fragmentation", Kind::Harmless, slow::fragmentation),
    family("fork at hour 3", Kind::Harmless, slow::fork),
    family("cache filling in 4.5 min", Kind::Harmless, minutes::cache_short),
    family("cache filling in 8 min", Kind::Harmless, minutes::cache_long),
    family("queue drained every 3 min", Kind::Harmless, minutes::queue),
    family("sessions swept every 75 s", Kind::Harmless, minutes::swept),
    family("garbage collected every 90 s", Kind::Harmless, minutes::garbage),
    family("lazy imports for 3 min", Kind::Harmless, minutes::imports),
    family("the busy background alone", Kind::Harmless, minutes::alone),
    family("jobs of up to 5 min", Kind::Harmless, minutes::jobs),
];
