//! One control group on the way up: what it allows and uses, resident and swapped out.

use std::fs;
use std::path::Path;

use super::Version;

/// Bytes, `None` for what is not limited or cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    /// Most that may be resident.
    pub limit: Option<u64>,
    /// What is, without cached files that nobody used lately: those go before anything is killed.
    pub usage: Option<u64>,
    /// Most that may be swapped out.
    swap_limit: Option<u64>,
    /// What is, 0 where the kernel does not count it.
    swap_usage: u64,
}

impl Level {
    pub(super) fn read(version: Version, folder: &Path) -> Self {
        let number = |file| parse_number(&fs::read_to_string(folder.join(file)).ok()?);
        let [limit, used, swap_limit, swap_used] = match version {
            Version::One => [
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "memory.memsw.limit_in_bytes",
                "memory.memsw.usage_in_bytes",
            ],
            Version::Two => {
                ["memory.max", "memory.current", "memory.swap.max", "memory.swap.current"]
            }
        }
        .map(number);
        let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let usage = used.map(|used| used.saturating_sub(inactive_file(&statistics).unwrap_or(0)));
        match version {
            // In the first generation both are sums of what is resident and what is swapped out.
            Version::One => Self {
                limit: limit.or(swap_limit),
                usage,
                swap_limit: swap_limit.zip(limit).map(|(sum, limit)| sum.saturating_sub(limit)),
                swap_usage: swap_used.zip(used).map_or(0, |(sum, used)| sum.saturating_sub(used)),
            },
            Version::Two => Self { limit, usage, swap_limit, swap_usage: swap_used.unwrap_or(0) },
        }
    }

    /// What may be allocated before something is killed, where `swap_free` bytes of the machine's
    /// swap are free: what may be resident and what may be swapped out.
    pub(super) fn limit_with_swap(&self, swap_free: u64) -> Option<u64> {
        let possible = self.swap_usage.saturating_add(swap_free);
        let swap = self.swap_limit.unwrap_or(u64::MAX).min(possible);
        self.limit.map(|limit| limit.saturating_add(swap))
    }

    /// What is used of that.
    pub(super) fn usage_with_swap(&self) -> Option<u64> {
        self.usage.map(|usage| usage.saturating_add(self.swap_usage))
    }

    /// What may become resident before the group must free something, nothing where all may.
    pub(super) fn room(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.usage?))
    }
}

/// `inactive_file` of a `memory.stat`, in the first generation that of the group with those below
/// it.
fn inactive_file(statistics: &str) -> Option<u64> {
    let field = |wanted: &str| {
        let mut lines = statistics.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == wanted).and_then(|(_, number)| parse_number(number))
    };
    field("total_inactive_file").or_else(|| field("inactive_file"))
}

/// `max`, or a number; the first generation says "none" by a number near the largest.
fn parse_number(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(version: Version, files: &[(&str, &str)]) -> Level {
        let group = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(group.path().join(name), text).unwrap();
        }
        Level::read(version, group.path())
    }

    #[test]
    fn cached_files_that_nobody_uses_are_no_use_of_the_limit() {
        assert_eq!(inactive_file("anon 7\ninactive_file 4096\nactive_file 1\n"), Some(4096));
        assert_eq!(inactive_file("inactive_file 1\ntotal_inactive_file 9\n"), Some(9));
        assert_eq!(inactive_file(""), None);
        let files = [
            ("memory.max", "max\n"),
            ("memory.current", "10000\n"),
            ("memory.stat", "inactive_file 4000\n"),
        ];
        let level = level(Version::Two, &files);
        assert_eq!((level.limit, level.usage), (None, Some(6000)));
    }

    /// A group at the limit of its resident memory goes on growing into the swap.
    #[test]
    fn what_may_be_swapped_out_counts_for_the_limit() {
        let files = [
            ("memory.max", "1000000\n"),
            ("memory.current", "990000\n"),
            ("memory.swap.max", "500000\n"),
            ("memory.swap.current", "200000\n"),
        ];
        let two = level(Version::Two, &files);
        assert_eq!(two.limit_with_swap(u64::MAX), Some(1_500_000));
        assert_eq!(two.limit_with_swap(100_000), Some(1_300_000), "the machine has no more");
        assert_eq!(two.limit_with_swap(0), Some(1_200_000));
        assert_eq!((two.usage_with_swap(), two.room()), (Some(1_190_000), Some(10_000)));
        let files = [
            ("memory.limit_in_bytes", "1000000\n"),
            ("memory.usage_in_bytes", "990000\n"),
            ("memory.memsw.limit_in_bytes", "1500000\n"),
            ("memory.memsw.usage_in_bytes", "1190000\n"),
        ];
        assert_eq!(level(Version::One, &files), two);
    }

    #[test]
    fn without_swap_the_limit_is_that_of_what_is_resident() {
        let files = [("memory.max", "1000000\n"), ("memory.current", "7\n")];
        let without = level(Version::Two, &files);
        assert_eq!(
            (without.limit_with_swap(0), without.usage_with_swap()),
            (Some(1_000_000), Some(7))
        );
        let files = [
            ("memory.max", "1000000\n"),
            ("memory.swap.max", "0\n"),
            ("memory.swap.current", "0\n"),
        ];
        assert_eq!(level(Version::Two, &files).limit_with_swap(1 << 30), Some(1_000_000));
        assert_eq!(level(Version::One, &[]).limit_with_swap(1 << 30), None);
    }

    #[test]
    fn no_limit_has_two_spellings() {
        assert_eq!(parse_number("max\n"), None);
        assert_eq!(parse_number("9223372036854771712\n"), None);
        assert_eq!(parse_number("536870912\n"), Some(536_870_912));
    }
}
