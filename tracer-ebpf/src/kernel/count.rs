//! Counters. Atomic although per CPU: a program can be preempted between load and store.

use leakspy_ebpf::wire::counter::Counter;

use super::atomic;
use super::map::COUNTERS;

/// Adds one.
#[inline(always)]
pub fn count(counter: Counter) {
    add(counter, 1);
}

/// Adds `amount`.
#[inline(always)]
pub fn add(counter: Counter, amount: u64) {
    if let Some(cell) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: a non-null element of an array map is aligned to 8 bytes and stays valid.
        atomic::add(unsafe { &mut *cell }, amount);
    }
}
