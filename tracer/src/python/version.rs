//! Which CPython the target runs.

use std::fmt;

use super::machine;
use crate::model::{Address, Memory};

/// Longest version text that is looked at, bytes. CPython's own buffer holds 250.
const TEXT_LIMIT: usize = 64;

/// A CPython release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 3.
    pub major: u8,
    /// The feature release: layouts change with it.
    pub minor: u8,
    /// The bug-fix release.
    pub micro: u8,
    /// How finished it is.
    pub level: ReleaseLevel,
}

/// How finished a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseLevel {
    /// `a1`: layouts change from one to the next.
    Alpha(u8),
    /// `b1`: layouts still change now and then.
    Beta(u8),
    /// `rc1`: layouts are frozen.
    Candidate(u8),
    /// No suffix.
    Final,
}

impl Version {
    /// A finished release.
    pub const fn new(major: u8, minor: u8, micro: u8) -> Self {
        Self { major, minor, micro, level: ReleaseLevel::Final }
    }

    /// From `PY_VERSION_HEX`, the value of the `Py_Version` word (3.11 on) and of the version in
    /// the debug offsets (3.13 on): one byte each of major, minor and micro, then level and serial
    /// in one.
    pub fn from_hex(hex: u64) -> Option<Self> {
        let [level, micro, minor, major] = u32::try_from(hex).ok()?.to_le_bytes();
        let serial = level & 0xf;
        let level = match level >> 4 {
            0xa => ReleaseLevel::Alpha(serial),
            0xb => ReleaseLevel::Beta(serial),
            0xc => ReleaseLevel::Candidate(serial),
            0xf => ReleaseLevel::Final,
            _ => return None,
        };
        (major == 3).then_some(Self { major, minor, micro, level })
    }

    /// From what `Py_GetVersion` returns (`3.8.18 (default, …) \n[GCC …]`) or from `PY_VERSION`
    /// alone. The text must be nothing else, so that a version in the middle of some other string
    /// does not count.
    pub fn from_text(text: &str) -> Option<Self> {
        let version = text.split(' ').next()?;
        if version.len() < text.len() && !text[version.len()..].starts_with(" (") {
            return None;
        }
        let version = version.strip_suffix('+').unwrap_or(version);
        let mut parts = version.splitn(3, '.');
        let major = number(parts.next()?)?;
        let minor = number(parts.next()?)?;
        let (micro, level) = micro_and_level(parts.next()?)?;
        // Of Python 2 the text is understood, so that a refusal can name the version.
        matches!(major, 2 | 3).then_some(Self { major, minor, micro, level })
    }

    /// From the machine code of `Py_GetVersion`, which 3.6 to 3.10 have instead of a version word:
    /// the strings that its instructions mention are `PY_VERSION` itself and the buffer that the
    /// text is built in. Whatever is mentioned is believed only when it reads as a version, so a
    /// compiler that arranges the function otherwise costs an answer, not a wrong one.
    pub fn from_function(memory: &dyn Memory, function: Address) -> Option<Self> {
        machine::mentioned(memory, function).into_iter().find_map(|address| {
            let bytes = machine::prefix(memory, address, TEXT_LIMIT);
            // Without its end in sight `3.1` could be the beginning of `3.10.2`.
            let end = bytes.iter().position(|byte| matches!(byte, 0 | b' '))?;
            Self::from_text(std::str::from_utf8(bytes.get(..end)?).ok()?)
        })
    }

    /// Whether its layouts can still change before the release.
    pub const fn is_unfinished(self) -> bool {
        matches!(self.level, ReleaseLevel::Alpha(_) | ReleaseLevel::Beta(_))
    }
}

fn number(text: &str) -> Option<u8> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn micro_and_level(text: &str) -> Option<(u8, ReleaseLevel)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (micro, rest) = text.split_at_checked(digits)?;
    let level = if rest.is_empty() {
        ReleaseLevel::Final
    } else if let Some(serial) = rest.strip_prefix("rc") {
        ReleaseLevel::Candidate(number(serial)?)
    } else if let Some(serial) = rest.strip_prefix('b') {
        ReleaseLevel::Beta(number(serial)?)
    } else {
        ReleaseLevel::Alpha(number(rest.strip_prefix('a')?)?)
    };
    Some((number(micro)?, level))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)?;
        match self.level {
            ReleaseLevel::Alpha(serial) => write!(f, "a{serial}"),
            ReleaseLevel::Beta(serial) => write!(f, "b{serial}"),
            ReleaseLevel::Candidate(serial) => write!(f, "rc{serial}"),
            ReleaseLevel::Final => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ReleaseLevel, Version};

    #[test]
    fn words_and_texts_agree() {
        assert_eq!(Version::from_hex(0x030b_07f0), Some(Version::new(3, 11, 7)));
        assert_eq!(Version::from_text("3.11.7"), Some(Version::new(3, 11, 7)));
        let candidate = Version { level: ReleaseLevel::Candidate(2), ..Version::new(3, 14, 0) };
        assert_eq!(Version::from_hex(0x030e_00c2), Some(candidate));
        assert_eq!(Version::from_text("3.14.0rc2"), Some(candidate));
        assert_eq!(candidate.to_string(), "3.14.0rc2");
        assert!(!candidate.is_unfinished());
    }

    #[test]
    fn the_full_text_and_local_builds_are_understood() {
        let text = "3.8.18 (default, Feb  3 2024, 07:02:12) \n[GCC 12.2.0]";
        assert_eq!(Version::from_text(text), Some(Version::new(3, 8, 18)));
        assert_eq!(Version::from_text("3.9.2+"), Some(Version::new(3, 9, 2)));
        assert_eq!(Version::from_text("2.7.18"), Some(Version::new(2, 7, 18)));
        let beta = Version::from_text("3.10.0b3 (tags/v3.10.0b3) [Clang]").unwrap();
        assert!(beta.is_unfinished());
        assert_eq!(beta.to_string(), "3.10.0b3");
    }

    #[test]
    fn nothing_else_is_a_version() {
        for text in [
            "",
            "3",
            "3.",
            "3.8",
            "3.8.",
            "3.8.x",
            "1.5.2",
            "4.0.0",
            "3.8.18rc",
            "3.8.18c1",
            "3.999.1",
            "3.8.18 or later",
            "3.8.18.1",
            "é.8.1",
            "+3.8.1",
            "3.+8.1",
        ] {
            assert_eq!(Version::from_text(text), None, "{text:?}");
        }
        for hex in [0, 0x0207_12f0, 0x030b_0700, 0x1_030b_07f0, u64::MAX] {
            assert_eq!(Version::from_hex(hex), None, "{hex:#x}");
        }
    }
}
