//! Allocation calls: entry and return, paired by thread.

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::generated::bpf_get_attach_cookie;
use aya_log_ebpf::debug;
use leakspy_ebpf::hash::array_bytes;
use leakspy_ebpf::walk::ReadUser;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{Function, Pending};
use leakspy_ebpf::wire::limit::MAX_NESTED;

use super::count::count;
use super::map::PENDING;
use super::read::Current;
use super::{Event, ledger, mapping, site};

const MAP_FIXED: u64 = 0x10;
const MAP_ANONYMOUS: u64 = 0x20;
const PAGE: u64 = 4096;
/// System calls return errors as `-4095..=-1`, and mmap's failure is -1.
const ERRORS: u64 = u64::MAX - 4094;

/// Which function this probe belongs to.
#[inline(always)]
pub fn function<C: EbpfContext>(ctx: &C) -> u32 {
    // SAFETY: the helper takes the program's own context.
    unsafe { bpf_get_attach_cookie(ctx.as_ptr()) as u32 }
}

/// Bytes of whole pages that hold `length` bytes.
#[inline(always)]
pub fn whole_pages(length: u64) -> u64 {
    length.saturating_add(PAGE - 1) & !(PAGE - 1)
}

/// What a call asks for.
struct Request {
    size: u64,
    old_address: u64,
    out: u64,
}

/// Entry of an allocation function; true when its return must be seen.
#[inline(always)]
pub fn entry<C: EbpfContext>(ctx: &C, event: &Event) -> bool {
    count(Counter::AllocCalls);
    let function = function(ctx);
    let Some(pending) = pending_slot(event.pid_tgid) else {
        count(Counter::PendingFull);
        debug!(ctx, "no room to remember a call of function {}", function);
        return false;
    };
    if inside_another(pending, event.sp(), function) {
        count(Counter::AllocNested);
        return false;
    }
    let Some(request) = request(function, event) else {
        count(Counter::AllocNotAnonymous);
        return false;
    };
    pending.has_old = 0;
    pending.old_address = request.old_address;
    if request.old_address != 0 {
        // Now and not at the return: once realloc has freed the old block, another thread may be
        // given its address before this one returns.
        match ledger::take(request.old_address) {
            Some(old) => {
                pending.old = old;
                pending.has_old = 1;
            }
            None if function == Function::Mremap as u32 => {
                count(Counter::AllocNotAnonymous);
                return false;
            }
            None => count(Counter::ReallocUnknown),
        }
    }
    pending.site = site::resolve(event, function, request.size);
    pending.size = request.size;
    pending.out = request.out;
    pending.function = function;
    pending.nested = 0;
    pending.sp = event.sp();
    true
}

/// The thread's pending call, made on its first.
#[inline(always)]
fn pending_slot(thread: u64) -> Option<&'static mut Pending> {
    if PENDING.get_ptr(thread).is_none() {
        PENDING.insert(thread, Pending::NONE, BPF_ANY.into()).ok()?;
    }
    // SAFETY: only the thread itself writes its entry, and a thread is in one call at a time.
    PENDING.get_ptr_mut(thread).map(|pending| unsafe { &mut *pending })
}

/// Whether this call was made inside the pending one: deeper on the stack, or by a jump in its place
/// (glibc's realloc ends in malloc when there is no old block). A pending call whose frame is gone, or
/// that has seen too many calls, never returned.
#[inline(always)]
fn inside_another(pending: &mut Pending, sp: u64, function: u32) -> bool {
    if pending.sp == 0 {
        return false;
    }
    let inside = pending.sp > sp || (pending.sp == sp && pending.function != function);
    if inside && pending.nested < MAX_NESTED {
        pending.nested += 1;
        return true;
    }
    count(Counter::PendingLost);
    if pending.has_old != 0 {
        count(Counter::ReallocOld);
        ledger::freed(&pending.old);
    }
    pending.sp = 0;
    false
}

/// Reads the arguments; nothing when the call makes no heap.
#[inline(always)]
fn request(function: u32, event: &Event) -> Option<Request> {
    let (a, b, c) = (event.arg0(), event.arg1(), event.arg2());
    let plain = |size| Some(Request { size, old_address: 0, out: 0 });
    if function == Function::Malloc as u32
        || function == Function::Valloc as u32
        || function == Function::Pvalloc as u32
    {
        plain(a)
    } else if function == Function::Calloc as u32 {
        plain(array_bytes(a, b))
    } else if function == Function::Realloc as u32 {
        Some(Request { size: b, old_address: a, out: 0 })
    } else if function == Function::Reallocarray as u32 {
        Some(Request { size: array_bytes(b, c), old_address: a, out: 0 })
    } else if function == Function::PosixMemalign as u32 {
        Some(Request { size: c, old_address: 0, out: a })
    } else if function == Function::AlignedAlloc as u32 || function == Function::Memalign as u32 {
        plain(b)
    } else if function == Function::Mmap as u32 {
        let flags = event.arg3();
        if flags & MAP_ANONYMOUS == 0 || flags & MAP_FIXED != 0 {
            return None;
        }
        plain(whole_pages(b))
    } else if function == Function::Mremap as u32 {
        Some(Request { size: whole_pages(c), old_address: a, out: 0 })
    } else {
        None
    }
}

/// Return of an allocation function.
#[inline(always)]
pub fn returned<C: EbpfContext>(_ctx: &C, event: &Event) -> bool {
    let Some(pending) = PENDING.get_ptr_mut(event.pid_tgid) else {
        count(Counter::ReturnUnmatched);
        return false;
    };
    // SAFETY: as in `pending_slot`.
    let pending = unsafe { &mut *pending };
    if pending.sp == 0 {
        count(Counter::ReturnUnmatched);
        return false;
    }
    // The return has popped the return address. Calls inside the pending one, which only sessions
    // can keep from returning here, are deeper.
    if event.sp() != pending.sp + 8 {
        return false;
    }
    pending.sp = 0;
    match address(pending, event.result()) {
        Outcome::Address(address) => succeeded(pending, address),
        Outcome::Failed => failed(pending),
        Outcome::Unreadable => count(Counter::OutUnreadable),
    }
    false
}

enum Outcome {
    Address(u64),
    Failed,
    Unreadable,
}

#[inline(always)]
fn address(pending: &Pending, result: u64) -> Outcome {
    let function = pending.function;
    if function == Function::PosixMemalign as u32 {
        if result as u32 != 0 {
            return Outcome::Failed;
        }
        return match Current.word(pending.out) {
            Some(address) => Outcome::Address(address),
            None => Outcome::Unreadable,
        };
    }
    if result == 0 || (is_mapping(function) && result >= ERRORS) {
        return Outcome::Failed;
    }
    Outcome::Address(result)
}

#[inline(always)]
fn is_mapping(function: u32) -> bool {
    function == Function::Mmap as u32 || function == Function::Mremap as u32
}

#[inline(always)]
fn succeeded(pending: &Pending, address: u64) {
    let maps = is_mapping(pending.function);
    if pending.has_old != 0 {
        count(Counter::ReallocOld);
        ledger::freed(&pending.old);
        if maps {
            mapping::ended(pending.old_address, pending.old.size);
        }
    }
    if maps {
        mapping::began(address, pending.size);
    }
    ledger::insert(address, pending.size, pending.site);
}

#[inline(always)]
fn failed(pending: &Pending) {
    let reallocs = pending.function == Function::Realloc as u32
        || pending.function == Function::Reallocarray as u32;
    if reallocs && pending.size == 0 && pending.old_address != 0 {
        count(Counter::ReallocReleased);
        if pending.has_old != 0 {
            count(Counter::ReallocOld);
            ledger::freed(&pending.old);
        }
        return;
    }
    count(Counter::AllocFailed);
    if pending.has_old != 0 {
        if ledger::put_back(pending.old_address, &pending.old) {
            count(Counter::ReallocRestored);
        } else {
            count(Counter::RestLost);
            ledger::freed(&pending.old);
        }
    }
}
