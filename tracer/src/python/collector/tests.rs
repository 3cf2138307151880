use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Words by address; everything else in the same pages is zero.
struct MemoryWords(HashMap<u64, u64>);

impl Memory for MemoryWords {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let end = address.0.saturating_add(into.len() as u64);
        if address.0 < START || end > START + 2 * 4096 {
            return false;
        }
        into.fill(0);
        for (&at, word) in &self.0 {
            for (at, byte) in (at..).zip(word.to_le_bytes()) {
                let index = at.checked_sub(address.0).and_then(|index| usize::try_from(index).ok());
                if let Some(place) = index.and_then(|index| into.get_mut(index)) {
                    *place = byte;
                }
            }
        }
        true
    }
}

const START: u64 = 0x10_0000;
/// Where the three generations begin.
const STATE: u64 = START + 0x7c8;

/// Empty lists at these offsets of the state, thresholds as by default.
fn state(heads: [u64; 4], more: &[(u64, u64)]) -> MemoryWords {
    state_at(STATE, heads, more)
}

fn state_at(state: u64, heads: [u64; 4], more: &[(u64, u64)]) -> MemoryWords {
    let mut words = HashMap::new();
    for (head, threshold) in heads.into_iter().zip([700, 10, 10, 0]) {
        words.insert(state + head, state + head);
        words.insert(state + head + 8, state + head);
        words.insert(state + head + 16, threshold);
    }
    words.extend(more.iter().map(|&(offset, word)| (state.wrapping_add(offset), word)));
    MemoryWords(words)
}

/// As in Debian's 3.13.15, where the collector begins 7,420 bytes into the interpreter.
#[test]
fn lists_need_not_be_aligned_to_words() {
    let state = STATE + 4;
    let memory = state_at(state, [0, 24, 48, 84], &[(76, state), (108, 500), (132, 50), (156, 5)]);
    assert_eq!(full(&memory, 13), Some(5));
}

fn full(memory: &MemoryWords, minor: u8) -> Option<u64> {
    find_one(memory, Address(START), minor).and_then(|found| found.counter.read(memory))
}

#[test]
fn to_3_13_a_pointer_to_the_youngest_comes_first() {
    let memory = state([0, 24, 48, 80], &[(72, STATE), (104, 500), (128, 50), (152, 5)]);
    assert_eq!(full(&memory, 14), Some(5));
}

#[test]
fn in_3_14_the_counters_follow_at_once() {
    let memory = state([0, 24, 48, 72], &[(96, 500), (120, 50), (144, 5)]);
    assert_eq!(full(&memory, 14), Some(5));
}

#[test]
fn in_3_15_they_are_a_ring_elsewhere() {
    let (ring, oldest) = (START + 4096, START + 4096 + 712 + 200);
    let here = |address: u64| address - STATE;
    let more = [(96, ring), (here(oldest + 192), 2), (here(oldest + 2 * 64 + 16), 5)];
    assert_eq!(full(&state([0, 24, 48, 72], &more), 15), Some(5));
    let beyond = [(96, ring), (here(oldest + 192), 3)];
    assert_eq!(full(&state([0, 24, 48, 72], &beyond), 15), None);
}

#[test]
fn a_list_that_does_not_lead_back_is_none() {
    let mut memory = state([0, 24, 48, 72], &[(144, 5)]);
    memory.0.insert(STATE + 24, STATE);
    assert_eq!(full(&memory, 14), None);
}

#[test]
fn links_carry_flags() {
    let memory = state([0, 24, 48, 72], &[(8, STATE | 3), (144, 5)]);
    assert_eq!(full(&memory, 14), Some(5));
}

/// As 3.8 to 3.14 have it where the generations are aligned to words, and as 3.15 and Debian's 3.13.15.
#[test]
fn what_stops_collections_is_read() {
    let off = |memory: &MemoryWords, minor| {
        find_one(memory, Address(START), minor).expect("a collector").off(memory)
    };
    let back = |words: u64| 0_u64.wrapping_sub(words);
    let rest = [(72, STATE), (104, 500), (128, 50), (152, 5)];
    for (at, word, expected) in [
        // `trash_delete_nesting`, `enabled`; `debug`, padding.
        (16, 1 << 32, None),
        (16, 0, Some(CollectionOff::Disabled)),
        // `enabled`, `debug`
        (8, 1, None),
    ] {
        let more = [&rest[..], &[(back(at), word)]].concat();
        assert_eq!(off(&state([0, 24, 48, 80], &more), 13), expected, "{at} {word}");
    }
    for (threshold, expected) in [
        (700, None),
        (0, Some(CollectionOff::Threshold(0))),
        (5_000_000, Some(CollectionOff::Threshold(5_000_000))),
    ] {
        let more = [&rest[..], &[(back(16), 1 << 32), (16, threshold)]].concat();
        assert_eq!(off(&state([0, 24, 48, 80], &more), 13), expected, "{threshold}");
    }
}

/// The last frozen object leads on when more are frozen; one that was freed leads nowhere.
#[test]
fn what_is_frozen_again_is_noticed() {
    let (head, last, more) = (STATE + 72, START + 512, START + 1024);
    let mut memory = state([0, 24, 48, 72], &[(96, 500), (120, 50), (144, 5)]);
    let collector = Collector { found: vec![find_one(&memory, Address(START), 14).expect("one")] };
    let mut known = Vec::new();
    let mut froze = |memory: &MemoryWords| collector.froze(memory, &mut known);
    let list = |memory: &mut MemoryWords, end: u64, links: &[(u64, u64)]| {
        memory.0.insert(head + 8, end);
        memory.0.extend(links.iter().copied());
    };
    assert!(!froze(&memory), "none");
    list(&mut memory, last, &[(last, head)]);
    froze(&memory);
    assert!(!froze(&memory), "once only");
    list(&mut memory, more, &[(last, more), (more, head)]);
    assert!(froze(&memory));
    list(&mut memory, last, &[(last, head), (more, 0)]);
    assert!(!froze(&memory), "freed");
}

proptest! {
    /// Whatever lies there: an answer or none, and no panic.
    #[test]
    fn any_memory_is_survived(words in prop::collection::hash_map(0_u64..1024, any::<u64>(), 0..200)) {
        let near = |word: u64| if word.is_multiple_of(3) { START + word % 8192 } else { word };
        let memory = words.into_iter().map(|(at, word)| (START + 8 * at, near(word))).collect();
        let memory = MemoryWords(memory);
        let _ = (full(&memory, 12), full(&memory, 15));
    }
}
