//! The eBPF programs. Each is one line that calls the modules in `kernel`.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(missing_docs, reason = "the macros do not hand the programs' documentation on")]
#![allow(internal_features, reason = "atomics of the bpf target, see kernel::atomic")]

mod kernel;

use aya_ebpf::macros::{raw_tracepoint, uprobe, uretprobe};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext, RetProbeContext};

/// Entry of an allocation function, for kernels without session links.
#[uprobe]
pub fn alloc_entry(ctx: ProbeContext) -> u32 {
    kernel::run(&ctx, kernel::alloc::entry);
    // Up to kernel 6.9 any other value would remove the probe.
    0
}

/// Return of an allocation function, for kernels without session links.
#[uretprobe]
pub fn alloc_return(ctx: RetProbeContext) -> u32 {
    kernel::run(&ctx, kernel::alloc::returned);
    0
}

/// Entry and return of an allocation function as a session (kernel 6.13 on): the value returned at
/// the entry decides whether the return is seen at all. Without aya's macro, whose program returns 0 whatever the
/// function does.
#[unsafe(no_mangle)]
#[unsafe(link_section = "uprobe")]
pub extern "C" fn alloc_session(ctx: *mut core::ffi::c_void) -> u32 {
    let ctx = ProbeContext::new(ctx);
    if kernel::is_entry(&ctx) {
        !kernel::run(&ctx, kernel::alloc::entry) as u32
    } else {
        kernel::run(&ctx, kernel::alloc::returned);
        0
    }
}

/// Entry of a function that only releases.
#[uprobe]
pub fn free_entry(ctx: ProbeContext) -> u32 {
    kernel::run(&ctx, kernel::free::entry);
    0
}

/// Entry of CPython's `code_dealloc`.
#[uprobe]
pub fn code_dealloc(ctx: ProbeContext) -> u32 {
    kernel::run(&ctx, kernel::code::dealloc);
    0
}

/// The kernel has found room for a mapping (`vm_unmapped_area`).
#[raw_tracepoint]
pub fn mapping_begins(ctx: RawTracePointContext) -> i32 {
    kernel::run_system_call(&ctx, kernel::system_call::making, |ctx, event| {
        kernel::system_call::found(ctx, event, ctx.arg(0), ctx.arg(1))
    });
    0
}

/// The kernel is about to lock an address space (`mmap_lock_start_locking`).
#[raw_tracepoint]
pub fn mapping_ends(ctx: RawTracePointContext) -> i32 {
    kernel::run_system_call(&ctx, kernel::system_call::ending, kernel::system_call::ends);
    0
}

/// A process of this machine has become another program (`sched_process_exec`).
#[raw_tracepoint]
pub fn executed(_ctx: RawTracePointContext) -> i32 {
    kernel::life::replaced();
    0
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the verifier rejects a program from which this could be reached.
    unsafe { core::hint::unreachable_unchecked() }
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
