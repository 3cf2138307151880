//! Clocks, and the way from the kernel programs' clock to wall time.

/// Nanoseconds since the Unix epoch.
pub fn epoch_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// `CLOCK_MONOTONIC` in nanoseconds: what `bpf_ktime_get_ns` returns. Stops while the machine
/// sleeps.
pub fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since boot, sleep included: what process start times count from.
pub(super) fn boot_ns() -> u64 {
    read(libc::CLOCK_BOOTTIME)
}

/// How long the machine has slept since boot, nanoseconds.
pub fn asleep_ns() -> u64 {
    // The one that is behind first: what passes between the two counts as sleep.
    let monotonic = monotonic_ns();
    boot_ns().saturating_sub(monotonic)
}

/// CPU time of this process, all threads, in nanoseconds.
pub fn own_cpu_ns() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of the calling thread, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec that the call only writes to; it keeps no reference.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) } != 0;
    assert!(!failed, "the clocks used here exist on every kernel since 2.6.39");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPair {
    /// `CLOCK_MONOTONIC` nanoseconds.
    pub monotonic_ns: u64,
    /// Nanoseconds since the Unix epoch.
    pub epoch_ns: u64,
}

impl ClockPair {
    /// Reads both clocks. The tightest of three readings is kept, because the thread can be
    /// preempted between two clocks.
    pub fn now() -> Self {
        let reading = || {
            let before = monotonic_ns();
            let epoch_ns = epoch_ns();
            let after = monotonic_ns();
            (after - before, Self { monotonic_ns: before + (after - before) / 2, epoch_ns })
        };
        let readings = [reading(), reading(), reading()];
        readings.into_iter().min_by_key(|(gap, _)| *gap).map_or_else(|| reading().1, |best| best.1)
    }

    /// Wall time of a monotonic time, as if the wall clock had not been set since this pair was
    /// taken.
    pub fn to_epoch_ns(self, monotonic_ns: u64) -> u64 {
        let difference = i128::from(monotonic_ns) - i128::from(self.monotonic_ns);
        let epoch = i128::from(self.epoch_ns) + difference;
        u64::try_from(epoch.max(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_translates_both_ways_without_wrapping() {
        let pair = ClockPair { monotonic_ns: 1_000, epoch_ns: 5_000 };
        assert_eq!(pair.to_epoch_ns(1_500), 5_500);
        assert_eq!(pair.to_epoch_ns(0), 4_000);
        assert_eq!(ClockPair { monotonic_ns: 9, epoch_ns: 3 }.to_epoch_ns(0), 0);
        assert_eq!(ClockPair { monotonic_ns: 0, epoch_ns: u64::MAX }.to_epoch_ns(9), u64::MAX);
    }

    #[test]
    fn clocks_move_forward() {
        let (first, pair) = (monotonic_ns(), ClockPair::now());
        assert!(pair.monotonic_ns >= first);
        assert!(boot_ns() >= first, "sleep only adds to the time since boot");
        assert!(own_cpu_ns() > 0);
    }
}
