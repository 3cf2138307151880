//! Whether the memory of a target grows by more than the calls explain that its probes see: then it maps
//! memory by system calls of its own, and these must be counted, which costs every process of the machine.

/// So much growth needs an explanation. What no call explains in a process without such mappings stays
/// below: pages that stacks of new threads touch (some 100 KiB each), data of libraries that are loaded.
const MOST_UNEXPLAINED: i64 = 8 << 20;
/// What an allocator needs for a block besides its bytes: glibc's header, and what rounding adds
/// (`malloc/malloc.c`, `request2size`: 8 bytes, then up to the next 16).
const BYTES_PER_BLOCK: u64 = 16;
/// One in so many bytes comes on top: free memory between blocks. So a fifth of the growth of a process may
/// have no other explanation.
const FRAGMENTED: u64 = 4;

/// Memory of a target at one moment, bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryReading {
    /// Anonymous memory that it has touched, resident or swapped out.
    pub touched: u64,
    /// Private memory that it has mapped to write to, touched or not.
    pub mapped: u64,
    /// In live blocks and mappings that were seen.
    pub live: u64,
    /// How many these are.
    pub blocks: u64,
    /// In all blocks and mappings that were seen, also those that are gone.
    pub allocated: u64,
    /// By so much `live` may be wrong, because some blocks stand for others.
    pub uncertain: u64,
}

/// Follows memory and its explanations.
///
/// Memory is measured in two ways, for either alone may grow without a new mapping: old memory is touched,
/// or a stack is reserved. And it is explained in three, for a block that is freed may or may not leave the
/// memory of the process: by what is live, bare (large blocks, which come and go with their mapping) and with what
/// the allocator needs for it, and by the most that ever was or can have been (freed memory is used again, also that of a
/// burst between two readings: no more can have been live than was before and what was allocated since). Growth is
/// unexplained when no pair of them explains it. Of each pair only what has come since its least remainder counts:
/// when a process frees old blocks, whose sizes nobody knows, new ones take their place and explain nothing.
#[derive(Debug, Default)]
pub struct UnexplainedGrowth {
    most: u64,
    /// As of the last reading.
    live: u64,
    allocated: u64,
    /// The least remainder of every pair.
    least: Option<[i64; 6]>,
}

impl UnexplainedGrowth {
    /// How much of the growth up to now has no explanation, when that is too much.
    pub fn notice(&mut self, reading: MemoryReading) -> Option<u64> {
        let MemoryReading { touched, mapped, live, blocks, allocated, uncertain } = reading;
        let headers = blocks.saturating_mul(BYTES_PER_BLOCK);
        let with_overhead =
            |bytes: u64| bytes.saturating_add(bytes / FRAGMENTED).saturating_add(headers);
        let burst = self.live.saturating_add(allocated.saturating_sub(self.allocated));
        let padded = with_overhead(live);
        self.most = self.most.max(padded).max(with_overhead(burst));
        (self.live, self.allocated) = (live, allocated);
        let remainder = |memory: u64, explained: u64| {
            let whole = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            whole(memory).saturating_sub(whole(explained))
        };
        let explanations = [live, padded, self.most];
        let [t0, t1, t2] = explanations.map(|explained| remainder(touched, explained));
        let [m0, m1, m2] = explanations.map(|explained| remainder(mapped, explained));
        let now = [t0, t1, t2, m0, m1, m2];
        let least = self.least.get_or_insert(now);
        let risen = least.iter_mut().zip(now).map(|(least, now)| {
            *least = now.min(*least);
            now.saturating_sub(*least)
        });
        let uncertain = i64::try_from(uncertain).unwrap_or(i64::MAX);
        let most = MOST_UNEXPLAINED.saturating_add(uncertain);
        let unexplained = risen.min().filter(|risen| *risen > most)?;
        u64::try_from(unexplained).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const BEFORE: MemoryReading = MemoryReading {
        touched: 100 * MIB,
        mapped: 150 * MIB,
        live: 0,
        blocks: 0,
        allocated: 0,
        uncertain: 0,
    };

    /// At which of many ticks a process is noticed that `grow` changes at each.
    fn noticed(mut grow: impl FnMut(usize, &mut MemoryReading)) -> Option<usize> {
        let (mut growth, mut reading) = (UnexplainedGrowth::default(), BEFORE);
        (0..120).find(|&tick| {
            grow(tick, &mut reading);
            growth.notice(reading).is_some()
        })
    }

    fn maps_unseen(reading: &mut MemoryReading) {
        reading.touched += 5 * MIB / 2;
        reading.mapped += 5 * MIB / 2;
    }

    fn allocates(reading: &mut MemoryReading, bytes: u64, size: u64) {
        let blocks = bytes / size;
        reading.live += bytes;
        reading.allocated += bytes;
        reading.blocks += blocks;
        let taken = blocks * (size + 8).next_multiple_of(16).max(32);
        reading.touched += taken;
        reading.mapped += taken;
    }

    #[test]
    fn a_process_that_maps_by_system_calls_is_noticed_at_once() {
        assert_eq!(noticed(|_, reading| maps_unseen(reading)), Some(4));
        let mut growth = UnexplainedGrowth::default();
        let later = MemoryReading { touched: 120 * MIB, mapped: 170 * MIB, ..BEFORE };
        assert_eq!([BEFORE, later].map(|one| growth.notice(one)), [None, Some(20 * MIB)]);
    }

    #[test]
    fn what_chance_may_explain_is_not_noticed() {
        let sampled = |tick: usize, reading: &mut MemoryReading| {
            reading.uncertain = 12 * MIB;
            if tick < 8 {
                maps_unseen(reading);
            }
        };
        assert_eq!(noticed(sampled), None);
    }

    /// Blocks of any size, pools of an allocator, and what they leave free between them.
    #[test]
    fn what_is_allocated_is_explained() {
        for size in [16, 24, 40, 100, 1000, MIB] {
            assert_eq!(noticed(|_, reading| allocates(reading, 10 * MIB, size)), None, "{size}");
        }
        let scattered = noticed(|_, reading| {
            allocates(reading, 10 * MIB, 1000);
            (reading.touched, reading.mapped) = (reading.touched + MIB, reading.mapped + MIB);
        });
        assert_eq!(scattered, None);
    }

    /// Memory comes back with the blocks, or stays.
    #[test]
    fn what_comes_and_goes_is_explained() {
        let returned = noticed(|tick, reading| {
            let live = [0, 200 * MIB, 50 * MIB, 120 * MIB][tick % 4];
            *reading = MemoryReading { live, blocks: 200, ..BEFORE };
            (reading.touched, reading.mapped) = (BEFORE.touched + live, BEFORE.mapped + live);
        });
        assert_eq!(returned, None);
        let freed = noticed(|tick, reading| match tick % 20 {
            0..10 if tick < 20 => allocates(reading, 20 * MIB, 40),
            0..10 => reading.live += 20 * MIB,
            _ => reading.live -= 20 * MIB,
        });
        assert_eq!(freed, None);
    }

    /// What was live between two readings leaves memory with the allocator.
    #[test]
    fn a_burst_between_two_readings_is_explained() {
        let burst = noticed(|tick, reading| {
            let bytes = if tick == 50 { 20 * MIB } else { 0 };
            reading.allocated += bytes;
            (reading.touched, reading.mapped) = (reading.touched + bytes, reading.mapped + bytes);
        });
        assert_eq!(burst, None);
        // Blocks that come and go, however many, hide a leak beside them for a moment only.
        let busy = noticed(|tick, reading| {
            maps_unseen(reading);
            reading.allocated += [900, 1000, 950, 1001][tick % 4] * MIB;
        });
        assert_eq!(busy, Some(5));
    }

    /// Neither of them is a mapping that nobody saw.
    #[test]
    fn old_memory_that_is_touched_and_stacks_that_are_reserved_are_no_growth() {
        assert_eq!(noticed(|_, reading| reading.touched += 10 * MIB), None);
        assert_eq!(noticed(|_, reading| reading.mapped += 8 * MIB), None);
        let reserved = noticed(|tick, reading| {
            reading.touched += 3 * MIB;
            if tick == 5 {
                (reading.mapped, reading.live) = (reading.mapped + 1024 * MIB, 1024 * MIB);
            }
        });
        assert_eq!(reserved, None);
    }

    /// Whatever else the process does, a leak of that kind comes out.
    #[test]
    fn other_growth_does_not_hide_it() {
        let allocating = noticed(|_, reading| {
            maps_unseen(reading);
            allocates(reading, 5 * MIB, 1000);
        });
        assert_eq!(allocating, Some(7));
        // Blocks from before are freed, and new ones take their place, for a minute.
        let renewed = noticed(|tick, reading| {
            maps_unseen(reading);
            reading.live += if tick < 60 { 4 * MIB } else { 0 };
        });
        assert_eq!(renewed, Some(63));
        let reused = noticed(|tick, reading| {
            maps_unseen(reading);
            let more = if tick == 1 { 100 * MIB } else { 0 };
            reading.live = if tick % 2 == 1 { 100 * MIB } else { 0 };
            (reading.touched, reading.mapped) = (reading.touched + more, reading.mapped + more);
        });
        assert_eq!(reused, Some(5));
    }

    /// No numbers break it.
    #[test]
    fn numbers_without_sense_are_no_growth() {
        let [touched, mapped, live, blocks, allocated] = [u64::MAX; 5];
        let most = MemoryReading { touched, mapped, live, blocks, allocated, uncertain: 0 };
        let mut growth = UnexplainedGrowth::default();
        let noticed =
            [BEFORE, most, MemoryReading::default(), BEFORE].map(|one| growth.notice(one));
        assert_eq!(noticed[1], None);
    }
}
