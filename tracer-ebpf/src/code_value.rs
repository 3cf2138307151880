//! What a code object is, by what it says and not by where it lies. A server that compiles the same
//! source for each request has its functions at new addresses each time, and by address each
//! request would have sites of its own.
//!
//! Two code objects have one value when file name, qualified name (to 3.10: name), first line and
//! line table are the same. Then every instruction has the same place in a report, which is what a
//! site is for. The bytes of the instructions are left out: the interpreter specialises them in
//! place (3.11 on).

use crate::hash::mix;
use crate::walk::{ReadUser, Round, Scratch, Word, reload};
use crate::wire::limit::{CHUNK_WORDS, MAX_LINE_TABLE, MAX_ROUNDS, MAX_TEXT, MAX_WORDS};
use crate::wire::target::PythonWalk;

/// The values that were computed before, by address. An entry must go when its code object ends.
pub trait KnownValues {
    /// The value of the code object at this address of this target.
    fn get(&self, target: u64, code: u64) -> Option<u64>;
    /// Keeps it for the next time.
    fn put(&self, target: u64, code: u64, value: u64);
}

/// A string's hash before it was computed.
const NO_HASH: u64 = u64::MAX;
/// Bits of a string's state: its characters follow the struct, and all are ASCII
/// (`Include/cpython/unicodeobject.h`).
const COMPACT_ASCII: u64 = 1 << 5 | 1 << 6;
/// Keeps hashes of values apart from hashes of addresses.
const VALUES: u64 = 0x7661_6c75_6573;

/// Parts of a code object in the order in which they are taken in, after its first line.
const NAME: u64 = 1;
const FILE: u64 = 2;
const LINE_TABLE: u64 = 3;

/// Where the second pass over a stack is. It lies in the scratch memory and is [`reload`]ed for the
/// same reason as the walk's own steps.
#[repr(C)]
pub struct ValueStep {
    hash: u64,
    /// Where on the C stack the last activation of the evaluation loop was seen.
    anchor: u64,
    index: u64,
    target: u64,
    /// Of the frame's code object, as far as it was read.
    value: u64,
    /// The part of the code object that is being read; 0: none, the frame is still to be begun.
    part: u64,
    /// What is still to be read of that part.
    at: u64,
    left: u64,
}

impl ValueStep {
    /// Before the first step; `sp` and `seed` are what the walk began with.
    #[inline(always)]
    pub const fn begin(sp: u64, seed: u64) -> Self {
        let hash = mix(seed, VALUES);
        Self { hash, anchor: sp, index: 0, target: 0, value: 0, part: 0, at: 0, left: 0 }
    }
}

/// Hash of the stack in `scratch`, which has Python frames, with values in place of the addresses and generations of
/// its code objects; where one has no value (unreadable, or an unusual string), its address and
/// generation stay. The hash of addresses when the line tables are too long to be read at once: what
/// has been read is known the next time.
#[inline(always)]
pub fn hash<R: ReadUser, K: KnownValues>(
    reader: R,
    layout: &PythonWalk,
    known: K,
    target: u32,
    scratch: &mut Scratch,
) -> u64 {
    scratch.values.target = u64::from(target);
    let mut rounds = Values { reader, layout, known, scratch };
    reader.repeat(MAX_ROUNDS, &mut rounds);
    let walked = scratch.walked();
    let is_done = reload(&scratch.values.index) >= walked.count.into();
    if is_done { reload(&scratch.values.hash) } else { walked.hash }
}

/// A pass under way.
struct Values<'a, R, K> {
    reader: R,
    layout: &'a PythonWalk,
    known: K,
    scratch: &'a mut Scratch,
}

impl<R: ReadUser, K: KnownValues> Round for Values<'_, R, K> {
    // The verifier follows each round of a call back, and one is long.
    const AT_ONCE: usize = 1;

    /// Takes in a frame, or a piece of its code object.
    #[inline(always)]
    fn round(&mut self) -> bool {
        let step = &self.scratch.values;
        let index = usize::try_from(reload(&step.index)).unwrap_or(MAX_WORDS);
        if index >= MAX_WORDS || reload(&step.index) >= self.scratch.walked().count.into() {
            return false;
        }
        let word = Word(reload(&self.scratch.words[index]));
        let part = reload(&step.part);
        if part == 0 && !word.is_python() {
            let frame = word.entry_address();
            let distance = frame.wrapping_sub(reload(&step.anchor));
            self.scratch.values.anchor = frame;
            self.next(distance);
            return true;
        }
        let goes_on = if part == 0 {
            self.begin(word)
        } else if reload(&step.left) == 0 {
            self.part(word.code(), part)
        } else {
            self.piece(word, part)
        };
        if goes_on.is_none() {
            let generation = reload_half(&self.scratch.generations[index]);
            self.next(word.0.wrapping_add(u64::from(generation).rotate_left(40)));
        }
        true
    }
}

/// Each gives nothing where the frame has no value.
impl<R: ReadUser, K: KnownValues> Values<'_, R, K> {
    /// Goes on to the next frame.
    #[inline(always)]
    fn next(&mut self, frame: u64) {
        let step = &mut self.scratch.values;
        step.hash = mix(reload(&step.hash), frame);
        step.index = reload(&step.index) + 1;
        (step.part, step.left) = (0, 0);
    }

    #[inline(always)]
    fn begin(&mut self, word: Word) -> Option<()> {
        if let Some(value) = self.known.get(reload(&self.scratch.values.target), word.code()) {
            self.next(place(value, word));
            return Some(());
        }
        let line = half(&self.reader, word.code(), self.layout.code_first_line)?;
        (self.scratch.values.value, self.scratch.values.part) = (mix(0, line), NAME);
        Some(())
    }

    /// Finds out where a part is and how long. A string has been hashed, as names have, or is read.
    #[inline(always)]
    fn part(&mut self, code: u64, part: u64) -> Option<()> {
        let layout = self.layout;
        let [name, qualified, file] = layout.code_texts;
        let field = match part {
            NAME if qualified != 0 => qualified,
            NAME => name,
            FILE => file,
            _ => layout.code_line_table,
        };
        let object = self.word(code, field)?;
        let value = reload(&self.scratch.values.value);
        let (length, first, most) = if part == LINE_TABLE {
            (self.word(object, layout.bytes_size)?, layout.bytes_data, MAX_LINE_TABLE)
        } else {
            let length = self.word(object, layout.text_length)?;
            let hash = self.word(object, layout.text_hash)?;
            if hash != NO_HASH {
                let step = &mut self.scratch.values;
                (step.value, step.part) = (mix(mix(value, length), hash), part + 1);
                return Some(());
            }
            let state = half(&self.reader, object, layout.text_state)?;
            let most = if state & COMPACT_ASCII == COMPACT_ASCII { MAX_TEXT } else { 0 };
            (length, layout.text_data, most)
        };
        if length == 0 || length > most {
            return None;
        }
        let step = &mut self.scratch.values;
        (step.value, step.left) = (mix(value, length), length);
        step.at = object.wrapping_add(first.into());
        Some(())
    }

    /// Takes in some of a part, and what the whole is after the last.
    #[inline(always)]
    fn piece(&mut self, word: Word, part: u64) -> Option<()> {
        let step = &self.scratch.values;
        let (value, at, left) = (reload(&step.value), reload(&step.at), reload(&step.left));
        let most = CHUNK_WORDS as u64 * 8;
        let length = if left < most { left } else { most };
        let value = mix_bytes(&self.reader, at, length, value, self.scratch.chunk()?)?;
        let step = &mut self.scratch.values;
        (step.value, step.at, step.left) = (value, at.wrapping_add(length), left - length);
        if left != length {
            return Some(());
        }
        step.part = part + 1;
        if part == LINE_TABLE {
            self.known.put(reload(&self.scratch.values.target), word.code(), value);
            self.next(place(value, word));
        }
        Some(())
    }

    #[inline(always)]
    fn word(&self, object: u64, offset: u32) -> Option<u64> {
        self.reader.word(object.wrapping_add(offset.into()))
    }
}

/// The frame's instruction in code of this value.
#[inline(always)]
fn place(value: u64, word: Word) -> u64 {
    mix(value, u64::from(word.index()) | u64::from(word.is_outermost()) << 32)
}

/// Half of the word that holds the four bytes at `offset`.
#[inline(always)]
fn half<R: ReadUser>(reader: &R, object: u64, offset: u32) -> Option<u64> {
    let word = reader.word(object.wrapping_add(u64::from(offset / 8 * 8)))?;
    Some(word >> (offset % 8 * 8) & 0xffff_ffff)
}

/// Mixes in at most a chunk of bytes.
#[inline(always)]
fn mix_bytes<R: ReadUser>(
    reader: &R,
    address: u64,
    length: u64,
    value: u64,
    chunk: &mut [u64; CHUNK_WORDS],
) -> Option<u64> {
    // Always all of it, so that the verifier has one way through.
    chunk.iter_mut().for_each(clear);
    let words = usize::try_from(length.div_ceil(8)).unwrap_or(usize::MAX);
    if words == 0 || words > CHUNK_WORDS || !reader.read(address, &mut chunk[..words]) {
        return None;
    }
    // What follows the last byte is anything.
    let behind = (words as u64 * 8).wrapping_sub(length) * 8;
    chunk[words - 1] <<= behind & 63;
    let mut value = value;
    for word in &*chunk {
        value = mix(value, reload(word));
    }
    Some(value)
}

/// Clears a word by itself. Of many at once the compiler would make a call, for which a program's
/// stack has no room.
#[inline(always)]
fn clear(word: &mut u64) {
    // SAFETY: an aligned word behind a live reference.
    unsafe { core::ptr::write_volatile(word, 0) };
}

/// Half a word that the compiler may not keep in a register from when it was stored.
#[inline(always)]
fn reload_half(half: &u32) -> u32 {
    // SAFETY: aligned, and behind a live reference.
    unsafe { core::ptr::read_volatile(half) }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    use super::*;

    const LAYOUT: PythonWalk = PythonWalk {
        code_first_line: 68,
        code_texts: [120, 128, 112],
        code_line_table: 136,
        text_length: 16,
        text_hash: 24,
        text_state: 32,
        text_data: 40,
        bytes_size: 16,
        bytes_data: 32,
        ..PythonWalk::NONE
    };

    /// Memory of a target, eight bytes at a time, and what is known of it.
    #[derive(Default)]
    struct Target {
        words: BTreeMap<u64, u64>,
        known: RefCell<BTreeMap<u64, u64>>,
    }

    impl ReadUser for &Target {
        fn read(&self, address: u64, into: &mut [u64]) -> bool {
            let mut at = (address..).step_by(8);
            into.iter_mut().all(|word| {
                let found = at.next().and_then(|at| self.words.get(&at));
                found.map(|found| *word = *found).is_some()
            })
        }
    }

    impl KnownValues for &Target {
        fn get(&self, _target: u64, code: u64) -> Option<u64> {
            self.known.borrow().get(&code).copied()
        }

        fn put(&self, _target: u64, code: u64, value: u64) {
            self.known.borrow_mut().insert(code, value);
        }
    }

    /// A code object and where it is: line table, first line, and the hash of its names.
    struct Code {
        at: u64,
        line: u32,
        hash: u64,
        file: &'static [u8],
        table: Vec<u8>,
    }

    impl Default for Code {
        fn default() -> Self {
            let table = (0..700_u32).map(|byte| (byte % 251) as u8).collect();
            Self { at: 0x1000, line: 7, hash: 99, file: b"<template>", table }
        }
    }

    impl Target {
        fn bytes(&mut self, at: u64, bytes: &[u8], behind: u8) {
            for (index, chunk) in bytes.chunks(8).enumerate() {
                let mut word = [behind; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                self.words.insert(at + 8 * index as u64, u64::from_le_bytes(word));
            }
        }

        fn add(&mut self, code: &Code, behind: u8) {
            let at = code.at;
            let (name, file, table) = (at + 0x200, at + 0x300, at + 0x400);
            for (offset, word) in [(64, u64::from(code.line) << 32), (112, file), (128, name)] {
                self.words.insert(at + offset, word);
            }
            self.words.extend([(at + 120, 0), (at + 136, table)]);
            self.words.extend([(name + 16, 4), (name + 24, code.hash)]);
            self.words.extend([(file + 16, code.file.len() as u64), (file + 24, NO_HASH)]);
            self.words.insert(file + 32, COMPACT_ASCII | 1 << 2);
            self.bytes(file + 40, code.file, behind);
            self.words.insert(table + 16, code.table.len() as u64);
            self.bytes(table + 32, &code.table, behind);
        }

        /// Nothing when it is not done.
        fn hash(&self, words: &[(Word, u32)]) -> Option<u64> {
            let mut scratch = Box::new(Scratch::new());
            for (index, (word, generation)) in words.iter().enumerate() {
                (scratch.words[index], scratch.generations[index]) = (word.0, *generation);
            }
            scratch.begin(words.len() as u64, 0x9000);
            Some(hash(self, &LAYOUT, self, 0, &mut scratch)).filter(|hash| *hash != 0)
        }

        /// The hash of a stack with this code alone in a new target.
        fn of(code: &Code, behind: u8) -> Option<u64> {
            let mut target = Self::default();
            target.add(code, behind);
            target.hash(&[(Word::python(code.at, 3, false), 0)])
        }
    }

    #[test]
    fn the_same_code_elsewhere_is_the_same() {
        let first = Target::of(&Code::default(), 0);
        assert!(first.is_some());
        assert_eq!(first, Target::of(&Code { at: 0x5000, ..Code::default() }, 0xff));
    }

    #[test]
    fn each_part_tells() {
        let changed = |at: usize| {
            let mut table = Code::default().table;
            table[at] += 1;
            Code { table, ..Code::default() }
        };
        let shorter = Code::default().table[..699].to_vec();
        let others = [
            Code { line: 8, ..Code::default() },
            Code { hash: 98, ..Code::default() },
            Code { file: b"<templatf>", ..Code::default() },
            Code { file: b"<template", ..Code::default() },
            Code { table: shorter, ..Code::default() },
            changed(0),
            changed(350),
            changed(699),
        ];
        let mut seen = std::vec![Target::of(&Code::default(), 0)];
        seen.extend(others.iter().map(|code| Target::of(code, 0)));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9);
    }

    #[test]
    fn a_known_value_is_not_computed_again() {
        let mut target = Target::default();
        target.add(&Code::default(), 0);
        let stack = [(Word::python(0x1000, 3, false), 0)];
        let first = target.hash(&stack);
        target.words.clear();
        assert_eq!(target.hash(&stack), first);
        assert_ne!(target.hash(&[(Word::python(0x1000, 4, false), 0)]), first);
    }

    #[test]
    fn what_has_no_value_goes_by_address_and_generation() {
        let target = Target::default();
        let hash = |at, generation| target.hash(&[(Word::python(at, 3, false), generation)]);
        let all = [hash(0x1000, 0), hash(0x1000, 1), hash(0x2000, 0)];
        assert!(all.iter().all(Option::is_some) && all[0] != all[1] && all[0] != all[2]);
        // A line table that ends in the middle is not half a value.
        let mut target = Target::default();
        target.add(&Code::default(), 0);
        target.words.remove(&(0x1000 + 0x400 + 32 + 600));
        assert_eq!(target.hash(&[(Word::python(0x1000, 3, false), 1)]), all[1]);
    }

    #[test]
    fn entry_frames_count_by_their_distance() {
        let target = Target::default();
        let hash =
            |first, second| target.hash(&[(Word::entry(first), 0), (Word::entry(second), 0)]);
        assert_ne!(hash(0x9100, 0x9200), hash(0x9100, 0x9208));
        assert_ne!(hash(0x9100, 0x9200), hash(0x9108, 0x9200));
    }

    #[test]
    fn too_much_at_once_has_no_hash_yet() {
        let mut target = Target::default();
        let table = std::vec![1; usize::try_from(MAX_LINE_TABLE).unwrap()];
        let codes =
            (1..=9).map(|index| Code { at: index << 20, table: table.clone(), ..Code::default() });
        let codes: Vec<Code> = codes.collect();
        codes.iter().for_each(|code| target.add(code, 0));
        let stack: Vec<_> = codes.iter().map(|code| (Word::python(code.at, 3, false), 0)).collect();
        assert_eq!(target.hash(&stack), None);
        assert!(target.hash(&stack).is_some());
    }
}
