//! `--include` and `--exclude`: which findings are wanted, by any frame of their stack.

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::model::{CallStack, Finding, Frame, Leak};
use crate::report::short_file;

/// A pattern that is none, with the option and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAPattern(pub String);

/// Patterns of one option.
#[derive(Clone, Debug, Default)]
struct Patterns(Option<GlobSet>);

/// Which findings are wanted. A pattern is compared with the whole of a name: the function, the
/// file and the module, each as the process knows it, as reports write it, and without its folders.
/// `*` stands for anything, slashes too.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Patterns,
    exclude: Patterns,
}

impl Filter {
    /// Nothing in `include` wants everything.
    ///
    /// # Errors
    /// A pattern that is none, named.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, NotAPattern> {
        Ok(Self {
            include: Patterns::new("--include", include)?,
            exclude: Patterns::new("--exclude", exclude)?,
        })
    }

    /// Whether a leak is wanted that was made of wanted findings: by its name, which no stack may have.
    pub fn wants_leak(&self, leak: &Leak) -> bool {
        let is_named =
            |patterns: &Patterns| patterns.0.as_ref().map(|set| set.is_match(leak.name.as_str()));
        let included =
            is_named(&self.include).unwrap_or(true) || !leak.evidence.findings.is_empty();
        included && !is_named(&self.exclude).unwrap_or(false)
    }

    /// Whether a finding is wanted.
    pub fn wants(&self, finding: &Finding) -> bool {
        let stack = &finding.site.stack;
        self.include.match_any(stack).unwrap_or(true)
            && !self.exclude.match_any(stack).unwrap_or(false)
    }
}

impl Patterns {
    fn new(option: &str, patterns: &[String]) -> Result<Self, NotAPattern> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let wrong = |error: &globset::Error| {
                NotAPattern(format!("{option} {pattern}: {}", error.kind()))
            };
            set.add(Glob::new(pattern).map_err(|error| wrong(&error))?);
        }
        let too_large = |error: globset::Error| NotAPattern(format!("{option}: {}", error.kind()));
        set.build().map(|set| Self(Some(set))).map_err(too_large)
    }

    /// Whether any frame matches; nothing without patterns.
    fn match_any(&self, stack: &CallStack) -> Option<bool> {
        let set = self.0.as_ref()?;
        Some(stack.iter().flat_map(names).any(|name| set.is_match(name)))
    }
}

/// Everything by which somebody may know a frame.
fn names(frame: &Frame) -> impl Iterator<Item = &str> {
    let paths = [frame.file.as_deref(), frame.module.as_deref()].into_iter().flatten();
    let paths =
        paths.flat_map(|path| [path, short_file(path), path.rsplit('/').next().unwrap_or(path)]);
    frame.function.as_deref().into_iter().chain(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::leaks::samples;

    const READERS: &str = "/v/lib/python3.11/site-packages/pandas/io/readers.py";

    fn finding() -> Finding {
        let mut finding = samples::leak();
        let module = Some("/opt/libmagic.so.2".into());
        finding.site.stack = vec![
            Frame::python("<module>", "/srv/app/main.py", Some(1)),
            Frame::python("Reader.read", READERS, Some(2)),
            Frame { file: None, module, ..Frame::python("magic_load", "", None) },
        ]
        .into();
        finding
    }

    fn wants(include: &[&str], exclude: &[&str]) -> bool {
        let owned = |patterns: &[&str]| -> Vec<String> {
            patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
        };
        Filter::new(&owned(include), &owned(exclude)).expect("patterns").wants(&finding())
    }

    #[test]
    fn any_frame_may_match_by_any_of_its_names() {
        assert!(wants(&[], &[]));
        for pattern in [
            "Reader.*",
            "magic_load",
            "/srv/*",
            "main.py",
            "*/pandas/*",
            "pandas/io/readers.py",
            "libmagic*",
            "/opt/lib*.so.?",
            "{nothing,main.py}",
        ] {
            assert!(wants(&[pattern], &[]), "{pattern}");
            assert!(!wants(&[], &[pattern]), "{pattern}");
        }
        for pattern in ["main", "srv", "reader.*", "other", ""] {
            assert!(!wants(&[pattern], &[]), "{pattern}");
            assert!(wants(&[], &[pattern]), "{pattern}");
        }
        assert!(wants(&["nothing", "main.py"], &["nothing"]));
        assert!(!wants(&["main.py"], &["libmagic*"]));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = Filter::new(&[], &["fine".into(), "a[b".into()]).expect_err("no pattern");
        assert_eq!(error.0, "--exclude a[b: unclosed character class; missing ']'");
    }
}
