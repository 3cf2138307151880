//! Functions that only release: free and munmap.

use aya_ebpf::EbpfContext;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::Function;

use super::map::PENDING;
use super::{ProbeEvent, alloc, ledger, life, mapping};

/// Entry of free or munmap. The block leaves the table before it is released, so its address cannot
/// be handed out again in between.
#[inline(always)]
pub fn entry<C: EbpfContext>(_ctx: &C, event: &ProbeEvent) -> bool {
    let unmaps = event.function == Function::Munmap as u32;
    if (unmaps || life::is_due(event, Counter::FreeCalls)) && life::is_finalizing(event) {
        return false;
    }
    let address = event.arg0();
    if address == 0 {
        event.count(Counter::FreeCalls);
        event.count(Counter::FreeNull);
        return false;
    }
    let block = ledger::take(event, address);
    if let Some(block) = &block
        && life::is_due_for(block)
        && life::is_finalizing(event)
    {
        ledger::restore(event, address, block);
        return false;
    }
    event.count(Counter::FreeCalls);
    match block {
        Some(block) if unmaps => {
            mapping::unmapped(event, address, alloc::whole_pages(event.arg1()), &block);
        }
        Some(block) => {
            event.count(Counter::FreeRecorded);
            ledger::freed(event, &block);
        }
        None if inside_allocator(event) => event.count(Counter::FreeNested),
        None if unmaps => {
            if !mapping::cut_tail(event, address, alloc::whole_pages(event.arg1())) {
                event.count(Counter::UnmapUnknown);
            }
        }
        None => event.count(Counter::FreeUnknown),
    }
    false
}

/// Whether the thread is inside an allocation call of its own: then the allocator cleans up.
#[inline(always)]
fn inside_allocator(event: &ProbeEvent) -> bool {
    PENDING.get_ptr(event.pid_tgid).is_some_and(|pending| {
        // SAFETY: only the thread itself writes its entry.
        unsafe { (*pending).slot == event.slot && (*pending).sp > event.sp() }
    })
}
