//! Recordings that bad disks and cut-off copies leave behind: an error or a document, never a
//! panic, never without end.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::life::killed;
use super::{Reader, error, finished, folder};

/// Whatever comes of it: it ends, and errors are one line.
fn survive(path: &Path) {
    if let Err(error) = Reader::open(path).and_then(|reader| reader.document_with_history()) {
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
}

#[test]
fn other_files_are_named() {
    let (folder, path) = folder();
    let expect = |contents: &[u8], words: &str| {
        fs::write(&path, contents).expect("a file");
        let text = error(&path);
        assert!(text.contains(words), "{text}");
    };
    expect(b"", "an empty file");
    expect(b"hello", "not an SQLite database");
    expect(b"SQLite format 3\0", "only the beginning");
    assert!(error(folder.path()).contains("not a regular file"));
    assert!(error(&folder.path().join("missing")).contains("cannot open"));
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let (_folder, path) = folder();
    finished(&path);
    let whole = fs::read(&path).expect("the recording");
    for length in (0..whole.len()).step_by(1021) {
        fs::write(&path, &whole[..length]).expect("a file");
        let result = Reader::open(&path).and_then(|reader| reader.document_with_history());
        assert!(result.is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn a_cut_log_loses_ticks_only() {
    let (folder, _) = folder();
    let corpse = killed(folder.path());
    let log = folder.path().join("killed.leakspy-wal");
    let whole = fs::read(&log).expect("the log");
    for length in (0..whole.len()).step_by(4099) {
        fs::write(&log, &whole[..length]).expect("a file");
        let _ = fs::remove_file(folder.path().join("killed.leakspy-shm"));
        survive(&corpse);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn flipped_bytes_are_survived(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..24),
    ) {
        let (_folder, path) = folder();
        finished(&path);
        let mut bytes = fs::read(&path).expect("the recording");
        for (index, flip) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= flip;
        }
        fs::write(&path, &bytes).expect("a file");
        survive(&path);
    }

    /// Page headers and cell pointers, where damage does most.
    #[test]
    fn broken_page_headers_are_survived(
        page in any::<prop::sample::Index>(),
        bytes in prop::collection::vec((0_usize..48, any::<u8>()), 1..12),
    ) {
        let (_folder, path) = folder();
        finished(&path);
        let mut file = fs::read(&path).expect("the recording");
        let start = page.index(file.len() / 4096) * 4096;
        let header = if start == 0 { 100 } else { 0 };
        for (at, byte) in bytes {
            file[start + header + at] = byte;
        }
        fs::write(&path, &file).expect("a file");
        survive(&path);
    }
}
