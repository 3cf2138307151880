//! Ends of live mappings, so that a mapping is found when its tail is cut off. The live table knows
//! blocks by their first address only.

use aya_ebpf::bindings::BPF_ANY;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::LiveBlock;

use super::count::count;
use super::ledger;
use super::map::MAPPING_ENDS;

/// Most further mappings that one call of munmap is followed into.
const MOST_MAPPINGS: u32 = 16;

/// Notes a new mapping. When there is no room, a cut of its tail will count as unknown.
#[inline(always)]
pub fn began(address: u64, size: u64) {
    let _ = MAPPING_ENDS.insert(address.wrapping_add(size), address, BPF_ANY.into());
}

/// Forgets a mapping.
#[inline(always)]
pub fn ended(address: u64, size: u64) {
    let _ = MAPPING_ENDS.remove(address.wrapping_add(size));
}

/// The known mapping at `address`, already out of the table, loses its first `length` bytes, or all.
#[inline(always)]
pub fn unmapped(address: u64, length: u64, block: &LiveBlock) {
    if length < block.size {
        began(address + length, block.size - length);
        count(Counter::UnmapPartial);
        keep(address + length, block, block.size - length);
        return;
    }
    count(Counter::FreeRecorded);
    ended(address, block.size);
    ledger::freed(block);
    further(address + block.size, length - block.size);
}

/// One call can release several mappings that follow one another.
#[inline(always)]
fn further(first: u64, length: u64) {
    let (mut address, mut left) = (first, length);
    for _ in 0..MOST_MAPPINGS {
        if left == 0 {
            return;
        }
        let Some(block) = ledger::take(address) else { return };
        if left < block.size {
            began(address + left, block.size - left);
            keep(address + left, &block, block.size - left);
            return;
        }
        count(Counter::UnmapFurther);
        ended(address, block.size);
        ledger::freed(&block);
        address += block.size;
        left -= block.size;
    }
}

/// Cuts the tail off the mapping that ends where this range ends; false when there is none.
#[inline(always)]
pub fn cut_tail(address: u64, length: u64) -> bool {
    let end = address.wrapping_add(length);
    let Some(start) = MAPPING_ENDS.get_ptr(end) else { return false };
    // SAFETY: the value is one word, written whole.
    let start = unsafe { *start };
    if start >= address {
        return false;
    }
    let Some(block) = ledger::take(start) else { return false };
    ended(start, block.size);
    began(start, address - start);
    count(Counter::UnmapPartial);
    keep(start, &block, address - start);
    true
}

/// Puts the rest of a mapping back and accounts what it lost.
#[inline(always)]
fn keep(address: u64, block: &LiveBlock, rest: u64) {
    if ledger::put_back(address, &LiveBlock { size: rest, ..*block }) {
        ledger::freed_part(block.site, block.size.saturating_sub(rest), 0);
    } else {
        count(Counter::RestLost);
        ledger::freed(block);
    }
}
