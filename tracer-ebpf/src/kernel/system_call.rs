//! Mappings that code makes by system calls of its own, seen inside the kernel. Calls of the C library's
//! functions are seen there, and passed over here.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use leakspy_ebpf::wire::key::Function;

use super::{ProbeEvent, alloc, free};

/// Numbers of x86-64 (`arch/x86/entry/syscalls/syscall_64.tbl`).
const MMAP: u64 = 9;
const MUNMAP: u64 = 11;
const MREMAP: u64 = 25;

/// What the kernel looks for (`struct vm_unmapped_area_info` in `include/linux/mm.h`); its first two
/// fields have been these since 2012.
#[repr(C)]
#[derive(Clone, Copy)]
struct AreaInfo {
    flags: u64,
    length: u64,
}

/// `VM_UNMAPPED_AREA_TOPDOWN`
const TOP_DOWN: u64 = 1;
/// Bytes of a huge page: the kernel looks for so much more to align to it
/// (`__thp_get_unmapped_area` in `mm/huge_memory.c`).
const HUGE: u64 = 2 << 20;

/// The system call that makes or moves a mapping.
#[inline(always)]
pub fn making(number: u64) -> Option<Function> {
    match number {
        MMAP => Some(Function::Mmap),
        MREMAP => Some(Function::Mremap),
        _ => None,
    }
}

/// The system call that ends one.
#[inline(always)]
pub fn ending(number: u64) -> Option<Function> {
    (number == MUNMAP).then_some(Function::Munmap)
}

/// The kernel has looked for room and found `address`, or an error (`vm_unmapped_area`).
#[inline(always)]
pub fn found<C: EbpfContext>(_ctx: &C, event: &ProbeEvent, address: u64, info: u64) -> bool {
    let target = event.target();
    if event.ip().wrapping_sub(target.mmap_code) < target.mmap_bytes || address >= alloc::ERRORS {
        return false;
    }
    let mut area = AreaInfo { flags: 0, length: 0 };
    // SAFETY: the helper checks the kernel's address; zeros remain on failure.
    unsafe {
        bpf_probe_read_kernel((&raw mut area).cast(), size_of::<AreaInfo>() as u32, info as _);
    }
    alloc::mapped(event, |size| place(address, size, &area));
    false
}

/// Where a mapping of `size` bytes will be; nothing when the kernel looked for something else.
#[inline(always)]
fn place(address: u64, size: u64, area: &AreaInfo) -> Option<u64> {
    if area.length == size {
        return Some(address);
    }
    if area.length != size + HUGE {
        return None;
    }
    let short = address.wrapping_neg() & (HUGE - 1);
    match area.flags & TOP_DOWN != 0 && short == 0 {
        true => Some(address + HUGE),
        false => Some(address + short),
    }
}

/// The kernel is about to take the lock of an address space (`mmap_lock_start_locking`), for a munmap.
#[inline(always)]
pub fn ends<C: EbpfContext>(ctx: &C, event: &ProbeEvent) -> bool {
    let target = event.target();
    if event.ip().wrapping_sub(target.munmap_code) < target.munmap_bytes {
        return false;
    }
    free::entry(ctx, event)
}
