//! The saved pieces of a code object that is gone, as memory.

use leakspy_ebpf::wire::record::CodeGone;

use crate::model::{Address, Memory};

/// What the kernel copied of a dying code object. Addresses mean what they meant while it lived, so that
/// [`CodeInfo::read`](super::CodeInfo::read) works on it as on the process; what was not copied cannot be read.
#[derive(Clone, Copy)]
pub struct SavedCode<'a> {
    record: &'a CodeGone,
}

impl<'a> SavedCode<'a> {
    /// The pieces in `record`, which is taken for what it is: lengths beyond its own arrays count as what fits.
    pub fn new(record: &'a CodeGone) -> Self {
        Self { record }
    }

    /// Where the code object was.
    pub fn address(&self) -> Address {
        Address(self.record.code)
    }

    fn pieces(&self) -> impl Iterator<Item = (u64, &'a [u8])> {
        let record = self.record;
        let texts = record.text_addresses.iter().zip(&record.texts).zip(&record.text_lengths);
        let texts = texts.map(|((&address, text), &length)| (address, valid(text, length)));
        [
            (record.code, valid(&record.object, record.object_length)),
            (record.line_table_address, valid(&record.line_table, record.line_table_length)),
        ]
        .into_iter()
        .chain(texts)
    }
}

fn valid(bytes: &[u8], length: u32) -> &[u8] {
    usize::try_from(length).ok().and_then(|length| bytes.get(..length)).unwrap_or(bytes)
}

impl Memory for SavedCode<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        if address.offset(into.len() as u64).is_none() {
            return false;
        }
        let found = self.pieces().find_map(|(base, bytes)| {
            let start = usize::try_from(address.0.checked_sub(base)?).ok()?;
            bytes.get(start..start.checked_add(into.len())?)
        });
        match found {
            Some(bytes) => into.copy_from_slice(bytes),
            None => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use leakspy_ebpf::wire::limit::{CODE_BYTES, LINE_TABLE_BYTES, TEXT_BYTES};
    use leakspy_ebpf::wire::record::{CodeGone, Header, KIND_CODE_GONE};

    use super::SavedCode;
    use crate::model::{Address, Memory};
    use crate::python::layout::table::CPYTHON_3_12;
    use crate::python::text::NoText;
    use crate::python::{CodeInfo, NoCode};

    const CODE_TYPE: Address = Address(0x5555_0000);

    fn ascii(into: &mut [u8; TEXT_BYTES], text: &str) -> u32 {
        into[16..24].copy_from_slice(&(text.len() as u64).to_le_bytes());
        into[32..36].copy_from_slice(&(1_u32 << 2 | 3 << 5).to_le_bytes());
        into[40..40 + text.len()].copy_from_slice(text.as_bytes());
        u32::try_from(40 + text.len()).unwrap()
    }

    /// A code object of 3.12 with everything saved.
    fn record() -> Box<CodeGone> {
        let mut record = Box::new(CodeGone {
            header: Header { kind: KIND_CODE_GONE, length: 0 },
            code: 0x7000_0000,
            generation: 1,
            object_length: 192,
            text_addresses: [0x7100_0000, 0x7200_0000, 0x7300_0000],
            line_table_address: 0x7400_0000,
            text_lengths: [0; 3],
            line_table_length: 36,
            object: [0; CODE_BYTES],
            texts: [[0; TEXT_BYTES]; 3],
            line_table: [0; LINE_TABLE_BYTES],
        });
        let mut word = |at: usize, value: u64| {
            record.object[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        word(8, CODE_TYPE.0);
        word(64, 7 << 32);
        word(112, 0x7300_0000);
        word(120, 0x7100_0000);
        word(128, 0x7200_0000);
        word(136, 0x7400_0000);
        record.text_lengths[0] = ascii(&mut record.texts[0], "leak");
        record.text_lengths[1] = ascii(&mut record.texts[1], "Cache.leak");
        record.text_lengths[2] = ascii(&mut record.texts[2], "/srv/cache.py");
        record.line_table[16] = 4;
        record.line_table[32..36].copy_from_slice(&[0x80, 0, 0xd9, 0]);
        record
    }

    fn read(record: &CodeGone) -> Result<CodeInfo, NoCode> {
        let saved = SavedCode::new(record);
        CodeInfo::read(&saved, &CPYTHON_3_12, CODE_TYPE, saved.address())
    }

    #[test]
    fn a_dead_code_object_is_read_as_if_it_lived() {
        let code = read(&record()).unwrap();
        assert_eq!((code.function.as_str(), code.file.as_str()), ("Cache.leak", "/srv/cache.py"));
        assert_eq!(code.first_line, Some(7));
        assert_eq!(code.lines.line(0), Some(7));
        assert_eq!(code.lines.line(1), Some(8));
    }

    #[test]
    fn what_was_not_saved_is_missing_and_not_made_up() {
        let mut partial = record();
        partial.text_lengths[1] = 0;
        partial.line_table_length = 0;
        let code = read(&partial).unwrap();
        assert_eq!(code.function, "leak");
        assert_eq!(code.lines.line(0), None);
        partial.text_lengths[2] = 0;
        assert_eq!(read(&partial), Err(NoCode::File { reason: NoText::Unreadable }));
        partial.text_lengths[0] = 0;
        assert_eq!(read(&partial), Err(NoCode::Function { reason: NoText::Unreadable }));
        partial.object_length = 0;
        assert_eq!(read(&partial), Err(NoCode::Unreadable));
    }

    #[test]
    fn another_object_is_not_taken_for_code() {
        let mut other = record();
        other.object[8] = 1;
        assert_eq!(read(&other), Err(NoCode::NotCode));
    }

    #[test]
    fn hostile_lengths_and_addresses_stay_inside() {
        let mut hostile = record();
        hostile.object_length = u32::MAX;
        hostile.text_addresses = [u64::MAX - 3; 3];
        let saved = SavedCode::new(&hostile);
        assert!(saved.bytes(Address(0x7000_0000), CODE_BYTES).is_some());
        assert!(saved.bytes(Address(0x7000_0000), CODE_BYTES + 1).is_none());
        assert!(saved.bytes(Address(u64::MAX), 8).is_none());
        assert!(saved.bytes(Address(0), 8).is_none());
    }
}
