//! Where the code of this program itself lies.

use std::fs::{self, File};
use std::io;

use super::maps;
use crate::model::Address;

/// The file of this program, and where in it the code is that runs at an address.
///
/// # Errors
/// Nothing of the file is mapped there, or `/proc` is not.
pub fn place(address: u64) -> io::Result<(File, u64)> {
    let mappings = maps::parse(&fs::read("/proc/self/maps")?);
    let mapping = mappings.iter().find(|mapping| mapping.holds(Address(address)));
    let mapping = mapping.ok_or(io::ErrorKind::NotFound)?;
    let offset = address - mapping.start.0 + mapping.offset;
    Ok((File::open("/proc/self/exe")?, offset))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn code_is_what_the_file_has_there() {
        let address = place as *const () as u64;
        let (file, offset) = place(address).unwrap();
        let mut bytes = [0; 16];
        file.read_exact_at(&mut bytes, offset).unwrap();
        // SAFETY: so many bytes of this function, which is longer.
        let code = unsafe { std::slice::from_raw_parts(address as *const u8, bytes.len()) };
        assert_eq!(code, bytes);
        assert!(place(1).is_err());
    }
}
