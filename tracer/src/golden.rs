//! Expected outputs of tests, kept in `tracer/golden`.
//!
//! One page of each kind is there whole. Of others there is what a reader can judge, and a
//! fingerprint of the rest: what differs anywhere is noticed, and the repository does not hold the
//! same page twenty times.

use std::path::Path;

/// Whether `actual` is what the file at `path` holds. With `LEAKSPY_BLESS=1` in the environment
/// the file is rewritten instead; read the difference before committing it.
pub fn matches(path: &Path, actual: &str) -> bool {
    if std::env::var_os("LEAKSPY_BLESS").is_some_and(|value| value == "1") {
        let folder = path.parent().expect("golden files lie in a folder");
        std::fs::create_dir_all(folder).expect("the golden folder can be made");
        std::fs::write(path, actual).expect("golden files can be written");
        return true;
    }
    std::fs::read_to_string(path).is_ok_and(|expected| expected == actual)
}

/// A number that differs when anything in `text` does (FNV-1a), as hexadecimal digits.
pub fn fingerprint(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}
