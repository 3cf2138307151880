//! The only calls that read the target's memory. None of them faults a page in.

use core::ffi::c_void;

use aya_ebpf::helpers::bpf_get_current_task;
use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_kernel, bpf_probe_read_user};
use leakspy_ebpf::walk::{ReadUser, Round, in_turn};

/// The current process's memory.
#[derive(Clone, Copy)]
pub struct Current;

impl ReadUser for Current {
    #[inline(always)]
    fn read(&self, address: u64, into: &mut [u64]) -> bool {
        bytes(address, into.as_mut_ptr().cast(), into.len() as u32 * 8)
    }

    #[inline(always)]
    fn repeat<S: Round>(&self, most: usize, state: &mut S) {
        if !super::has_loops() {
            in_turn(most, state);
            return;
        }
        let state: *mut S = state;
        // SAFETY: the helper calls `each` with `state`, and returns before that goes out of scope.
        unsafe {
            let calls = most.div_ceil(S::AT_ONCE) as u32;
            bpf_loop(calls, each::<S> as *mut c_void, state.cast(), 0)
        };
    }
}

/// A few rounds of a loop that the verifier checks once, and not as often as it may go round.
unsafe extern "C" fn each<S: Round>(_index: u64, state: *mut c_void) -> u64 {
    // SAFETY: what `repeat` gave the helper.
    let state = unsafe { &mut *state.cast::<S>() };
    u64::from(!in_turn(S::AT_ONCE, state))
}

/// Reads `length` bytes at `address` of the target to `into`.
#[inline(always)]
pub fn bytes(address: u64, into: *mut c_void, length: u32) -> bool {
    // SAFETY: the verifier proves that `into` has room for `length`; the helper checks `address`.
    unsafe { bpf_probe_read_user(into, length, address as *const c_void) == 0 }
}

/// Base of the current thread's control block, from its task.
#[inline(always)]
pub fn fsbase(offset: u32) -> u64 {
    let mut base = 0u64;
    // SAFETY: reads kernel memory through the helper that checks it; zero remains on failure.
    unsafe {
        let task = bpf_get_current_task() + u64::from(offset);
        bpf_probe_read_kernel((&raw mut base).cast(), 8, task as *const c_void);
    }
    base
}
