//! From an instruction to its line: the three encodings of CPython's line tables.

use leakspy_ebpf::walk::Word;

use super::layout::LineEncoding;

/// The line table of one code object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LineTable {
    encoding: LineEncoding,
    first_line: i32,
    table: Vec<u8>,
}

/// A range of code units, and the line they are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LineRange {
    /// First code unit behind it.
    end: u64,
    /// `None`: code that belongs to no line.
    line: Option<i64>,
}

impl LineTable {
    /// The table `table`, written as `encoding`, of a code object that begins at `first_line`.
    pub fn new(encoding: LineEncoding, first_line: i32, table: Vec<u8>) -> Self {
        Self { encoding, first_line, table }
    }

    /// No lines but the first: what is known of a table that could not be read.
    pub fn unknown(first_line: i32) -> Self {
        // An empty location table covers no code unit.
        Self::new(LineEncoding::Locations, first_line, Vec::new())
    }

    /// The line of the code unit at `index`, from 1; `index` as in [`Word::index`].
    ///
    /// `None` for [`Word::UNKNOWN`], for code that the compiler made up and that has no line, and
    /// behind the end of a table that was saved only in part.
    pub fn line(&self, index: u32) -> Option<u32> {
        match index {
            Word::NOT_STARTED => positive(self.first_line.into()),
            Word::UNKNOWN => None,
            _ => self.find(index.into()).and_then(positive),
        }
    }

    fn find(&self, index: u64) -> Option<i64> {
        let (table, first) = (&self.table, i64::from(self.first_line));
        match self.encoding {
            LineEncoding::Increments => increments(table, first, index),
            LineEncoding::Ranges => covering(Ranges { table, line: first, end: 0 }, index),
            LineEncoding::Locations => covering(Locations { table, line: first, end: 0 }, index),
        }
    }
}

fn positive(line: i64) -> Option<u32> {
    u32::try_from(line).ok().filter(|&line| line > 0)
}

fn covering(mut ranges: impl Iterator<Item = LineRange>, index: u64) -> Option<i64> {
    // Each begins where the one before ends.
    ranges.find(|range| index < range.end)?.line
}

/// To 3.9 (`Objects/lnotab_notes.txt`, `PyCode_Addr2Line`): pairs of an unsigned increment of the
/// bytecode address and a signed increment of the line; an address belongs to the last pair that
/// does not lie behind it.
fn increments(table: &[u8], first_line: i64, index: u64) -> Option<i64> {
    let wanted = 2 * index;
    let (mut address, mut line) = (0, first_line);
    for pair in table.chunks_exact(2) {
        address += u64::from(pair[0]);
        if address > wanted {
            break;
        }
        line += i64::from(pair[1].cast_signed());
    }
    Some(line)
}

/// 3.10 (`Objects/lnotab_notes.txt`): pairs of an unsigned length in bytes and a signed difference
/// of the line, where -128 means that the range has no line and leaves the running one alone.
struct Ranges<'a> {
    table: &'a [u8],
    line: i64,
    end: u64,
}

impl Iterator for Ranges<'_> {
    type Item = LineRange;

    fn next(&mut self) -> Option<LineRange> {
        let (&[length, delta], rest) = self.table.split_first_chunk()?;
        self.table = rest;
        self.end += u64::from(length);
        let delta = delta.cast_signed();
        let has_line = delta != i8::MIN;
        if has_line {
            self.line += i64::from(delta);
        }
        // Lengths are even, but a hostile table may end in the middle of a unit.
        Some(LineRange { end: self.end.div_ceil(2), line: has_line.then_some(self.line) })
    }
}

/// 3.11 on (`Objects/locations.md`): entries of a first byte with bit 7 set, a kind in bits 3 to 6
/// and a length in code units, less one, in bits 0 to 2; what follows depends on the kind, and only
/// its line is of interest here.
struct Locations<'a> {
    table: &'a [u8],
    line: i64,
    end: u64,
}

/// Kinds of locations.
const ONE_LINE_FIRST: u8 = 10;
const ONE_LINE_LAST: u8 = 12;
const NO_COLUMNS: u8 = 13;
const LONG: u8 = 14;
const NO_LOCATION: u8 = 15;

impl Iterator for Locations<'_> {
    type Item = LineRange;

    fn next(&mut self) -> Option<LineRange> {
        let (&first, rest) = self.table.split_first()?;
        if first & 0x80 == 0 {
            // Not the beginning of an entry: the table is damaged, and nothing behind can be
            // trusted.
            self.table = &[];
            return None;
        }
        self.table = rest;
        self.end += u64::from(first & 7) + 1;
        let kind = first >> 3 & 15;
        let delta = match kind {
            ONE_LINE_FIRST..=ONE_LINE_LAST => i64::from(kind - ONE_LINE_FIRST),
            NO_COLUMNS | LONG => self.signed_varint()?,
            _ => 0,
        };
        // Columns, and the end line of the long form. No byte of them has bit 7 set.
        let columns = self.table.iter().take_while(|&&byte| byte & 0x80 == 0).count();
        self.table = self.table.get(columns..)?;
        self.line = self.line.checked_add(delta)?;
        Some(LineRange { end: self.end, line: (kind != NO_LOCATION).then_some(self.line) })
    }
}

impl Locations<'_> {
    /// Six bits per byte, lowest first, bit 6 set when more follow.
    fn varint(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.table.split_first()?;
            self.table = rest;
            // No line number needs more.
            if shift > 30 {
                return None;
            }
            value |= u64::from(byte & 0x3f) << shift;
            if byte & 0x40 == 0 {
                return Some(value);
            }
            shift += 6;
        }
    }

    /// The sign is in the lowest bit.
    fn signed_varint(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let magnitude = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 1 { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests;
