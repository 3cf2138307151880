//! A folder of real leaks: what each case is, and what a correct report says of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// More would be some other folder.
const MOST_CASES: usize = 1000;
/// A case's description is a page; more is not one.
const MOST_BYTES: u64 = 1 << 20;

/// One leak that really shipped, or a program that only looks as if it leaked: its `case.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// The name of its folder, and what `run_case.sh` is reported.
    pub name: String,
    /// What loses the memory, if anything does.
    pub kind: Kind,
    /// What a correct report names. Nothing for a program that does not leak.
    #[serde(default)]
    pub expected: Expected,
    /// What its resident memory was seen to do.
    #[serde(default)]
    pub measured: Measured,
}

/// What loses the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A reference that somebody keeps.
    Python,
    /// C code, leaked reference counts included.
    Native,
    /// Nothing: it only looks like a leak.
    NonLeak,
}

/// Which version of a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// The one that leaks; of a program that does not leak, the only one.
    Leaky,
    /// The one that was cured.
    Fixed,
}

/// What a correct report names.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Expected {
    /// At least one of these is in the stack.
    #[serde(default)]
    pub frames: Vec<Place>,
    /// Types of the objects that stay, with the module that people import them from, or without.
    #[serde(default)]
    pub leaking_types: Vec<String>,
    /// What holds them, in names and prose: `pkg.registry (dict) -> list -> Session`.
    #[serde(default)]
    #[serde(rename = "holder")]
    pub retainer: String,
}

/// Bytes of anonymous resident memory per operation, without background work.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Measured {
    /// Of the version that leaks.
    pub leaky_bytes_per_op: Option<f64>,
    /// Of the cured one.
    pub fixed_bytes_per_op: Option<f64>,
}

/// A function in a file: `base.py:buffer`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Place {
    /// The file's name without folders.
    pub file: String,
    /// The function's own name, not qualified.
    pub function: String,
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some((file, function)) if !file.is_empty() && !function.is_empty() => {
                Ok(Self { file: file.to_owned(), function: function.to_owned() })
            }
            _ => Err(format!("{text:?} is not of the form FILE:FUNCTION")),
        }
    }
}

impl Place {
    /// Whether a frame is here. Its file may have folders and its function may be qualified, as in
    /// `History.remember` or `answer.<locals>.<listcomp>`.
    pub fn is(&self, file: &str, function: &str) -> bool {
        let base = file.rsplit('/').next().unwrap_or(file);
        let own = function.rsplit('.').next().unwrap_or(function);
        base == self.file && own == self.function
    }
}

impl Kind {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Native => "native",
            Self::NonLeak => "non-leak",
        }
    }
}

impl Version {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaky => "leaky",
            Self::Fixed => "fixed",
        }
    }
}

impl Case {
    /// Whether this version must stay without a verdict of `leak`.
    pub fn is_silent(&self, version: Version) -> bool {
        self.kind == Kind::NonLeak || version == Version::Fixed
    }

    /// Whether the cured version was itself seen to grow by more than a twentieth of the leak, so
    /// that nobody can demand silence of it.
    pub fn still_grows(&self) -> bool {
        let Measured { leaky_bytes_per_op, fixed_bytes_per_op } = self.measured;
        leaky_bytes_per_op
            .zip(fixed_bytes_per_op)
            .is_some_and(|(leaky, fixed)| fixed > leaky / 20.0)
    }

    fn parse(text: &str) -> Result<Self> {
        let case: Self = toml::from_str(text)?;
        ensure!(
            case.kind == Kind::NonLeak || !case.expected.frames.is_empty(),
            "a leak needs [expected] with frames"
        );
        Ok(case)
    }
}

/// All cases of a folder, by name.
///
/// # Errors
/// A folder without cases, or a description that makes no sense; the message names the file.
pub fn read(folder: &Path) -> Result<Vec<Case>> {
    let cases = folder.join("cases");
    let entries =
        fs::read_dir(&cases).with_context(|| format!("cannot read {}", cases.display()))?;
    let mut files: Vec<PathBuf> = entries
        .take(MOST_CASES)
        .filter_map(|entry| Some(entry.ok()?.path().join("case.toml")))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("{} holds no case: there is no NAME/case.toml in it", cases.display());
    }
    files.iter().map(|file| read_one(file)).collect()
}

fn read_one(file: &Path) -> Result<Case> {
    let bytes = fs::metadata(file).map_or(0, |metadata| metadata.len());
    ensure!(bytes <= MOST_BYTES, "{} is too large for a description", file.display());
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let case = Case::parse(&text).with_context(|| format!("{} makes no sense", file.display()))?;
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    // `run_case.sh` knows cases by their folder.
    ensure!(folder == case.name.as_str(), "{} has another name: {:?}", file.display(), case.name);
    Ok(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: &str = r#"
        name = "shapes"
        kind = "native"
        python = "3.9"
        [expected]
        frames = ["driver.py:corridor", "driver.py:<listcomp>"]
        leaking_types = []
        [measured]
        leaky_bytes_per_op = 2150
        fixed_bytes_per_op = 0
        leaky_rss_mib = [17.2, 21.9]
    "#;

    #[test]
    fn a_description_is_read() {
        let case = Case::parse(NATIVE).expect("a case");
        assert_eq!((case.name.as_str(), case.kind), ("shapes", Kind::Native));
        assert_eq!(case.expected.frames[1].function, "<listcomp>");
        assert_eq!(case.measured.leaky_bytes_per_op, Some(2150.0));
        assert!(!case.is_silent(Version::Leaky));
        assert!(case.is_silent(Version::Fixed));
        assert!(!case.still_grows());
    }

    #[test]
    fn what_does_not_leak_expects_nothing() {
        let case = Case::parse("name = \"calm\"\nkind = \"non-leak\"").expect("a case");
        assert!(case.is_silent(Version::Leaky));
        assert!(Case::parse("name = \"calm\"\nkind = \"python\"").is_err());
    }

    #[test]
    fn bad_descriptions_are_named() {
        for (bad, word) in [
            ("kind = \"native\"", "name"),
            ("name = \"x\"\nkind = \"nativ\"", "unknown variant"),
            (
                "name = \"x\"\nkind = \"native\"\n[expected]\nframes = [\"nowhere\"]",
                "FILE:FUNCTION",
            ),
        ] {
            let error = format!("{:#}", Case::parse(bad).expect_err(bad));
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_cure_that_creeps_is_known() {
        let creeps = NATIVE.replace("fixed_bytes_per_op = 0", "fixed_bytes_per_op = 200");
        assert!(Case::parse(&creeps).expect("a case").still_grows());
    }

    #[test]
    fn places_are_matched_by_their_last_names() {
        let place = Place::try_from("base.py:buffer".to_owned()).expect("a place");
        assert!(place.is("/site-packages/shapely/geometry/base.py", "BaseGeometry.buffer"));
        assert!(place.is("base.py", "buffer"));
        assert!(!place.is("database.py", "buffer"));
        assert!(!place.is("base.py", "rebuffer"));
        assert!(!place.is("base.py", "buffer.<locals>.inner"));
        let list = Place::try_from("driver.py:<listcomp>".to_owned()).expect("a place");
        assert!(list.is("cases/x/driver.py", "corridor.<locals>.<listcomp>"));
    }
}
