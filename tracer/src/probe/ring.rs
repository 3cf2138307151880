//! Records from the ring buffer, decoded.

use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{MapData, RingBuf};
use leakspy_ebpf::walk::Word;
use leakspy_ebpf::wire::key::Function;
use leakspy_ebpf::wire::limit::{
    CODE_BYTES, LINE_TABLE_BYTES, MAX_STACK_BYTES, MAX_WORDS, TEXT_BYTES,
};
use leakspy_ebpf::wire::name;
use leakspy_ebpf::wire::record::{
    CodeGone, Header, KIND_AUDIT, KIND_CODE_GONE, KIND_SITE, StackRecord,
};

use super::error::ProbeError;
use super::load::Loaded;

/// One decoded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The first stack of a site.
    Site(Captured),
    /// Another stack of a known site, to audit its key.
    Audit(Captured),
    /// A code object that is being freed before it was read.
    CodeGone(Gone),
}

/// A stack as captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Site key.
    pub site: u64,
    /// `CLOCK_MONOTONIC` nanoseconds.
    pub time_ns: u64,
    /// The probed instruction.
    pub ip: u64,
    /// Stack pointer; the return address lies at it.
    pub sp: u64,
    /// Frame pointer register.
    pub bp: u64,
    /// Innermost `_PyCFrame`, or 0.
    pub cframe: u64,
    /// Bytes asked for.
    pub size: u64,
    /// Which function.
    pub function: Function,
    /// `FLAG_` bits of `leakspy_ebpf::wire::record`.
    pub flags: u32,
    /// Python frames and entry markers, innermost first, each with its generation.
    pub words: Vec<(Word, u32)>,
    /// The stack from `sp` upwards.
    pub stack: Vec<u8>,
}

/// What was saved of a code object at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its address.
    pub code: u64,
    /// The generation with which it was first seen.
    pub first_seen: u32,
    /// The generation that ended.
    pub generation: u32,
    /// Address and bytes of each saved part.
    pub parts: Vec<(u64, Vec<u8>)>,
}

impl Gone {
    /// Whether a frame with this code object and generation shows the object that ended. An earlier
    /// object of the address, whose parts were lost, is not this one and must not take its name.
    pub fn is_of(&self, code: u64, generation: u32) -> bool {
        code == self.code && (self.first_seen..=self.generation).contains(&generation)
    }
}

/// The consumer's end of the ring.
pub struct Ring {
    ring: RingBuf<MapData>,
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl Ring {
    /// Takes the ring out of a loaded object.
    pub fn new(loaded: &mut Loaded) -> Result<Self, ProbeError> {
        let ring = RingBuf::try_from(loaded.take_ring()?).map_err(|error| ProbeError::Map {
            map: name::RING,
            source: std::io::Error::other(error),
        })?;
        Ok(Self { ring })
    }

    /// The next record; its place in the ring is free again when it is dropped.
    pub fn next(&mut self) -> Option<impl std::ops::Deref<Target = [u8]> + '_> {
        self.ring.next()
    }
}

/// Whether a record is the first stack of a site.
pub fn is_site(record: &[u8]) -> bool {
    u16_at(record, offset_of!(Header, kind)) == Some(KIND_SITE)
}

/// Reads a record; nothing when it is not one.
pub fn decode(bytes: &[u8]) -> Option<Record> {
    let kind = u16_at(bytes, offset_of!(Header, kind))?;
    let length = usize::try_from(u32_at(bytes, offset_of!(Header, length))?).ok()?;
    let bytes = bytes.get(..length)?;
    match kind {
        KIND_SITE => captured(bytes).map(Record::Site),
        KIND_AUDIT => captured(bytes).map(Record::Audit),
        KIND_CODE_GONE => gone(bytes).map(Record::CodeGone),
        _ => None,
    }
}

fn captured(bytes: &[u8]) -> Option<Captured> {
    let word = |offset| u64_at(bytes, offset);
    let half = |offset| u32_at(bytes, offset);
    let word_count = bounded(half(offset_of!(StackRecord, word_count))?, MAX_WORDS)?;
    let byte_count = bounded(half(offset_of!(StackRecord, byte_count))?, MAX_STACK_BYTES)?;
    let words = (0..word_count)
        .map(|index| {
            let frame = word(offset_of!(StackRecord, words) + 8 * index)?;
            Some((Word(frame), half(offset_of!(StackRecord, generations) + 4 * index)?))
        })
        .collect::<Option<_>>()?;
    let start = offset_of!(StackRecord, bytes);
    Some(Captured {
        site: word(offset_of!(StackRecord, site))?,
        time_ns: word(offset_of!(StackRecord, time_ns))?,
        ip: word(offset_of!(StackRecord, ip))?,
        sp: word(offset_of!(StackRecord, sp))?,
        bp: word(offset_of!(StackRecord, bp))?,
        cframe: word(offset_of!(StackRecord, cframe))?,
        size: word(offset_of!(StackRecord, size))?,
        function: Function::from_number(half(offset_of!(StackRecord, function))?)?,
        flags: half(offset_of!(StackRecord, flags))?,
        words,
        stack: bytes.get(start..).filter(|stack| stack.len() == byte_count)?.to_vec(),
    })
}

fn gone(bytes: &[u8]) -> Option<Gone> {
    if bytes.len() != size_of::<CodeGone>() {
        return None;
    }
    let code = u64_at(bytes, offset_of!(CodeGone, code))?;
    let mut parts = Vec::with_capacity(5);
    let mut part = |address: u64, length: u32, start: usize, most: usize| {
        let length = bounded(length, most)?;
        if length > 0 {
            parts.push((address, bytes.get(start..start + length)?.to_vec()));
        }
        Some(())
    };
    let object_length = u32_at(bytes, offset_of!(CodeGone, object_length))?;
    part(code, object_length, offset_of!(CodeGone, object), CODE_BYTES)?;
    for text in 0..3 {
        let address = u64_at(bytes, offset_of!(CodeGone, text_addresses) + 8 * text)?;
        let length = u32_at(bytes, offset_of!(CodeGone, text_lengths) + 4 * text)?;
        part(address, length, offset_of!(CodeGone, texts) + TEXT_BYTES * text, TEXT_BYTES)?;
    }
    let address = u64_at(bytes, offset_of!(CodeGone, line_table_address))?;
    let length = u32_at(bytes, offset_of!(CodeGone, line_table_length))?;
    part(address, length, offset_of!(CodeGone, line_table), LINE_TABLE_BYTES)?;
    let first_seen = u32_at(bytes, offset_of!(CodeGone, first_seen))?;
    let generation = u32_at(bytes, offset_of!(CodeGone, generation))?;
    Some(Gone { code, first_seen, generation, parts })
}

fn bounded(count: u32, most: usize) -> Option<usize> {
    usize::try_from(count).ok().filter(|&count| count <= most)
}

/// The slot of the target that a record is of; 0, which is nobody's, when it is no record.
pub fn slot_of(bytes: &[u8]) -> u32 {
    u16_at(bytes, offset_of!(Header, slot)).map_or(0, u32::from)
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(offset..offset + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(kind: u16, length: usize) -> Vec<u8> {
        let mut bytes = u32::from(kind).to_le_bytes().to_vec();
        bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
        bytes.resize(length, 0);
        bytes
    }

    /// A stack record with `used` bytes of stack.
    fn stack(used: u32) -> Vec<u8> {
        let length = offset_of!(StackRecord, bytes) + usize::try_from(used).unwrap();
        let mut bytes = header(KIND_SITE, length);
        put(
            &mut bytes,
            offset_of!(StackRecord, function),
            &(Function::Calloc as u32).to_le_bytes(),
        );
        put(&mut bytes, offset_of!(StackRecord, byte_count), &used.to_le_bytes());
        bytes
    }

    fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    }

    #[test]
    fn a_stack_is_read_field_by_field() {
        let mut bytes = stack(2);
        put(&mut bytes, offset_of!(StackRecord, site), &7_u64.to_le_bytes());
        put(&mut bytes, offset_of!(StackRecord, word_count), &1_u32.to_le_bytes());
        let word = Word::python(0x1000, 5, false);
        put(&mut bytes, offset_of!(StackRecord, words), &word.0.to_le_bytes());
        put(&mut bytes, offset_of!(StackRecord, generations), &3_u32.to_le_bytes());
        put(&mut bytes, offset_of!(StackRecord, bytes), &[1, 2]);
        let Some(Record::Site(captured)) = decode(&bytes) else { panic!("a site") };
        assert_eq!(captured.site, 7);
        assert_eq!(captured.function, Function::Calloc);
        assert_eq!(captured.words, [(word, 3)]);
        assert_eq!(captured.stack, [1, 2]);
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let mut bytes = stack(2);
        put(&mut bytes, offset_of!(StackRecord, byte_count), &3_u32.to_le_bytes());
        assert_eq!(decode(&bytes), None);
        let mut bytes = stack(2);
        put(&mut bytes, offset_of!(StackRecord, word_count), &129_u32.to_le_bytes());
        assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn what_was_saved_is_of_one_object_at_its_address() {
        let gone = Gone { code: 0x1000, first_seen: 5, generation: 6, parts: Vec::new() };
        let of = [3, 4, 5, 6, 7].map(|generation| gone.is_of(0x1000, generation));
        assert_eq!(of, [false, false, true, true, false]);
        assert!(!gone.is_of(0x2000, 5));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, kind in 0_u16..5) {
            let _ = decode(&bytes);
            for size in [size_of::<StackRecord>(), size_of::<CodeGone>()] {
                let mut record = header(kind, size);
                let start = 8;
                for (to, from) in record[start..].iter_mut().zip(&bytes) {
                    *to = *from;
                }
                let _ = decode(&record);
            }
        }
    }
}
