use std::collections::HashMap;

use super::{NoSlot, SlotEvidence, SlotSearch, StateSlot, find};
use crate::model::{Address, Memory};
use crate::python::layout::StateLocation;
use crate::python::runtime::ThreadState;

/// Words near control blocks, by fsbase and offset; `below` and `above` bytes of each block are
/// mapped.
struct Blocks {
    below: i64,
    above: i64,
    words: HashMap<(u64, i64), u64>,
}

impl Memory for Blocks {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let base = (address.0 + 0x8000) & !0xffff;
        let offset = address.0.cast_signed() - base.cast_signed();
        let length = i64::try_from(into.len()).unwrap();
        if offset < -self.below || offset + length > self.above {
            return false;
        }
        for (bytes, offset) in into.chunks_mut(8).zip((offset..).step_by(8)) {
            let value = self.words.get(&(base, offset)).copied().unwrap_or(0);
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        true
    }
}

fn blocks(words: &[(u64, i64, u64)]) -> Blocks {
    let words = words.iter().map(|&(base, offset, word)| ((base, offset), word)).collect();
    Blocks { below: 2048, above: 2304, words }
}

fn thread(address: u64, thread_id: u64) -> ThreadState {
    let address = Address(address);
    ThreadState { address, interpreter: Address(1), thread_id, native_thread_id: None }
}

const A: u64 = 0x10_0000;
const B: u64 = 0x20_0000;
const KEY: SlotSearch =
    SlotSearch { state_location: StateLocation::PthreadKey, key: None, accessor: None };
const LOCAL: SlotSearch =
    SlotSearch { state_location: StateLocation::ThreadLocal, key: None, accessor: None };

fn slot(offset: i64, threads: usize, evidence: SlotEvidence) -> StateSlot {
    StateSlot { offset, threads, evidence, agrees_with_key: None }
}

#[test]
fn the_offset_common_to_all_threads_is_the_slot() {
    let memory = blocks(&[(A, 808, 0xa0), (A, 400, 0xa0), (B, 808, 0xb0), (B, 16, 0xa0)]);
    let threads = [thread(0xa0, A), thread(0xb0, B)];
    assert_eq!(find(&memory, &threads, KEY), Ok(slot(808, 2, SlotEvidence::OnlyOne)));
}

#[test]
fn the_key_is_held_against_it() {
    let memory = blocks(&[(A, 808, 0xa0)]);
    let threads = [thread(0xa0, A)];
    let agrees = |key| {
        find(&memory, &threads, SlotSearch { key: Some(key), ..KEY }).unwrap().agrees_with_key
    };
    assert_eq!(agrees(1), Some(true));
    assert_eq!(agrees(0), Some(false));
}

#[test]
fn one_thread_with_several_candidates_needs_a_key_in_use() {
    let mut memory = blocks(&[(A, 784, 3), (A, 792, 0xa0), (A, 400, 0xa0)]);
    let threads = [thread(0xa0, A)];
    assert_eq!(find(&memory, &threads, KEY), Ok(slot(792, 1, SlotEvidence::KeyLayout)));
    memory.words.insert((A, 784), 2);
    assert_eq!(find(&memory, &threads, KEY), Err(NoSlot::Ambiguous { candidates: 2 }));
}

/// pybind11 keeps the thread state under a key of its own.
#[test]
fn of_two_keys_the_interpreters_own_decides() {
    let memory = blocks(&[(A, 784, 3), (A, 792, 0xa0), (A, 816, 1), (A, 824, 0xa0)]);
    let threads = [thread(0xa0, A)];
    let found = |key| find(&memory, &threads, SlotSearch { key, ..KEY });
    assert_eq!(found(None), Err(NoSlot::Ambiguous { candidates: 2 }));
    for (key, offset) in [(0, 792), (2, 824)] {
        let slot = StateSlot { agrees_with_key: Some(true), ..slot(offset, 1, SlotEvidence::Key) };
        assert_eq!(found(Some(key)), Ok(slot));
    }
    assert_eq!(found(Some(1)), Err(NoSlot::Ambiguous { candidates: 2 }));
}

#[test]
fn thread_locals_are_below_the_control_block() {
    // -0x20 is the running thread's own pointer, which only the holder of the GIL has.
    let memory = blocks(&[(A, -0x28, 0xa0), (A, -0x20, 0xa0), (B, -0x28, 0xb0), (B, 792, 0xb0)]);
    let threads = [thread(0xa0, A), thread(0xb0, B)];
    assert_eq!(find(&memory, &threads, LOCAL), Ok(slot(-0x28, 2, SlotEvidence::OnlyOne)));
    let alone = &threads[..1];
    assert_eq!(find(&memory, alone, LOCAL), Err(NoSlot::Ambiguous { candidates: 2 }));
    let told = SlotSearch { accessor: Some(-0x28), ..LOCAL };
    assert_eq!(find(&memory, alone, told), Ok(slot(-0x28, 1, SlotEvidence::Accessor)));
}

#[test]
fn an_accessor_that_reads_something_else_is_not_believed() {
    let memory = blocks(&[(A, -0x28, 0xa0), (B, -0x28, 0xb0), (A, -0x30, 0xa0), (B, -0x30, 7)]);
    let threads = [thread(0xa0, A), thread(0xb0, B)];
    for accessor in [-0x30, -0x40, i64::MIN, i64::MAX] {
        let told = SlotSearch { accessor: Some(accessor), ..LOCAL };
        assert_eq!(find(&memory, &threads, told), Ok(slot(-0x28, 2, SlotEvidence::OnlyOne)));
    }
}

#[test]
fn stacks_below_the_thread_locals_are_not_searched() {
    let memory = blocks(&[(A, -1800, 0xa0)]);
    assert_eq!(find(&memory, &[thread(0xa0, A)], LOCAL), Err(NoSlot::NotFound { threads: 1 }));
}

#[test]
fn a_thread_with_two_states_may_hold_either() {
    let memory = blocks(&[(A, 792, 0xa1), (B, 792, 0xb0)]);
    let threads = [thread(0xa0, A), thread(0xb0, B), thread(0xa1, A)];
    assert_eq!(find(&memory, &threads, KEY), Ok(slot(792, 2, SlotEvidence::OnlyOne)));
}

#[test]
fn threads_that_are_gone_or_not_there_yet_do_not_count() {
    let memory = blocks(&[(A, 792, 0xa0)]);
    let threads = [thread(0xa0, A), thread(0xb0, 0x30_4000), thread(0xc0, 0), thread(0xd0, B)];
    assert_eq!(find(&memory, &threads, KEY), Ok(slot(792, 1, SlotEvidence::OnlyOne)));
}

#[test]
fn memory_that_ends_early_is_searched_as_far_as_it_goes() {
    let mut memory = blocks(&[(A, 792, 0xa0), (A, -0x28, 0xa0)]);
    (memory.below, memory.above) = (300, 1200);
    let threads = [thread(0xa0, A)];
    assert_eq!(find(&memory, &threads, KEY), Ok(slot(792, 1, SlotEvidence::OnlyOne)));
    assert_eq!(find(&memory, &threads, LOCAL), Ok(slot(-0x28, 1, SlotEvidence::OnlyOne)));
}

#[test]
fn disagreement_and_absence_are_told_apart() {
    let memory = blocks(&[(A, 792, 0xa0), (B, 808, 0xb0)]);
    let threads = [thread(0xa0, A), thread(0xb0, B)];
    assert_eq!(find(&memory, &threads, KEY), Err(NoSlot::NotCommon { threads: 2 }));
    assert_eq!(find(&blocks(&[]), &threads, KEY), Err(NoSlot::NotFound { threads: 2 }));
}
