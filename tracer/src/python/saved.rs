//! The saved chunks of a code object that is gone, as memory.

use crate::model::{Address, Memory};

/// What the kernel copied of a dying code object. Addresses mean what they meant while it lived, so
/// that [`CodeInfo::read`](super::CodeInfo::read) works on it as on the process; what was not
/// copied cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct SavedCode<'a> {
    parts: &'a [(u64, Vec<u8>)],
}

impl<'a> SavedCode<'a> {
    /// The chunks: where each was, and its bytes.
    pub fn new(parts: &'a [(u64, Vec<u8>)]) -> Self {
        Self { parts }
    }
}

impl Memory for SavedCode<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        if address.offset(into.len() as u64).is_none() {
            return false;
        }
        let found = self.parts.iter().find_map(|(base, bytes)| {
            let start = usize::try_from(address.0.checked_sub(*base)?).ok()?;
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
    use super::SavedCode;
    use crate::model::{Address, Memory, NoCode, NoText};
    use crate::python::CodeInfo;
    use crate::python::layout::table::CPYTHON_3_12;

    const CODE: u64 = 0x7000_0000;
    const CODE_TYPE: Address = Address(0x5555_0000);

    type Parts = Vec<(u64, Vec<u8>)>;

    fn ascii(text: &str) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[16..24].copy_from_slice(&(text.len() as u64).to_le_bytes());
        bytes[32..36].copy_from_slice(&(1_u32 << 2 | 3 << 5).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    /// A code object of 3.12 with everything saved: itself, name, qualified name, file, line table.
    fn parts() -> Parts {
        let mut code = vec![0; 192];
        let mut word =
            |at: usize, value: u64| code[at..at + 8].copy_from_slice(&value.to_le_bytes());
        word(8, CODE_TYPE.0);
        word(64, 7 << 32);
        word(112, 0x7300_0000);
        word(120, 0x7100_0000);
        word(128, 0x7200_0000);
        word(136, 0x7400_0000);
        let mut table = vec![0; 32];
        table[16] = 4;
        table.extend([0x80, 0, 0xd9, 0]);
        vec![
            (CODE, code),
            (0x7100_0000, ascii("leak")),
            (0x7200_0000, ascii("Cache.leak")),
            (0x7300_0000, ascii("/srv/cache.py")),
            (0x7400_0000, table),
        ]
    }

    fn read(parts: &Parts) -> Result<CodeInfo, NoCode> {
        CodeInfo::read(&SavedCode::new(parts), &CPYTHON_3_12, CODE_TYPE, Address(CODE))
    }

    #[test]
    fn a_dead_code_object_is_read_as_if_it_lived() {
        let code = read(&parts()).unwrap();
        assert_eq!((code.function.as_str(), code.file.as_str()), ("Cache.leak", "/srv/cache.py"));
        assert_eq!(code.first_line, Some(7));
        assert_eq!(code.lines.line(0), Some(7));
        assert_eq!(code.lines.line(1), Some(8));
    }

    #[test]
    fn what_was_not_saved_is_missing_and_not_made_up() {
        let mut partial = parts();
        partial[2].1.clear();
        partial[4].1.clear();
        let code = read(&partial).unwrap();
        assert_eq!(code.function, "leak");
        assert_eq!(code.lines.line(0), None);
        partial[3].1.clear();
        assert_eq!(read(&partial), Err(NoCode::File { reason: NoText::Unreadable }));
        partial[1].1.clear();
        assert_eq!(read(&partial), Err(NoCode::Function { reason: NoText::Unreadable }));
        partial[0].1.clear();
        assert_eq!(read(&partial), Err(NoCode::Unreadable));
    }

    #[test]
    fn another_object_is_not_taken_for_code() {
        let mut other = parts();
        other[0].1[8] = 1;
        assert_eq!(read(&other), Err(NoCode::NotCode));
    }

    #[test]
    fn reads_stay_inside_their_chunk() {
        let parts = vec![(CODE, vec![1; 16]), (CODE + 16, vec![2; 8]), (u64::MAX - 3, vec![3; 64])];
        let saved = SavedCode::new(&parts);
        assert_eq!(saved.u64(Address(CODE + 8)), Some(0x0101_0101_0101_0101));
        assert_eq!(saved.u64(Address(CODE + 12)), None);
        assert_eq!(saved.u64(Address(u64::MAX)), None);
        assert_eq!(saved.u64(Address(0)), None);
    }
}
