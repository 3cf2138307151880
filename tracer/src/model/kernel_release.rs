//! Which kernel runs here.

use std::fmt;

/// Version of the running kernel, as far as decisions depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelRelease {
    /// 6 in 6.12.117.
    pub major: u16,
    /// 12 in 6.12.117.
    pub minor: u16,
    /// 117 in 6.12.117; 0 when the release does not say.
    pub patch: u16,
}

impl KernelRelease {
    /// `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor, patch: 0 }
    }

    /// Reads the text of `uname -r`, for example `6.1.0-50-amd64`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |part: &str| -> Option<u16> {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().ok()
        };
        let mut parts = text.trim().splitn(3, '.');
        let (major, minor) = (number(parts.next()?)?, number(parts.next()?)?);
        Some(Self { major, minor, patch: parts.next().and_then(number).unwrap_or(0) })
    }
}

impl fmt::Display for KernelRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::KernelRelease;

    #[test]
    fn reads_what_distributions_write() {
        let release = |text| KernelRelease::parse(text).map(|r| (r.major, r.minor, r.patch));
        assert_eq!(release("6.18.44-fc-v669"), Some((6, 18, 44)));
        assert_eq!(release("6.1.0-50-cloud-amd64\n"), Some((6, 1, 0)));
        assert_eq!(release("7.2"), Some((7, 2, 0)));
        assert_eq!(release("5.10-rc1"), Some((5, 10, 0)));
        assert_eq!(release("linux"), None);
        assert_eq!(release("99999999.1"), None);
        assert!(KernelRelease::new(6, 9) < KernelRelease::new(6, 10));
    }
}
