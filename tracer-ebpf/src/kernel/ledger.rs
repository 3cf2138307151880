//! The live table and the totals of sites: every change goes through here, so that
//! recorded = freed + replaced + taken by realloc + live, at any time.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{LiveBlock, SITE_UNATTRIBUTED};

use super::atomic;
use super::count::{add, count};
use super::map::{LIVE, SITES};

const EEXIST: i32 = -17;

/// Enters a block. An older block at the address is taken for freed, and counted.
#[inline(always)]
pub fn insert(address: u64, size: u64, site: u64) {
    let block = LiveBlock { size, site, time_ns: now_ns() };
    match LIVE.insert(address, block, BPF_NOEXIST.into()) {
        Ok(()) => {}
        Err(EEXIST) => {
            if let Some(old) = take(address) {
                count(Counter::Replaced);
                freed(&old);
            }
            if LIVE.insert(address, block, BPF_ANY.into()).is_err() {
                count(Counter::LiveFull);
                return;
            }
        }
        Err(_) => {
            count(Counter::LiveFull);
            return;
        }
    }
    count(Counter::AllocRecorded);
    add(Counter::AllocBytes, size);
    with_totals(site, |totals| {
        atomic::add(&mut totals.allocated_bytes, size);
        atomic::add(&mut totals.allocated_count, 1);
    });
}

/// Puts a block back that [`take`] removed, without accounting; false when there is no room any more.
#[inline(always)]
pub fn put_back(address: u64, block: &LiveBlock) -> bool {
    LIVE.insert(address, block, BPF_ANY.into()).is_ok()
}

/// Removes a block without accounting it as freed.
#[inline(always)]
pub fn take(address: u64) -> Option<LiveBlock> {
    let block = *LIVE.get_ptr(address).map(|block| {
        // SAFETY: the element can be reused only after its deletion, and deleting it here or in
        // another thread means that this address is being freed twice at the same time.
        unsafe { &*block }
    })?;
    LIVE.remove(address).ok()?;
    Some(block)
}

/// Accounts a removed block as freed.
#[inline(always)]
pub fn freed(block: &LiveBlock) {
    freed_part(block.site, block.size, 1);
}

/// Accounts `bytes` of a site as freed, and `blocks` blocks.
#[inline(always)]
pub fn freed_part(site: u64, bytes: u64, blocks: u64) {
    add(Counter::FreeBytes, bytes);
    with_totals(site, |totals| {
        atomic::add(&mut totals.freed_bytes, bytes);
        atomic::add(&mut totals.freed_count, blocks);
    });
}

#[inline(always)]
fn with_totals(site: u64, change: impl Fn(&mut leakspy_ebpf::wire::key::SiteTotals)) {
    let totals = SITES.get_ptr_mut(site).or_else(|| SITES.get_ptr_mut(SITE_UNATTRIBUTED));
    if let Some(totals) = totals {
        // SAFETY: sites are never deleted while programs run; fields are only added to, atomically.
        change(unsafe { &mut *totals });
    }
}

#[inline(always)]
fn now_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}
