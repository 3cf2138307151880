//! The only calls that read the target's memory. None of them faults a page in.

use core::ffi::c_void;

use aya_ebpf::helpers::bpf_get_current_task;
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use leakspy_ebpf::walk::ReadUser;

/// The current process's memory.
pub struct Current;

impl ReadUser for Current {
    #[inline(always)]
    fn read(&self, address: u64, into: &mut [u64]) -> bool {
        bytes(address, into.as_mut_ptr().cast(), into.len() as u32 * 8)
    }
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
