//! What tests demand of every page and of every sample.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::report::{Format, width};

/// No line is too long, and there is nothing that a terminal obeys.
pub fn fits(page: &str) {
    for line in page.lines() {
        assert!(width::columns(line) <= width::NARROW, "{line:?}");
    }
    assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
}

/// Holds the first sample in every format of `table`, and each of them as text and as DOT, against
/// `golden/report/KIND-NAME.SUFFIX`, which `LEAKSPY_BLESS=1` rewrites.
pub fn prints<T, E: ?Sized>(
    kind: &str,
    samples: &[(&str, T)],
    table: &[Format<E>],
    rendered: impl Fn(&str, &T) -> String,
) {
    let mut different: Vec<PathBuf> = Vec::new();
    for (number, (name, sample)) in samples.iter().enumerate() {
        for format in table {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("golden/report/{kind}-{name}.{}", format.suffix));
            let actual = rendered(format.name, sample);
            if format.name == "text" {
                fits(&actual);
            }
            // Names of ten thousand letters are nothing to read; JSON has them whole.
            if (*name, format.name) == ("hostile", "json") {
                let value: serde_json::Value = serde_json::from_str(&actual).expect("valid JSON");
                assert!(value["look"]["notes"].is_array());
                continue;
            }
            let agreed = number == 0 || ["text", "dot"].contains(&format.name);
            if agreed && !crate::golden::matches(&path, &actual) {
                different.push(path);
            }
        }
    }
    assert!(different.is_empty(), "bless with LEAKSPY_BLESS=1 after reading: {different:?}");
}

/// The codes of an enum, and codes with their words.
pub type Chapter<'a> = (&'a [&'a str], Vec<(&'static str, String)>);

/// Holds facts in their words against `golden/report/NAME`. Each code of a chapter has its words at
/// least once.
pub fn words(name: &str, chapters: &[Chapter<'_>]) {
    let mut page = String::new();
    for (codes, worded) in chapters {
        let shown: BTreeSet<&str> = worded.iter().map(|(code, _)| *code).collect();
        assert_eq!(shown, codes.iter().copied().collect(), "a sample of each");
        assert_eq!(shown.len(), codes.len(), "a code for each");
        page.extend(worded.iter().map(|(code, words)| format!("{code}\n    {words}\n")));
        page.push('\n');
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/report").join(name);
    let same = crate::golden::matches(&path, &page);
    assert!(same, "bless with LEAKSPY_BLESS=1 after reading: {path:?}");
}
