//! The end of code objects: their addresses are used again, so whoever knew one must hear of it.

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::BPF_ANY;
use aya_log_ebpf::debug;
use core::ffi::c_void;
use core::mem::size_of;
use leakspy_ebpf::code_value::KnownValues;
use leakspy_ebpf::hash::generation_bucket;
use leakspy_ebpf::walk::ReadUser;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::target_key;
use leakspy_ebpf::wire::limit::{CODE_BYTES, LINE_TABLE_BYTES, TEXT_BYTES};
use leakspy_ebpf::wire::record::{CodeGone, Header, KIND_CODE_GONE};
use leakspy_ebpf::wire::target::PythonWalk;

use super::atomic;
use super::map::{CODE_VALUES, GENERATIONS, READ_CODE, RING, SEEN_CODE};
use super::read::{self, Current};
use super::{ProbeEvent, layout};

const PAGE: u64 = 4096;

/// Entry of `code_dealloc(code)`: before the memory can be used again.
#[inline(always)]
pub fn dealloc<C: EbpfContext>(ctx: &C, event: &ProbeEvent) -> bool {
    let code = event.arg0();
    let Some(key) = event.key(code) else { return false };
    // Of those by value, only the first was seen by its address.
    let _ = CODE_VALUES.remove(key);
    let Some(seen) = SEEN_CODE.get_ptr(key) else { return false };
    // SAFETY: the element is deleted only here, for an object that can be freed only once.
    let first_seen = unsafe { *seen };
    event.count(Counter::CodeFreed);
    atomic::add(&mut event.target().code_ends, 1);
    let Some(generations) = GENERATIONS.get_ptr_mut(event.slot) else { return false };
    // SAFETY: an element of an array map.
    let bucket = unsafe { &mut (*generations).bucket[generation_bucket(code)] };
    let generation = *bucket;
    if !was_read(key, first_seen) && !save(event, first_seen, generation, &layout().python) {
        event.count(Counter::CodeLost);
        debug!(ctx, "code object {:x} ends unread, and the ring is full", code);
    }
    atomic::add_half(bucket, 1);
    let _ = SEEN_CODE.remove(key);
    false
}

/// Whether user space has read this very object, and not an earlier one at its address.
#[inline(always)]
fn was_read(key: u64, first_seen: u32) -> bool {
    let Some(read) = READ_CODE.get_ptr(key) else { return false };
    // SAFETY: an aligned word; an element that is reused right now can only make it another
    // object's, which saves the parts once more or leaves a name out, and that is counted.
    let read = unsafe { *read };
    let _ = READ_CODE.remove(key);
    read == first_seen
}

/// Copies what names the code object while it is still there; false when the ring is full.
#[inline(always)]
fn save(event: &ProbeEvent, first_seen: u32, generation: u32, layout: &PythonWalk) -> bool {
    let code = event.arg0();
    let Some(mut entry) = RING.reserve::<CodeGone>(0) else { return false };
    let record = entry.as_mut_ptr();
    // SAFETY: `record` has room for a whole `CodeGone`; what is not written is excluded by the
    // lengths.
    unsafe {
        (*record).header = Header {
            kind: KIND_CODE_GONE,
            slot: event.slot as u16,
            length: size_of::<CodeGone>() as u32,
        };
        (*record).code = code;
        (*record).first_seen = first_seen;
        (*record).generation = generation;
        (*record).object_length =
            prefix((&raw mut (*record).object).cast(), code, CODE_BYTES as u64);
        for text in 0..3 {
            let offset = layout.code_texts[text];
            let address = if offset == 0 { 0 } else { pointer(code, offset) };
            (*record).text_addresses[text] = address;
            (*record).text_lengths[text] =
                prefix((&raw mut (*record).texts[text]).cast(), address, TEXT_BYTES as u64);
        }
        let table = pointer(code, layout.code_line_table);
        (*record).line_table_address = table;
        (*record).line_table_length =
            prefix((&raw mut (*record).line_table).cast(), table, LINE_TABLE_BYTES as u64);
    }
    entry.submit(0);
    true
}

/// Values of code objects.
pub struct CodeValues;

impl KnownValues for CodeValues {
    #[inline(always)]
    fn get(&self, target: u64, code: u64) -> Option<u64> {
        // SAFETY: the element is deleted only when its code object ends, and this one runs.
        CODE_VALUES.get_ptr(target_key(target as u32, code)?).map(|value| unsafe { *value })
    }

    #[inline(always)]
    fn put(&self, target: u64, code: u64, value: u64) {
        if let Some(key) = target_key(target as u32, code) {
            // Without room it is computed once more, no worse.
            let _ = CODE_VALUES.insert(key, value, BPF_ANY.into());
        }
    }
}

#[inline(always)]
fn pointer(code: u64, offset: u32) -> u64 {
    Current.word(code + u64::from(offset)).unwrap_or(0)
}

/// Reads `length` bytes, or as many as the first page has if the next cannot be read.
#[inline(always)]
fn prefix(to: *mut c_void, address: u64, length: u64) -> u32 {
    if address == 0 {
        return 0;
    }
    if read::bytes(address, to, length as u32) {
        return length as u32;
    }
    let here = PAGE - (address & (PAGE - 1));
    if here < length && read::bytes(address, to, here as u32) {
        return here as u32;
    }
    0
}
