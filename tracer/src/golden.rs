//! Expected outputs of tests, kept in `tracer/golden`.

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
