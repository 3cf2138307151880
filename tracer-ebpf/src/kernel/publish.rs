//! Sends a stack to user space: Python frames, registers and a copy of the native stack.

use core::ffi::c_void;
use core::mem::size_of;

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use leakspy_ebpf::walk::{Scratch, Thread, Walked, Word};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::limit::{MAX_STACK_BYTES, MAX_WORDS};
use leakspy_ebpf::wire::record::{Header, Stack};

use super::Event;
use super::count::count;
use super::map::{RING, SEEN_CODE};
use super::read;

const PAGE: u64 = 4096;

/// What is sent of a call.
pub struct Call<'a> {
    pub event: &'a Event,
    pub thread: Thread,
    pub walked: Walked,
    pub function: u32,
    pub size: u64,
    pub site: u64,
}

/// Sends the stack; false when the ring is full.
#[inline(always)]
pub fn stack(kind: u32, call: &Call<'_>, scratch: &Scratch) -> bool {
    // Before the record is visible: user space relies on finding the code objects here.
    remember_code(call.walked.count, scratch);
    let Some(mut entry) = RING.reserve::<Stack>(0) else {
        count(Counter::RingFull);
        return false;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: `record` has room for a whole `Stack`; each field is written through its own pointer, and
    // the tails of the arrays that are not written are excluded by the counts.
    unsafe {
        (*record).header = Header { kind, length: size_of::<Stack>() as u32 };
        (*record).site = call.site;
        (*record).time_ns = bpf_ktime_get_ns();
        (*record).pid_tgid = call.event.pid_tgid;
        (*record).ip = call.event.ip();
        (*record).sp = call.thread.sp;
        (*record).bp = call.event.bp();
        (*record).fsbase = call.thread.fsbase;
        (*record).size = call.size;
        (*record).cframe = call.walked.cframe;
        (*record).function = call.function;
        (*record).flags = call.walked.flags;
        (*record).word_count = call.walked.count;
        copy(
            (&raw mut (*record).words).cast(),
            (&raw const scratch.words).cast(),
            MAX_WORDS as u32 * 8,
        );
        copy(
            (&raw mut (*record).generations).cast(),
            (&raw const scratch.generations).cast(),
            MAX_WORDS as u32 * 4,
        );
        let filled = native((&raw mut (*record).bytes).cast(), call.thread.sp);
        (*record).byte_count = filled;
        if filled == 0 {
            count(Counter::StackUnreadable);
        }
    }
    entry.submit(0);
    true
}

/// Copies within kernel memory with one helper call instead of a loop that the verifier walks.
#[inline(always)]
fn copy(to: *mut c_void, from: *const c_void, length: u32) {
    // SAFETY: the verifier proves both ranges.
    unsafe { bpf_probe_read_kernel(to, length, from) };
}

/// Copies the stack page by page until one cannot be read (its end), and says how much.
#[inline(always)]
fn native(to: *mut u8, sp: u64) -> u32 {
    let mut filled: u64 = 0;
    for _ in 0..=MAX_STACK_BYTES as u64 / PAGE {
        if filled > MAX_STACK_BYTES as u64 - PAGE {
            break;
        }
        let address = sp + filled;
        let length = PAGE - (address & (PAGE - 1));
        // SAFETY: `filled` is at most the size of the array less one page.
        let into = unsafe { to.add(filled as usize) };
        if !read::bytes(address, into.cast(), length as u32) {
            break;
        }
        filled += length;
    }
    filled as u32
}

/// Notes the code objects of the stack, so that their end is noticed.
#[inline(always)]
fn remember_code(used: u32, scratch: &Scratch) {
    for index in 0..MAX_WORDS {
        if index as u32 >= used {
            break;
        }
        let word = Word(scratch.words[index]);
        if !word.is_python() {
            continue;
        }
        let first_seen = u64::from(scratch.generations[index]) << 1;
        if let Err(error) = SEEN_CODE.insert(word.code(), first_seen, BPF_NOEXIST.into())
            && error != -17
        {
            count(Counter::SeenCodeFull);
        }
    }
}
