//! Functions that only release: free and munmap.

use aya_ebpf::EbpfContext;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::Function;

use super::count::count;
use super::map::PENDING;
use super::{Event, alloc, ledger, mapping};

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
    let unmaps = alloc::function(ctx) == Function::Munmap as u32;
    match ledger::take(address) {
        Some(block) if unmaps => {
            mapping::unmapped(address, alloc::whole_pages(event.arg1()), &block);
        }
        Some(block) => {
            count(Counter::FreeRecorded);
            ledger::freed(&block);
        }
        None if inside_allocator(event) => count(Counter::FreeNested),
        None if unmaps => {
            if !mapping::cut_tail(address, alloc::whole_pages(event.arg1())) {
                count(Counter::UnmapUnknown);
            }
        }
        None => count(Counter::FreeUnknown),
    }
    false
}

/// Whether the thread is inside an allocation call of its own: then the allocator cleans up.
#[inline(always)]
fn inside_allocator(event: &Event) -> bool {
    PENDING.get_ptr(event.pid_tgid).is_some_and(|pending| {
        // SAFETY: only the thread itself writes its entry.
        unsafe { (*pending).sp > event.sp() }
    })
}
