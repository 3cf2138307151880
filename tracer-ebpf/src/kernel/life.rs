//! Where the recording of a target ends by itself: its interpreter tears itself down, or it becomes
//! another program. What comes after would hide what was live before.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use leakspy_ebpf::walk::ReadUser;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::LiveValue;
use leakspy_ebpf::wire::target::{STATE_FINALIZING, STATE_RECORDING, STATE_REPLACED};

use super::read::Current;
use super::{ProbeEvent, atomic, map, slot_of};

/// No block of so many bytes is released without a check whether the interpreter ends.
const LARGE: u64 = 4096;
/// Of smaller ones, the first in so many on a CPU is checked. That reads the target's memory, which takes some 60 ns of the
/// 2,600 of a pair of malloc and free.
const CHECKED_ONE_IN: u64 = 16;

/// Whether a call that this counter is about to count is checked.
#[inline(always)]
pub fn is_due(event: &ProbeEvent, calls: Counter) -> bool {
    event.counted(calls) % CHECKED_ONE_IN == 0
}

/// Whether the release of a block is checked in any case.
#[inline(always)]
pub fn is_due_for(block: &LiveValue) -> bool {
    block.size() >= LARGE
}

/// Whether the interpreter has begun to tear itself down. Asked where something is released, since
/// only that hides what was live; from the first time on the target is not recorded any more.
#[inline(always)]
pub fn is_finalizing(event: &ProbeEvent) -> bool {
    let target = event.target();
    if target.finalizing == 0 || Current.word(target.finalizing).unwrap_or(0) == 0 {
        return false;
    }
    atomic::store_half(&mut target.state, STATE_FINALIZING);
    event.count(Counter::AfterFinalization);
    true
}

/// What a call is that comes while a target is not recorded.
#[inline(always)]
pub fn outside(state: u32) -> Counter {
    match state {
        STATE_FINALIZING => Counter::AfterFinalization,
        STATE_REPLACED => Counter::AfterExec,
        _ => Counter::Gated,
    }
}

/// The current process has become another program, which has not run yet.
#[inline(always)]
pub fn replaced() {
    let slot = slot_of((bpf_get_current_pid_tgid() >> 32) as u32);
    let Some(target) = map::TARGETS.get_ptr_mut(slot) else { return };
    // SAFETY: a non-null element of an array map stays valid; the thread that calls exec is the only
    // one that the process has left.
    let target = unsafe { &mut *target };
    if slot != 0 && atomic::load_half(&target.state) == STATE_RECORDING {
        atomic::store_half(&mut target.state, STATE_REPLACED);
    }
}
