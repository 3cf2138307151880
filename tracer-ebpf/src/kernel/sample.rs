//! Which allocations are recorded, see [`leakspy_ebpf::sampling`].

use aya_ebpf::helpers::generated::bpf_get_prandom_u32;
use leakspy_ebpf::sampling;
use leakspy_ebpf::wire::key::Function;

use super::ProbeEvent;
use super::map::PERIODS;

/// For how many blocks this one is to stand; 0 when it is not recorded. Mappings always are: they are few, and their
/// parts are released.
#[inline(always)]
pub fn weight(event: &ProbeEvent, function: u32, size: u64) -> u64 {
    let Some(period) = PERIODS.get_ptr(event.slot) else { return 1 };
    // SAFETY: an element of an array map, one word, which user space writes whole.
    let period = unsafe { core::ptr::read_volatile(period) };
    if period == 0 || function >= Function::Mmap as u32 {
        return 1;
    }
    let weight = sampling::weight(period, size);
    if weight == 1 || sampling::is_chosen(weight, random()) { weight } else { 0 }
}

/// Any number.
#[inline(always)]
pub fn random() -> u32 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_prandom_u32() as u32 }
}
