//! Which site an allocation belongs to: walk, hash, look up, and publish on first sight.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use leakspy_ebpf::code_value;
use leakspy_ebpf::hash::{mix, size_class};
use leakspy_ebpf::walk::{ReadUser, StatePlace, ThreadRegisters, walk};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{SiteValue, unattributed};
use leakspy_ebpf::wire::limit::SLOTS_PER_CPU;
use leakspy_ebpf::wire::record::{
    FLAG_NO_THREAD_STATE, FLAG_PYTHON_FAULT, FLAG_PYTHON_TRUNCATED, KIND_AUDIT, KIND_SITE,
};
use leakspy_ebpf::wire::target::TargetRow;

use super::atomic;
use super::code::CodeValues;
use super::map::{GENERATIONS, SCRATCH, SITES, WorkSlot};
use super::publish::{self, SentCall};
use super::read::{self, Current};
use super::{ProbeEvent, has_loops, layout, sample};

const E2BIG: i32 = -7;

/// The key of the site of this call; `own` if it is a system call of the target's own code. Sends its stack to user space when it has not been sent yet.
#[inline(always)]
pub fn resolve(event: &ProbeEvent, function: u32, size: u64, own: bool) -> u64 {
    let Some(slot) = claim() else {
        event.count(Counter::ScratchBusy);
        return unattributed(event.slot);
    };
    let key = resolve_in(slot, event, function, size, own);
    release(slot);
    key
}

#[inline(always)]
fn resolve_in(slot: &mut WorkSlot, event: &ProbeEvent, function: u32, size: u64, own: bool) -> u64 {
    let layout = layout();
    let Some(generations) = GENERATIONS.get_ptr(event.slot) else {
        return unattributed(event.slot);
    };
    // SAFETY: an element of an array map; a torn read of a counter that moves right now cannot
    // happen on aligned words, and either value belongs to this moment.
    let generations = unsafe { &*generations };
    let thread = ThreadRegisters { fsbase: read::fsbase(layout.task_fsbase), sp: event.sp() };
    slot.record.fsbase = thread.fsbase;
    let target = event.target();
    let gil_holder = if layout.python.gil_holder == 0 { 0 } else { target.gil_holder };
    let place = StatePlace { gil_holder, tstate_slot: target.tstate_slot };
    let walked = walk(&Current, &layout.python, place, generations, thread, &mut slot.scratch);
    if walked.flags & FLAG_NO_THREAD_STATE != 0 && walked.flags & FLAG_PYTHON_FAULT != 0 {
        event.count(Counter::ThreadStateFault);
    } else if walked.flags & FLAG_PYTHON_FAULT != 0 {
        event.count(Counter::PythonFault);
    }
    if walked.flags & FLAG_PYTHON_TRUNCATED != 0 {
        event.count(Counter::PythonTruncated);
    }
    let by_value = has_loops() && atomic::load_half(&event.target().by_value) != 0;
    let hash = if by_value && walked.count != 0 {
        code_value::hash(Current, &layout.python, CodeValues, event.slot, &mut slot.scratch)
    } else {
        walked.hash
    };
    // Code that makes a system call of its own has anything where a function has a return address.
    let caller = if own { event.ip() } else { Current.word(event.sp()).unwrap_or(0) };
    let shape = u64::from(size_class(size)) << 32 | u64::from(function);
    // Odd, as the key of what has no site is not. Its target is in it: no two targets share a site.
    let key = mix(mix(mix(hash, caller), shape), event.slot.into()) | 1;
    let call = SentCall { event, function, size, site: key };
    enter(key, &call, slot, layout.audit_one_in)
}

/// Finds or makes the site, and publishes it if that is still to be done.
#[inline(always)]
fn enter(key: u64, call: &SentCall<'_>, slot: &mut WorkSlot, audit_one_in: u32) -> u64 {
    let event = call.event;
    let mut totals = SITES.get_ptr_mut(key);
    if totals.is_none() {
        if !make(event, key) {
            event.count(Counter::SiteFull);
            return unattributed(event.slot);
        }
        totals = SITES.get_ptr_mut(key);
    }
    let Some(totals) = totals else {
        event.count(Counter::SiteFull);
        return unattributed(event.slot);
    };
    // SAFETY: sites are deleted only when no program runs for their target any more.
    let published = unsafe { &mut (*totals).published };
    if atomic::load_half(published) == 0 {
        // Two threads may both send; user space takes the first.
        if publish::stack(KIND_SITE, call, slot) {
            atomic::store_half(published, 1);
        }
    } else if audit_one_in != 0 && sample::random() % audit_one_in == 0 {
        publish::stack(KIND_AUDIT, call, slot);
    }
    key
}

/// Makes a site unless another thread has; false when the target has its share of sites or the
/// table is full.
#[inline(always)]
fn make(event: &ProbeEvent, key: u64) -> bool {
    let target = event.target();
    if atomic::load(&target.site_count) >= target.site_quota.into() {
        return false;
    }
    if compiles_again(target) {
        atomic::store_half(&mut target.by_value, 1);
    }
    let totals = SiteValue { slot: event.slot, ..SiteValue::NONE };
    match SITES.insert(key, totals, BPF_NOEXIST.into()) {
        Ok(()) => atomic::add(&mut target.site_count, 1),
        Err(E2BIG) => return false,
        Err(_) => {}
    }
    true
}

/// Whether new sites are likely to come of the same code at other addresses: there are many and code
/// ends, or there are so many that the code may be compiled again and stay.
#[inline(always)]
fn compiles_again(target: &TargetRow) -> bool {
    let (sites, quota) = (atomic::load(&target.site_count), u64::from(target.site_quota));
    let ends = atomic::load(&target.code_ends);
    let code_ends = sites >= quota / 8 && ends >= sites / 16;
    code_ends || sites >= quota / 4
}

/// Claims a slot of this CPU. Programs are preempted and do not end in the order they began, so a
/// slot has an owner and not a level.
#[inline(always)]
fn claim() -> Option<&'static mut WorkSlot> {
    // SAFETY: the helper has no preconditions.
    let first = unsafe { bpf_get_smp_processor_id() } * SLOTS_PER_CPU;
    for slot in 0..SLOTS_PER_CPU {
        let Some(free) = SCRATCH.get_ptr_mut(first + slot) else { continue };
        // SAFETY: an element of an array map is aligned and stays valid.
        if atomic::claim(unsafe { &mut (*free).scratch.owner }) {
            // SAFETY: the owner word says that nobody else has this slot.
            return Some(unsafe { &mut *free });
        }
    }
    None
}

#[inline(always)]
fn release(slot: &mut WorkSlot) {
    atomic::store(&mut slot.scratch.owner, 0);
}
