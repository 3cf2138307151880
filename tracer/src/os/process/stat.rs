//! `/proc/PID/stat`.

use super::super::{OsError, procfs};

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;
/// `PF_EXITING` (`include/linux/sched.h`).
const EXITING: u64 = 0x4;

/// Bytes of a page on x86-64.
const PAGE: u64 = 4096;

/// The fields that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub comm: String,
    state: u8,
    pub parent: u32,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    flags: u64,
    /// Page faults that read no disk; all threads, also those that have ended.
    pub minor_faults: u64,
    /// In user space and in the kernel, ticks; all threads, also those that have ended.
    pub cpu_ticks: u64,
    pub threads: u64,
    /// Ticks since boot.
    pub start_ticks: u64,
    /// 0 or 1 when we may not know.
    pub start_code: u64,
    /// 0 when we may not know.
    pub start_stack: u64,
}

impl Stat {
    pub(super) fn read(pid: u32) -> Result<Self, OsError> {
        let text = procfs::read(pid, "stat")?;
        Self::parse(&text).ok_or_else(|| OsError::Unreadable { what: format!("/proc/{pid}/stat") })
    }

    /// The name stands in parentheses and may itself contain any, so it ends at the last.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let comm = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        // proc_pid_stat(5) counts from 1 = pid; the state is number 3.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index - 3).and_then(|field| field.parse().ok());
        Some(Self {
            comm,
            state: *fields.first()?.as_bytes().first()?,
            parent: u32::try_from(number(4)?).ok()?,
            rss_bytes: u64::saturating_mul(number(24)?, PAGE),
            flags: number(9)?,
            minor_faults: number(10)?,
            cpu_ticks: u64::saturating_add(number(14)?, number(15)?),
            threads: number(20)?,
            start_ticks: number(22)?,
            start_code: number(26)?,
            start_stack: number(28)?,
        })
    }

    pub(super) fn is_kernel_thread(&self) -> bool {
        self.flags & KERNEL_THREAD != 0
    }

    /// Whether a signal or a debugger has stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state, b'T' | b't')
    }

    /// Whether the (first) thread is on its way to its end, which takes a while where much memory has to be given
    /// back, or has reached it.
    pub(super) fn is_ending(&self) -> bool {
        self.flags & EXITING != 0 || self.is_dead()
    }

    /// Whether the (first) thread has ended.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "17 (a) b (c) Z 1 17 17 0 -1 2097216 10 0 2 0 3 4 0 0 20 0 5 0 4242 123 9 \
        18446744073709551615 94000 95000 140000 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0";

    #[test]
    fn a_name_may_contain_anything() {
        let stat = Stat::parse(LINE.as_bytes()).unwrap();
        assert_eq!(stat.comm, "a) b (c");
        assert!(stat.is_dead() && stat.is_kernel_thread());
        assert_eq!((stat.threads, stat.parent, stat.rss_bytes), (5, 1, 9 * PAGE));
        assert_eq!((stat.cpu_ticks, stat.minor_faults, stat.is_stopped()), (7, 10, false));
        assert_eq!((stat.start_ticks, stat.start_code, stat.start_stack), (4242, 94_000, 140_000));
    }

    /// Its memory goes before its state says so.
    #[test]
    fn what_is_on_its_way_out_says_so_in_its_flags() {
        let line = |state: &str, flags: &str| LINE.replace(" Z ", state).replace("2097216", flags);
        let ends = |line: String| Stat::parse(line.as_bytes()).unwrap().is_ending();
        assert!(ends(line(" R ", "4194564")) && ends(line(" Z ", "64")));
        assert!(!ends(line(" R ", "4194560")));
    }

    #[test]
    fn a_short_line_is_refused() {
        assert_eq!(Stat::parse(&LINE.as_bytes()[..60]), None);
        assert_eq!(Stat::parse(b") ("), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = Stat::parse(&bytes);
        }
    }
}
