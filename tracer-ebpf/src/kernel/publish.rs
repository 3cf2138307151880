//! Sends a stack to user space: Python frames, registers and a copy of the native stack.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use leakspy_ebpf::walk::{Scratch, Word};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::limit::{MAX_STACK_BYTES, MAX_WORDS};
use leakspy_ebpf::wire::record::{Header, StackRecord};

use super::ProbeEvent;
use super::map::{RING, SEEN_CODE, WorkSlot};
use super::read;

const PAGE: u64 = 4096;
const WORDS_BYTES: u32 = MAX_WORDS as u32 * 8;

/// What is sent of a call, beside what lies in the slot already: the walk, and `fsbase` in the record.
/// What lies there needs no room on the program's stack, which has 512 bytes with all that it calls.
pub struct SentCall<'a> {
    pub event: &'a ProbeEvent,
    pub function: u32,
    pub size: u64,
    pub site: u64,
}

/// Sends the stack; false when the ring is full. It is put together in the slot and not in the
/// ring, so that only as much room is taken as the stack needs.
#[inline(always)]
pub fn stack(kind: u16, call: &SentCall<'_>, slot: &mut WorkSlot) -> bool {
    // Before the record is visible: user space relies on finding the code objects here.
    let walked = slot.scratch.walked();
    remember_code(call.event, walked.count, &slot.scratch);
    let record = &mut slot.record;
    let filled = native(record.bytes.as_mut_ptr(), call.event, record.fsbase);
    if filled == 0 {
        call.event.count(Counter::StackUnreadable);
    }
    let length = (offset_of!(StackRecord, bytes) as u64 + filled) as u32;
    record.header = Header { kind, slot: call.event.slot as u16, length };
    record.site = call.site;
    record.time_ns = now_ns();
    record.pid_tgid = call.event.pid_tgid;
    record.ip = call.event.ip();
    record.sp = call.event.sp();
    record.bp = call.event.bp();
    record.size = call.size;
    record.cframe = walked.cframe;
    record.function = call.function;
    record.flags = walked.flags;
    record.word_count = walked.count;
    record.byte_count = filled as u32;
    copy(record.words.as_mut_ptr().cast(), slot.scratch.words.as_ptr().cast(), WORDS_BYTES);
    copy(
        record.generations.as_mut_ptr().cast(),
        slot.scratch.generations.as_ptr().cast(),
        WORDS_BYTES / 2,
    );
    if length as usize > size_of::<StackRecord>() {
        return false;
    }
    // SAFETY: the record is plain old data and longer than `length`.
    let bytes = unsafe {
        core::slice::from_raw_parts(core::ptr::from_ref(record).cast::<u8>(), length as usize)
    };
    if RING.output::<[u8]>(bytes, 0).is_err() {
        call.event.count(Counter::RingFull);
        return false;
    }
    true
}

fn now_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

/// Copies within kernel memory with one helper call instead of a loop that the verifier walks.
#[inline(always)]
fn copy(to: *mut c_void, from: *const c_void, length: u32) {
    // SAFETY: the verifier proves both ranges.
    unsafe { bpf_probe_read_kernel(to, length, from) };
}

/// Copies the stack page by page until its end, or until a page cannot be read, and says how much.
#[inline(always)]
fn native(to: *mut u8, event: &ProbeEvent, fsbase: u64) -> u64 {
    let wanted = wanted(event, fsbase);
    let mut filled: u64 = 0;
    for _ in 0..=MAX_STACK_BYTES as u64 / PAGE {
        if filled > MAX_STACK_BYTES as u64 - PAGE || filled >= wanted {
            break;
        }
        let address = event.sp() + filled;
        let mut length = PAGE - (address & (PAGE - 1));
        if length > wanted - filled {
            length = wanted - filled;
        }
        if length > PAGE {
            break;
        }
        // SAFETY: `filled` is at most the size of the array less one page.
        let into = unsafe { to.add(filled as usize) };
        if !read::bytes(address, into.cast(), length as u32) {
            break;
        }
        filled += length;
    }
    filled
}

/// How much of the stack there is: glibc keeps a thread's control block above its stack, and the
/// first thread's stack ends where the kernel put it. On other stacks, as much as is kept at all.
#[inline(always)]
fn wanted(event: &ProbeEvent, fsbase: u64) -> u64 {
    let most = MAX_STACK_BYTES as u64;
    for end in [fsbase, event.target().stack_end] {
        let length = end.wrapping_sub(event.sp());
        if length < most {
            return length;
        }
    }
    most
}

/// Notes the code objects of the stack, so that their end is noticed.
#[inline(always)]
fn remember_code(event: &ProbeEvent, used: u32, scratch: &Scratch) {
    for index in 0..MAX_WORDS {
        if index as u32 >= used {
            break;
        }
        let word = Word(scratch.words[index]);
        if !word.is_python() {
            continue;
        }
        let first_seen = scratch.generations[index];
        let Some(key) = event.key(word.code()) else { continue };
        if let Err(error) = SEEN_CODE.insert(key, first_seen, BPF_NOEXIST.into())
            && error != -17
        {
            event.count(Counter::SeenCodeFull);
        }
    }
}
