//! Findings that somebody knows already, from a file: lines as LeakSanitizer reads them, and ids.
//!
//! ```text
//! # A registry that is bounded by the number of plug-ins
//! leak:PluginRegistry.add
//! leak:^/srv/app/vendor/*.py$
//! id:3f9ac1d2
//! ```
//!
//! `leak:` is followed by a pattern: a part of a function's, a file's or a module's name of any
//! frame. `*` stands for anything, `^` for the beginning and `$` for the end of the name.

use thiserror::Error;

use super::wildcard::Wildcard;
use crate::model::{Finding, Frame, Leak};

/// Lines that are read at most.
const MOST_LINES: usize = 100_000;
/// Bytes of a file that are read at most.
pub const MOST_BYTES: u64 = 8 << 20;

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct NotASuppression {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suppression {
    line: usize,
    text: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Id(String),
    Pattern(Wildcard),
}

/// All lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressions(Vec<Suppression>);

impl Suppressions {
    /// From the bytes of a file. Blank lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotASuppression> {
        let mut found = Vec::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            let wrong = |what: &str| NotASuppression { line: number, what: what.to_owned() };
            if number > MOST_LINES {
                return Err(wrong("there are more lines than anybody can read"));
            }
            let text = std::str::from_utf8(line).map_err(|_| wrong("not UTF-8 text"))?.trim();
            if !text.is_empty() && !text.starts_with('#') {
                let what = What::parse(text).map_err(|what| wrong(&what))?;
                found.push(Suppression { line: number, text: text.to_owned(), what });
            }
        }
        Ok(Self(found))
    }

    /// The indices of the lines that match a finding.
    pub fn matching<'a>(&'a self, finding: &'a Finding) -> impl Iterator<Item = usize> + 'a {
        let matches = |one: &Suppression| one.what.matches(finding);
        self.0.iter().enumerate().filter(move |(_, one)| matches(one)).map(|(index, _)| index)
    }

    /// The indices of the lines that match a leak, by its id, its name or what retains it.
    pub fn matching_leak<'a>(&'a self, leak: &'a Leak) -> impl Iterator<Item = usize> + 'a {
        let path = leak
            .retained_by
            .iter()
            .flat_map(|by| by.path.iter().chain(&by.through))
            .map(String::as_str);
        let names: Vec<&str> = std::iter::once(leak.name.as_str()).chain(path).collect();
        let matches = move |one: &Suppression| match &one.what {
            What::Id(id) => *id == leak.id,
            What::Pattern(pattern) => names.iter().any(|name| pattern.matches(name)),
        };
        let lines = self.0.iter().enumerate();
        lines.filter(move |(_, one)| matches(one)).map(|(index, _)| index)
    }

    /// `3: leak:keep` for each line whose index is not among those that matched something.
    pub fn unused(&self, used: &[usize]) -> Vec<String> {
        let unused = self.0.iter().enumerate().filter(|(index, _)| !used.contains(index));
        unused.map(|(_, one)| format!("{}: {}", one.line, one.text)).collect()
    }
}

impl What {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(id) = text.strip_prefix("id:") {
            let id = id.trim();
            let is_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            return match is_id {
                true => Ok(Self::Id(id.to_ascii_lowercase())),
                false => {
                    Err(format!("`{}` is no id; ids have eight hexadecimal digits", brief(id)))
                }
            };
        }
        match text.strip_prefix("leak:").map(str::trim) {
            Some("") => Err("a pattern is missing after `leak:`".to_owned()),
            Some(pattern) => Ok(Self::Pattern(Wildcard::part(pattern))),
            None => Err(format!("`{}` is neither leak:PATTERN nor id:XXXXXXXX", brief(text))),
        }
    }

    fn matches(&self, finding: &Finding) -> bool {
        match self {
            Self::Id(id) => *id == finding.site.id || finding.evidence.sites.contains(id),
            Self::Pattern(pattern) => {
                finding.site.stack.iter().flat_map(names).any(|name| pattern.matches(name))
            }
        }
    }
}

/// Enough of a line to find it.
fn brief(text: &str) -> String {
    text.chars().take(60).collect()
}

fn names(frame: &Frame) -> impl Iterator<Item = &str> {
    let names = [&frame.function, &frame.file, &frame.module];
    names.into_iter().flatten().map(AsRef::as_ref).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::leaks::samples;

    #[test]
    fn lines_have_two_kinds() {
        let finding = samples::leak();
        let text = format!(
            "# known\n\n  leak:nothing_of_the_kind \r\nid:{}\nleak:^keep$\nid:00000000",
            finding.site.id.to_ascii_uppercase()
        );
        let suppressions = Suppressions::parse(text.as_bytes()).expect("lines");
        let used: Vec<usize> = suppressions.matching(&finding).collect();
        assert_eq!(used, [1, 2]);
        assert_eq!(suppressions.unused(&used), ["3: leak:nothing_of_the_kind", "6: id:00000000"]);
    }

    #[test]
    fn what_is_no_suppression_is_named() {
        let error = |bytes: &[u8]| Suppressions::parse(bytes).expect_err("no line").to_string();
        let neither = "line 2: `race:x` is neither leak:PATTERN nor id:XXXXXXXX";
        assert_eq!(error(b"leak:a\nrace:x\nrubbish"), neither);
        assert_eq!(error(b"leak: "), "line 1: a pattern is missing after `leak:`");
        assert_eq!(error(b"id:12"), "line 1: `12` is no id; ids have eight hexadecimal digits");
        assert_eq!(error(b"\n\xff"), "line 2: not UTF-8 text");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Suppressions::parse(&bytes);
        }

        /// The more so if they look like it.
        #[test]
        fn any_pattern_is_tried(pattern in "[\\^*$a-c/é]{1,12}", name in "[a-c/é]{0,12}") {
            let line = format!("leak:{pattern}");
            let suppressions = Suppressions::parse(line.as_bytes()).expect("a pattern");
            let mut finding = samples::leak();
            finding.site.stack = vec![Frame::python(name, "", None)].into();
            let _ = suppressions.matching(&finding).count();
        }
    }
}
