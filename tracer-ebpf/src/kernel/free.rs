//! Functions that only release: free and munmap.

use aya_ebpf::EbpfContext;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{Function, LiveBlock};

use super::count::count;
use super::map::PENDING;
use super::{Event, alloc, ledger};

/// Entry of free or munmap. The block leaves the table before it is released, so its address cannot
/// be handed out again in between.
#[inline(always)]
pub fn entry<C: EbpfContext>(ctx: &C, event: &Event) -> bool {
    count(Counter::FreeCalls);
    let address = event.arg0();
    if address == 0 {
        count(Counter::FreeNull);
        return false;
    }
    let unmaps = alloc::function(ctx, event) == Function::Munmap as u32;
    match ledger::take(address) {
        Some(block) if unmaps => unmapped(event, address, &block),
        Some(block) => {
            count(Counter::FreeRecorded);
            ledger::freed(&block);
        }
        None if inside_allocator(event) => count(Counter::FreeNested),
        None if unmaps => count(Counter::UnmapUnknown),
        None => count(Counter::FreeUnknown),
    }
    false
}

/// A known mapping loses its first `length` bytes, or all.
#[inline(always)]
fn unmapped(event: &Event, address: u64, block: &LiveBlock) {
    let length = alloc::whole_pages(event.arg1());
    if length >= block.size {
        count(Counter::FreeRecorded);
        ledger::freed(block);
        return;
    }
    count(Counter::UnmapPartial);
    let rest = LiveBlock { size: block.size - length, ..*block };
    if ledger::put_back(address + length, &rest) {
        ledger::freed_part(block.site, length, 0);
    } else {
        count(Counter::RestLost);
        ledger::freed(block);
    }
}

/// Whether the thread is inside an allocation call of its own: then the allocator cleans up.
#[inline(always)]
fn inside_allocator(event: &Event) -> bool {
    PENDING.get_ptr(event.pid_tgid).is_some_and(|pending| {
        // SAFETY: only the thread itself writes its entry.
        unsafe { (*pending).sp > event.sp() }
    })
}
