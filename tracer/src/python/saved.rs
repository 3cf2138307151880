//! The saved pieces of a code object that is gone, as memory.

use crate::model::{Address, Memory};

/// What the kernel copied of a dying code object, as address and bytes of each part. Addresses mean what
/// they meant while it lived, so that [`CodeInfo::read`](super::CodeInfo::read) works on it as on the process; what
/// was not copied cannot be read.
#[derive(Clone, Copy)]
pub struct SavedCode<'a> {
    parts: &'a [(u64, Vec<u8>)],
}

impl<'a> SavedCode<'a> {
    /// From its parts.
    pub fn new(parts: &'a [(u64, Vec<u8>)]) -> Self {
        Self { parts }
    }
}

impl Memory for SavedCode<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let found = self.parts.iter().find_map(|(base, bytes)| {
            let start = usize::try_from(address.0.checked_sub(*base)?).ok()?;
            bytes.get(start..start.checked_add(into.len())?)
        });
        found.inspect(|found| into.copy_from_slice(found)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::SavedCode;
    use crate::model::{Address, Memory};
    use crate::python::layout::table::CPYTHON_3_12;
    use crate::python::text::NoText;
    use crate::python::{CodeInfo, NoCode};

    const CODE_TYPE: Address = Address(0x5555_0000);
    const CODE: Address = Address(0x7000_0000);

    type Parts = Vec<(u64, Vec<u8>)>;

    fn ascii(text: &str) -> Vec<u8> {
        let mut object = vec![0; 40 + text.len()];
        object[16..24].copy_from_slice(&(text.len() as u64).to_le_bytes());
        object[32..36].copy_from_slice(&(1_u32 << 2 | 3 << 5).to_le_bytes());
        object[40..].copy_from_slice(text.as_bytes());
        object
    }

    /// A code object of 3.12 with everything saved: itself, name, qualified name, file, line table.
    fn parts() -> Parts {
        let mut object = vec![0; 192];
        let mut word = |at: usize, value: u64| {
            object[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        word(8, CODE_TYPE.0);
        word(64, 7 << 32);
        word(112, 0x7300_0000);
        word(120, 0x7100_0000);
        word(128, 0x7200_0000);
        word(136, 0x7400_0000);
        let mut lines = vec![0; 36];
        lines[16] = 4;
        lines[32..36].copy_from_slice(&[0x80, 0, 0xd9, 0]);
        vec![
            (CODE.0, object),
            (0x7100_0000, ascii("leak")),
            (0x7200_0000, ascii("Cache.leak")),
            (0x7300_0000, ascii("/srv/cache.py")),
            (0x7400_0000, lines),
        ]
    }

    fn read(parts: &Parts) -> Result<CodeInfo, NoCode> {
        CodeInfo::read(&SavedCode::new(parts), &CPYTHON_3_12, CODE_TYPE, CODE)
    }

    fn without(parts: &[(u64, Vec<u8>)], address: u64) -> Parts {
        parts.iter().filter(|(base, _)| *base != address).cloned().collect()
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
        let partial = without(&without(&parts(), 0x7200_0000), 0x7400_0000);
        let code = read(&partial).unwrap();
        assert_eq!(code.function, "leak");
        assert_eq!(code.lines.line(0), None);
        let partial = without(&partial, 0x7300_0000);
        assert_eq!(read(&partial), Err(NoCode::File { reason: NoText::Unreadable }));
        let partial = without(&partial, 0x7100_0000);
        assert_eq!(read(&partial), Err(NoCode::Function { reason: NoText::Unreadable }));
        assert_eq!(read(&without(&partial, CODE.0)), Err(NoCode::Unreadable));
    }

    #[test]
    fn another_object_is_not_taken_for_code() {
        let mut other = parts();
        other[0].1[8] = 1;
        assert_eq!(read(&other), Err(NoCode::NotCode));
    }

    #[test]
    fn hostile_addresses_stay_inside() {
        let hostile = vec![(u64::MAX - 3, vec![0; 16]), (CODE.0, vec![0; 8])];
        let saved = SavedCode::new(&hostile);
        assert!(saved.bytes(CODE, 8).is_some());
        assert!(saved.bytes(CODE, 9).is_none());
        assert!(saved.bytes(Address(u64::MAX), 8).is_none());
        assert!(saved.bytes(Address(0), 8).is_none());
    }
}
