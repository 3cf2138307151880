//! The unwinder on stacks of this process, against glibc's `backtrace`.

mod support;

use std::fs;
use std::hint::black_box;
use std::sync::Mutex;

use leakspy::symbolize::unwind::MAX_FRAMES;
use leakspy::symbolize::{End, NativeStack, Registers, StackCopy};
use support::load;
use support::own::{Own, capture};

fn unwind(own: &Own, limit: usize) -> NativeStack {
    let (mut unwinder, _, _) = load(&fs::read_to_string("/proc/self/maps").unwrap());
    let bytes = &own.bytes[..own.bytes.len().min(limit)];
    unwinder.unwind(own.registers, &StackCopy { start: own.registers.sp, bytes })
}

/// Everything further out than the function that took both.
fn assert_same(native: &NativeStack, own: &Own) {
    let found: Vec<u64> = native.frames[2..].iter().map(|frame| frame.address).collect();
    let truth = &own.truth[1..];
    assert_eq!(found.len(), truth.len(), "{found:x?} {truth:x?}");
    for (found, truth) in found.iter().zip(truth) {
        // Of an interrupted function both say the instruction, of a caller glibc says the next one.
        assert!(found + 1 == *truth || found == truth, "{found:#x} {truth:#x}");
    }
}

#[inline(never)]
fn recurse(depth: u32) -> Own {
    if depth == 0 { capture() } else { black_box(recurse(black_box(depth - 1))) }
}

#[test]
fn a_thread_to_its_root() {
    let own = recurse(40);
    let native = unwind(&own, usize::MAX);
    assert_same(&native, &own);
    assert_eq!(native.end, End::Root);
    assert!(native.frames.len() > 42);
}

#[test]
fn frames_lie_next_to_one_another() {
    let native = unwind(&recurse(5), usize::MAX);
    for pair in native.frames.windows(2) {
        assert_eq!(pair[0].cfa, Some(pair[1].sp));
    }
}

#[test]
fn a_cut_copy_ends_where_it_is_cut() {
    let own = recurse(40);
    let whole = unwind(&own, usize::MAX);
    let cut = unwind(&own, 1024);
    assert_eq!(cut.end, End::CopyEnd);
    let last = cut.frames.len() - 1;
    assert_eq!(cut.frames[..last], whole.frames[..last]);
    // How far the last frame reaches follows from the tables, without its bytes.
    assert_eq!(cut.frames[last].cfa, whole.frames[last].cfa);
}

static IN_HANDLER: Mutex<Option<Own>> = Mutex::new(None);

extern "C" fn handler(_signal: libc::c_int) {
    *IN_HANDLER.lock().unwrap() = Some(capture());
}

#[test]
fn through_a_signal_handler() {
    // SAFETY: the handler allocates and locks, which is sound here because the signal is raised by
    // this thread itself at a known point, outside of any allocator or lock.
    unsafe {
        libc::signal(libc::SIGUSR2, handler as *const () as libc::sighandler_t);
        libc::raise(libc::SIGUSR2);
    }
    let own = IN_HANDLER.lock().unwrap().take().expect("the handler ran");
    let native = unwind(&own, usize::MAX);
    assert_same(&native, &own);
    assert_eq!(native.end, End::Root);
}

#[test]
fn deeper_than_the_limit() {
    let limit = u32::try_from(MAX_FRAMES).unwrap();
    let native = unwind(&recurse(limit + 100), usize::MAX);
    assert_eq!(native.end, End::DepthLimit);
    assert_eq!(native.frames.len(), MAX_FRAMES);
}

#[test]
fn a_return_address_behind_no_call_is_refused() {
    let mut own = recurse(3);
    // One byte off: executable memory of a known file, but no call ends there.
    let off = u64::from_le_bytes(own.bytes[..8].try_into().unwrap()) - 1;
    own.bytes[..8].copy_from_slice(&off.to_le_bytes());
    let native = unwind(&own, usize::MAX);
    assert!(matches!(native.end, End::ImplausibleReturn { .. }), "{:?}", native.end);
    assert_eq!(native.frames.len(), 1);
}

#[test]
fn nonsense_is_refused() {
    let own = recurse(3);
    for word in [0, 1, 0x1000, u64::MAX, own.registers.sp] {
        let bytes = word.to_le_bytes();
        let (mut unwinder, _, _) = load(&fs::read_to_string("/proc/self/maps").unwrap());
        let stack = StackCopy { start: own.registers.sp, bytes: &bytes };
        let native = unwinder.unwind(own.registers, &stack);
        assert_eq!(native.end, End::UnknownCode { address: word });
        let registers = Registers { sp: u64::MAX - 3, ..own.registers };
        assert_eq!(unwinder.unwind(registers, &stack).end, End::CopyEnd);
    }
}
