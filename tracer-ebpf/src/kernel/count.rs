//! Counters. Atomic although per CPU: a program can be preempted between load and store.

use leakspy_ebpf::wire::counter::Counter;

use super::{ProbeEvent, atomic};

impl ProbeEvent {
    /// Adds one to a counter of the target.
    #[inline(always)]
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// What a counter of the target has come to, on this CPU.
    #[inline(always)]
    pub fn counted(&self, counter: Counter) -> u64 {
        // SAFETY: as in `add`.
        atomic::load(unsafe { &mut (*self.counters).cells[counter as usize] })
    }

    /// Adds `amount`.
    #[inline(always)]
    pub fn add(&self, counter: Counter, amount: u64) {
        // SAFETY: a non-null element of an array map is aligned to 8 bytes and stays valid.
        atomic::add(unsafe { &mut (*self.counters).cells[counter as usize] }, amount);
    }
}
