//! Bounds of functions that have no symbol, from the unwinder's sorted index (`.eh_frame_hdr`).
//!
//! Only the encodings that GNU and LLVM linkers write are read: an index of pairs of 4-byte offsets from
//! the index itself, and records with 4-byte offsets from their own place. (Linux Standard Base, "Exception
//! Frames" and "DWARF exception header encoding".)

use std::ops::Range;

use object::read::ReadRef;

use super::Elf;

/// Offsets relative to the place where they are stored, 4 bytes, signed.
const PCREL_4: u8 = 0x1b;
/// Offsets relative to the start of the index, 4 bytes, signed.
const DATAREL_4: u8 = 0x3b;
/// A plain number of 4 bytes.
const NUMBER_4: u8 = 0x03;
/// Index header: version, three encodings, pointer to the records, count.
const HEADER: u64 = 12;
const PAIR: u64 = 8;

impl<'data, R: ReadRef<'data>> Elf<R> {
    /// The function record that covers `vaddr`. Functions split by the compiler have one record for
    /// each part.
    pub fn function_range(&self, vaddr: u64) -> Option<Range<u64>> {
        let (base, size) = self.unwind_header?;
        let header = self.bytes_at(base, HEADER)?;
        if header[0] != 1 || header[1..4] != [PCREL_4, NUMBER_4, DATAREL_4] {
            return None;
        }
        let count = u64::from(u32_at(header, 8)?);
        let pairs = self.bytes_at(base + HEADER, count.checked_mul(PAIR)?.min(size))?;
        let index = last_at_or_before(pairs, base, vaddr)?;
        let start = pair(pairs, base, index)?.0;
        let record = pair(pairs, base, index)?.1;
        let length = self.record_length(record, start)?;
        let range = start..start.checked_add(length)?;
        range.contains(&vaddr).then_some(range)
    }

    /// Bytes of code that a record covers, when the record agrees on where the code starts.
    fn record_length(&self, record: u64, start: u64) -> Option<u64> {
        let bytes = self.bytes_at(record, 16)?;
        let to_common = u64::from(u32_at(bytes, 4)?);
        let common = record.checked_add(4)?.checked_sub(to_common)?;
        if self.pointer_encoding(common)? != PCREL_4 {
            return None;
        }
        let begin = record.checked_add(8)?.checked_add_signed(i64::from(i32_at(bytes, 8)?))?;
        (begin == start).then_some(u64::from(u32_at(bytes, 12)?))
    }

    /// How the records of one common part encode addresses: the `R` of its augmentation.
    fn pointer_encoding(&self, common: u64) -> Option<u8> {
        let length = u64::from(u32_at(self.bytes_at(common, 4)?, 0)?).min(256);
        let bytes = self.bytes_at(common + 4, length)?;
        let augmentation = bytes.get(5..)?;
        let end = augmentation.iter().position(|byte| *byte == 0)?;
        let (letters, rest) = (&augmentation[..end], &augmentation[end + 1..]);
        let mut values = Values(rest);
        values.skip_leb()?; // code alignment
        values.skip_leb()?; // data alignment
        values.skip_leb()?; // return address register: one byte in both encodings below 128
        if letters.first() != Some(&b'z') {
            return None;
        }
        values.skip_leb()?; // length of what follows
        for letter in &letters[1..] {
            match letter {
                b'R' => return values.byte(),
                b'L' => drop(values.byte()?),
                b'P' => values.skip_personality()?,
                b'S' | b'B' => {}
                _ => return None,
            }
        }
        None
    }
}

/// Reads small values one after another.
struct Values<'a>(&'a [u8]);

impl Values<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip_leb(&mut self) -> Option<()> {
        while self.byte()? & 0x80 != 0 {}
        Some(())
    }

    fn skip_personality(&mut self) -> Option<()> {
        let bytes = match self.byte()? & 0x0f {
            0x00 | 0x04 | 0x0c => 8,
            0x03 | 0x0b => 4,
            _ => return None,
        };
        self.0 = self.0.get(bytes..)?;
        Some(())
    }
}

/// Index of the last pair whose function starts at or before `vaddr`.
fn last_at_or_before(pairs: &[u8], base: u64, vaddr: u64) -> Option<u64> {
    let (mut low, mut high) = (0_u64, u64::try_from(pairs.len()).ok()? / PAIR);
    while low < high {
        let middle = low + (high - low) / 2;
        if pair(pairs, base, middle)?.0 <= vaddr {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1)
}

/// Start of the function and place of its record.
fn pair(pairs: &[u8], base: u64, index: u64) -> Option<(u64, u64)> {
    let at = usize::try_from(index.checked_mul(PAIR)?).ok()?;
    let start = base.checked_add_signed(i64::from(i32_at(pairs, at)?))?;
    let record = base.checked_add_signed(i64::from(i32_at(pairs, at + 4)?))?;
    Some((start, record))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    u32_at(bytes, at).map(u32::cast_signed)
}
