//! What the allocator of a process is called where it is not glibc's, and which version it is.

use super::super::Module;

/// Most bytes of a library that are looked through for its version.
const MOST: u64 = 8 << 20;
/// Libraries that serve malloc, by what their file is called, and what the allocator is.
const NAMES: [(&str, &str); 5] = [
    ("jemalloc", "jemalloc"),
    ("mimalloc", "mimalloc"),
    ("tcmalloc", "tcmalloc"),
    ("ld-musl", "musl"),
    ("libc.musl", "musl"),
];

/// Name and version of the allocator in a library, if it is one that is known.
pub fn of(module: &Module) -> Option<(&'static str, Option<String>)> {
    let file = module.path.file_name()?.to_str()?;
    let (_, name) = NAMES.iter().find(|(part, _)| file.contains(part))?;
    let version = match *name {
        "jemalloc" => {
            let size = module.file.size().min(MOST);
            module.file.read(0, size).ok().and_then(|bytes| version_of_jemalloc(&bytes))
        }
        // `libmimalloc.so.2.1`; what ends in one number says only how it is linked.
        "mimalloc" => file.rsplit_once(".so.").map(|(_, version)| version.to_owned()),
        _ => None,
    };
    Some((name, version.filter(|version| version.contains('.'))))
}

/// `5.3.0` of the text `5.3.0-0-g54eaed1d…` (`JEMALLOC_VERSION`).
fn version_of_jemalloc(bytes: &[u8]) -> Option<String> {
    const HASH: usize = 40;
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let texts = bytes.split(|byte| *byte == 0).filter(|text| text.len() > HASH);
    let mut versions = texts.filter_map(|text| {
        let (front, hash) = text.split_at_checked(text.len() - HASH)?;
        let front = front.strip_suffix(b"-g")?;
        let end = front.iter().position(|byte| *byte == b'-')?;
        let version = &front[..end];
        let is_one = hash.iter().all(u8::is_ascii_hexdigit) && version.iter().all(is_version);
        (is_one && version.len() <= 16).then(|| String::from_utf8_lossy(version).into_owned())
    });
    versions.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jemalloc_says_its_version() {
        let hash = "54eaed1d8b56b1aa528be3bdd1877e59c56fa90c";
        let library = |text: &str| format!("\x7fELF\0{hash}\0junk-g{hash}\0{text}-0-g{hash}\0more");
        let version = |text: &str| version_of_jemalloc(library(text).as_bytes());
        assert_eq!(version("5.3.0").as_deref(), Some("5.3.0"));
        for none in ["5.3.x", "<jemalloc>: 5.3.0", "12345678901234567"] {
            assert_eq!(version(none), None, "{none}");
        }
        assert_eq!(version_of_jemalloc(&[0, b'g', 0xff]), None);
    }
}
