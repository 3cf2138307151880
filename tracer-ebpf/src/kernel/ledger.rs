//! The live table and the totals of sites: every change goes through here, so that
//! recorded = freed + replaced + taken by realloc + live, at any time.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{LiveValue, unattributed};

use super::map::{LIVE, SITES};
use super::{ProbeEvent, atomic};

const EEXIST: i32 = -17;

/// Enters a block. An older block at the address is taken for freed, and counted.
#[inline(always)]
pub fn insert(event: &ProbeEvent, address: u64, block: &LiveValue) {
    let Some(key) = event.key(address) else {
        event.count(Counter::AddressTooWide);
        return;
    };
    if !enter(event, address, key, block) {
        event.count(Counter::LiveFull);
        return;
    }
    event.count(Counter::AllocRecorded);
    event.add(Counter::AllocBytes, block.bytes());
    event.add(Counter::AllocStoodFor, block.weight() - 1);
    with_totals(event, block.site, |totals| {
        atomic::add(&mut totals.allocated_bytes, block.bytes());
        atomic::add(&mut totals.allocated_count, block.weight());
    });
}

/// False when the target has its share of blocks, or when the table is full.
#[inline(always)]
fn enter(event: &ProbeEvent, address: u64, key: u64, block: &LiveValue) -> bool {
    let target = event.target();
    let full = atomic::load(&target.live_count) >= target.live_quota;
    if full && !replace(event, address) {
        return false;
    }
    match LIVE.insert(key, *block, BPF_NOEXIST.into()) {
        Ok(()) => {}
        Err(EEXIST) => {
            replace(event, address);
            if LIVE.insert(key, *block, BPF_ANY.into()).is_err() {
                return false;
            }
        }
        Err(_) => return false,
    }
    atomic::add(&mut target.live_count, 1);
    true
}

/// Takes an older block at the address for freed; false when there is none.
#[inline(always)]
fn replace(event: &ProbeEvent, address: u64) -> bool {
    let Some(old) = take(event, address) else { return false };
    event.count(Counter::Replaced);
    freed(event, &old);
    true
}

/// Puts a block back that [`take`] removed, without accounting; false when there is no room any
/// more.
#[inline(always)]
pub fn put_back(event: &ProbeEvent, address: u64, block: &LiveValue) -> bool {
    let Some(key) = event.key(address) else { return false };
    let entered = LIVE.insert(key, *block, BPF_ANY.into()).is_ok();
    if entered {
        atomic::add(&mut event.target().live_count, 1);
    }
    entered
}

/// The same; without room the block is lost, and counted. Whether there was room.
#[inline(always)]
pub fn restore(event: &ProbeEvent, address: u64, block: &LiveValue) -> bool {
    let restored = put_back(event, address, block);
    if !restored {
        event.count(Counter::RestLost);
        freed(event, block);
    }
    restored
}

/// Removes a block without accounting it as freed.
#[inline(always)]
pub fn take(event: &ProbeEvent, address: u64) -> Option<LiveValue> {
    let key = event.key(address)?;
    let block = *LIVE.get_ptr(key).map(|block| {
        // SAFETY: the element can be reused only after its deletion, and deleting it here or in
        // another thread means that this address is being freed twice at the same time.
        unsafe { &*block }
    })?;
    LIVE.remove(key).ok()?;
    atomic::subtract(&mut event.target().live_count, 1);
    Some(block)
}

/// Accounts a removed block as freed.
#[inline(always)]
pub fn freed(event: &ProbeEvent, block: &LiveValue) {
    event.add(Counter::FreeStoodFor, block.weight() - 1);
    freed_part(event, block.site, block.bytes(), block.weight());
}

/// Accounts `bytes` of a site as freed, and `blocks` blocks.
#[inline(always)]
pub fn freed_part(event: &ProbeEvent, site: u64, bytes: u64, blocks: u64) {
    event.add(Counter::FreeBytes, bytes);
    with_totals(event, site, |totals| {
        atomic::add(&mut totals.freed_bytes, bytes);
        atomic::add(&mut totals.freed_count, blocks);
    });
}

#[inline(always)]
fn with_totals(
    event: &ProbeEvent,
    site: u64,
    change: impl Fn(&mut leakspy_ebpf::wire::key::SiteValue),
) {
    let totals = SITES.get_ptr_mut(site).or_else(|| SITES.get_ptr_mut(unattributed(event.slot)));
    if let Some(totals) = totals {
        // SAFETY: sites are deleted only when no program runs for their target any more; fields are
        // only added to, atomically.
        change(unsafe { &mut *totals });
    }
}

/// `CLOCK_MONOTONIC`.
#[inline(always)]
pub fn now_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}
