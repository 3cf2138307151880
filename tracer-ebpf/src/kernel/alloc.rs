//! Allocation calls: entry and return, paired by thread.

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::BPF_ANY;
use aya_log_ebpf::debug;
use leakspy_ebpf::hash::array_bytes;
use leakspy_ebpf::walk::ReadUser;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{Function, LiveValue, Pending};
use leakspy_ebpf::wire::limit::MAX_NESTED;

use super::map::PENDING;
use super::read::Current;
use super::{ProbeEvent, ledger, life, mapping, sample, site};

const PROT_NONE: u64 = 0;
const MAP_PRIVATE: u64 = 0x2;
const MAP_FIXED: u64 = 0x10;
const MAP_ANONYMOUS: u64 = 0x20;
const PAGE: u64 = 4096;
/// System calls return errors as `-4095..=-1`, and mmap's failure is -1.
pub const ERRORS: u64 = u64::MAX - 4094;

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
pub fn entry<C: EbpfContext>(ctx: &C, event: &ProbeEvent) -> bool {
    let function = event.function;
    if releases(function) && life::is_due(event, Counter::AllocCalls) && life::is_finalizing(event)
    {
        return false;
    }
    event.count(Counter::AllocCalls);
    let request = request(function, event, event.arg3());
    let weight =
        request.as_ref().map_or(1, |request| sample::weight(event, function, request.size));
    if weight == 0 && calls_no_other(function) {
        event.count(Counter::AllocLeftOut);
        return false;
    }
    let Some(pending) = pending_slot(event) else {
        event.count(Counter::PendingFull);
        debug!(ctx, "no room to remember a call of function {}", function);
        return false;
    };
    if inside_another(event, pending) {
        event.count(Counter::AllocNested);
        return false;
    }
    let Some(request) = request else {
        event.count(Counter::AllocNotAnonymous);
        return false;
    };
    pending.has_old = 0;
    pending.old_address = request.old_address;
    if request.old_address != 0 {
        // Now and not at the return: once realloc has freed the old block, another thread may be
        // given its address before this one returns.
        match ledger::take(event, request.old_address) {
            Some(old) => {
                pending.old = old;
                pending.has_old = 1;
            }
            None if function == Function::Mremap as u32 => {
                event.count(Counter::AllocNotAnonymous);
                return false;
            }
            None => event.count(Counter::ReallocUnknown),
        }
    }
    pending.site = 0;
    if weight != 0 {
        pending.site = site::resolve(event, function, request.size, false);
        pending.more = (weight - 1) as u16;
    }
    pending.size = request.size;
    pending.out = request.out;
    pending.function = function;
    pending.nested = 0;
    pending.ip = event.ip();
    pending.sp = event.sp();
    true
}

/// A mapping that a system call makes, without a function that is seen. `place` says where one of so many
/// bytes will be.
#[inline(always)]
pub fn mapped(event: &ProbeEvent, place: impl Fn(u64) -> Option<u64>) {
    let pending = PENDING.get_ptr(event.pid_tgid).map(|pending| {
        // SAFETY: only the thread itself writes its entry.
        unsafe { &*pending }
    });
    let inside = pending.filter(|pending| pending.slot == event.slot && pending.sp >= event.sp());
    if inside.is_some_and(|pending| is_mapping(pending.function)) {
        // It is that call, and its return will be seen.
        return;
    }
    event.count(Counter::AllocCalls);
    if inside.is_some() {
        event.count(Counter::AllocNested);
        return;
    }
    // The `syscall` instruction overwrites the register that functions have their fourth argument in.
    let flags = event.system_call_arg3();
    let request = request(event.function, event, flags).filter(|_| {
        // Shared memory is looked for more than once.
        event.function != Function::Mmap as u32 || flags & MAP_PRIVATE != 0
    });
    let found = request.and_then(|request| Some((place(request.size)?, request)));
    let Some((address, request)) = found else {
        event.count(Counter::AllocNotAnonymous);
        return;
    };
    if request.old_address != 0 {
        let Some(old) = ledger::take(event, request.old_address) else {
            event.count(Counter::AllocNotAnonymous);
            return;
        };
        event.count(Counter::ReallocOld);
        ledger::freed(event, &old);
        mapping::ended(event, request.old_address, old.size());
    }
    let site = site::resolve(event, event.function, request.size, true);
    mapping::began(event, address, request.size);
    ledger::insert(event, address, &LiveValue::new(request.size, 1, site, ledger::now_ns()));
}

/// Whether the function may release an old block.
#[inline(always)]
fn releases(function: u32) -> bool {
    function == Function::Realloc as u32
        || function == Function::Reallocarray as u32
        || function == Function::Mremap as u32
}

/// Whether the function never calls another one that is seen, whatever allocator has it. Of the others the whole
/// call must be known also when it is not recorded, or what they call would have a chance of its own.
#[inline(always)]
fn calls_no_other(function: u32) -> bool {
    function == Function::Malloc as u32 || function == Function::Calloc as u32
}

/// The thread's pending call, made on its first.
#[inline(always)]
fn pending_slot(event: &ProbeEvent) -> Option<&'static mut Pending> {
    let thread = event.pid_tgid;
    let mut known = PENDING.get_ptr_mut(thread);
    if known.is_none() {
        PENDING.insert(thread, Pending::NONE, BPF_ANY.into()).ok()?;
        known = PENDING.get_ptr_mut(thread);
    }
    // SAFETY: only the thread itself writes its entry, and a thread is in one call at a time.
    let pending = known.map(|pending| unsafe { &mut *pending })?;
    if pending.slot != event.slot {
        // Left from when the process was another target.
        pending.sp = 0;
        pending.slot = event.slot;
    }
    Some(pending)
}

/// Whether this call was made inside the pending one: deeper on the stack, or by a jump in its
/// place (glibc's realloc ends in malloc when there is no old block). A pending call whose frame is
/// gone, or that has seen too many calls, never returned.
#[inline(always)]
fn inside_another(event: &ProbeEvent, pending: &mut Pending) -> bool {
    let (sp, ip) = (event.sp(), event.ip());
    if pending.sp == 0 {
        return false;
    }
    let inside = pending.sp > sp || (pending.sp == sp && pending.ip != ip);
    if inside && pending.nested < MAX_NESTED {
        pending.nested += 1;
        return true;
    }
    event.count(Counter::PendingLost);
    if pending.has_old != 0 {
        event.count(Counter::ReallocOld);
        ledger::freed(event, &pending.old);
    }
    pending.sp = 0;
    false
}

/// Reads the arguments; nothing when the call makes no heap.
#[inline(always)]
fn request(function: u32, event: &ProbeEvent, arg3: u64) -> Option<Request> {
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
        let flags = arg3;
        // What nobody may touch is address space kept free, not memory: c is the protection.
        if flags & MAP_ANONYMOUS == 0 || flags & MAP_FIXED != 0 || c == PROT_NONE {
            return None;
        }
        plain(whole_pages(b))
    } else if function == Function::Mremap as u32 {
        Some(Request { size: whole_pages(c), old_address: a, out: 0 })
    } else {
        None
    }
}

/// Return of an allocation function. A function of its own: inlined into the session program, its
/// part of the stack would come on top of what `entry` needs, and there is room for 512 bytes.
#[inline(never)]
pub fn returned<C: EbpfContext>(_ctx: &C, event: &ProbeEvent) -> bool {
    let Some(pending) = PENDING.get_ptr_mut(event.pid_tgid) else {
        event.count(Counter::ReturnUnmatched);
        return false;
    };
    // SAFETY: as in `pending_slot`.
    let pending = unsafe { &mut *pending };
    if pending.sp == 0 || pending.slot != event.slot {
        event.count(Counter::ReturnUnmatched);
        return false;
    }
    // The return has popped the return address. Calls inside the pending one, which only sessions
    // can keep from returning here, are deeper.
    if event.sp() != pending.sp + 8 {
        return false;
    }
    pending.sp = 0;
    match address(pending, event.result()) {
        Outcome::Address(address) => succeeded(event, pending, address),
        Outcome::Failed => failed(event, pending),
        Outcome::Unreadable => event.count(Counter::OutUnreadable),
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
fn succeeded(event: &ProbeEvent, pending: &Pending, address: u64) {
    let maps = is_mapping(pending.function);
    if pending.has_old != 0 {
        event.count(Counter::ReallocOld);
        ledger::freed(event, &pending.old);
        if maps {
            mapping::ended(event, pending.old_address, pending.old.size());
        }
    }
    if maps {
        mapping::began(event, address, pending.size);
    }
    if pending.site == 0 {
        event.count(Counter::AllocLeftOut);
        return;
    }
    let weight = u64::from(pending.more) + 1;
    let block = LiveValue::new(pending.size, weight, pending.site, ledger::now_ns());
    ledger::insert(event, address, &block);
}

#[inline(always)]
fn failed(event: &ProbeEvent, pending: &Pending) {
    let reallocs = pending.function == Function::Realloc as u32
        || pending.function == Function::Reallocarray as u32;
    if reallocs && pending.size == 0 && pending.old_address != 0 {
        event.count(Counter::ReallocReleased);
        if pending.has_old != 0 {
            event.count(Counter::ReallocOld);
            ledger::freed(event, &pending.old);
        }
        return;
    }
    event.count(Counter::AllocFailed);
    if pending.has_old != 0 && ledger::restore(event, pending.old_address, &pending.old) {
        event.count(Counter::ReallocRestored);
    }
}
