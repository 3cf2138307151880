//! Ends of live mappings, so that a mapping is found when its tail is cut off. The live table knows
//! blocks by their first address only.

use aya_ebpf::bindings::BPF_ANY;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::LiveValue;

use super::map::MAPPING_ENDS;
use super::{ProbeEvent, ledger};

/// Most further mappings that one call of munmap is followed into.
const MOST_MAPPINGS: u32 = 16;

/// Notes a new mapping. When there is no room, a cut of its tail will count as unknown.
#[inline(always)]
pub fn began(event: &ProbeEvent, address: u64, size: u64) {
    if let Some(end) = event.key(address.wrapping_add(size)) {
        let _ = MAPPING_ENDS.insert(end, address, BPF_ANY.into());
    }
}

/// Forgets a mapping.
#[inline(always)]
pub fn ended(event: &ProbeEvent, address: u64, size: u64) {
    if let Some(end) = event.key(address.wrapping_add(size)) {
        let _ = MAPPING_ENDS.remove(end);
    }
}

/// The known mapping at `address`, already out of the table, loses its first `length` bytes, or
/// all.
#[inline(always)]
pub fn unmapped(event: &ProbeEvent, address: u64, length: u64, block: &LiveValue) {
    if length < block.size() {
        began(event, address + length, block.size() - length);
        event.count(Counter::UnmapPartial);
        keep(event, address + length, block, block.size() - length);
        return;
    }
    event.count(Counter::FreeRecorded);
    ended(event, address, block.size());
    ledger::freed(event, block);
    further(event, address + block.size(), length - block.size());
}

/// One call can release several mappings that follow one another.
#[inline(always)]
fn further(event: &ProbeEvent, first: u64, length: u64) {
    let (mut address, mut left) = (first, length);
    for _ in 0..MOST_MAPPINGS {
        if left == 0 {
            return;
        }
        let Some(block) = ledger::take(event, address) else { return };
        if left < block.size() {
            began(event, address + left, block.size() - left);
            keep(event, address + left, &block, block.size() - left);
            return;
        }
        event.count(Counter::UnmapFurther);
        ended(event, address, block.size());
        ledger::freed(event, &block);
        address += block.size();
        left -= block.size();
    }
}

/// Cuts the tail off the mapping that ends where this range ends; false when there is none.
#[inline(always)]
pub fn cut_tail(event: &ProbeEvent, address: u64, length: u64) -> bool {
    let end = address.wrapping_add(length);
    let Some(start) = event.key(end).and_then(|end| MAPPING_ENDS.get_ptr(end)) else {
        return false;
    };
    // SAFETY: the value is one word, written whole.
    let start = unsafe { *start };
    if start >= address {
        return false;
    }
    let Some(block) = ledger::take(event, start) else { return false };
    ended(event, start, block.size());
    began(event, start, address - start);
    event.count(Counter::UnmapPartial);
    keep(event, start, &block, address - start);
    true
}

/// Puts the rest of a mapping back and accounts what it lost.
#[inline(always)]
fn keep(event: &ProbeEvent, address: u64, block: &LiveValue, rest: u64) {
    if ledger::put_back(event, address, &block.resized(rest)) {
        ledger::freed_part(event, block.site, block.size().saturating_sub(rest), 0);
    } else {
        event.count(Counter::RestLost);
        ledger::freed(event, block);
    }
}
