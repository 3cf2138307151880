//! The counters as reports name them, and the totals of sites.

use leakspy_ebpf::wire::counter::{Counter, CounterClass};

use crate::history::SiteTotals;
use crate::model::{Amount, Loss};
use crate::probe::{ProbeError, Tables};

/// All counters at one moment.
pub struct Counters {
    counts: Vec<u64>,
}

impl Counters {
    /// Reads them.
    pub fn open(tables: &dyn Tables) -> Result<Self, ProbeError> {
        let mut counts = tables.counters()?;
        let pending = tables.pending();
        // An old block whose realloc has not returned is out of the live table and not freed.
        let moving = pending.iter().filter(|pending| pending.has_old != 0).count();
        counts[Counter::InFlight as usize] = u64::try_from(pending.len()).unwrap_or(u64::MAX);
        counts[Counter::InFlightOld as usize] = u64::try_from(moving).unwrap_or(u64::MAX);
        Ok(Self { counts })
    }

    /// Sets a counter that user space keeps.
    pub fn set(&mut self, counter: Counter, count: u64) {
        if let Some(slot) = self.counts.get_mut(counter as usize) {
            *slot = count;
        }
    }

    fn get(&self, counter: Counter) -> u64 {
        self.counts.get(counter as usize).copied().unwrap_or(0)
    }

    /// Bytes in live blocks.
    pub fn live_bytes(&self) -> u64 {
        self.get(Counter::AllocBytes).saturating_sub(self.get(Counter::FreeBytes))
    }

    /// All counters of a class together.
    pub fn sum(&self, class: CounterClass) -> u64 {
        let of_class = Counter::ALL.iter().filter(|counter| counter.class() == class);
        of_class.map(|&counter| self.get(counter)).sum()
    }

    /// As reports print them.
    pub fn losses(&self) -> Vec<Loss> {
        let counters = Counter::ALL.iter();
        counters.map(|&counter| Loss::new(counter, self.get(counter))).collect()
    }
}

/// What every site did so far, and how many sites have not sent their stack.
pub fn sites(tables: &dyn Tables) -> Result<(Vec<SiteTotals>, u64), ProbeError> {
    let sites = tables.sites()?;
    let unsent = sites.iter().filter(|(_, totals)| totals.published == 0).count();
    let totals = sites.into_iter().map(|(key, value)| SiteTotals { key, totals: value.into() });
    Ok((totals.collect(), u64::try_from(unsent).unwrap_or(u64::MAX)))
}

/// Bytes in live arenas of Python's small-object allocator: mappings of exactly its size, 256 KiB
/// up to CPython 3.9 and 1 MiB from 3.10 (Objects/obmalloc.c, `ARENA_BITS`). `maps` says whether a
/// site is one of mappings.
pub fn arena_bytes(sites: &[SiteTotals], maps: impl Fn(u64) -> bool) -> u64 {
    let arenas = |site: &&SiteTotals| {
        let Amount { bytes, count } = site.totals.allocated;
        let all_of = |size: u64| count.checked_mul(size) == Some(bytes);
        count > 0 && (all_of(256 << 10) || all_of(1 << 20)) && maps(site.key)
    };
    sites.iter().filter(arenas).map(|site| site.totals.live()).fold(0, |sum, live| sum + live.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Totals;

    #[test]
    fn arenas_are_known_by_their_size() {
        let site = |key, bytes, count, freed| {
            let allocated = Amount { bytes, count };
            let freed = Amount { bytes: freed, count: 0 };
            SiteTotals { key, totals: Totals { allocated, freed } }
        };
        let sites = [
            site(1, 3 << 20, 3, 1 << 20),
            site(2, 512 << 10, 2, 0),
            site(3, (1 << 20) + 1, 1, 0),
            site(4, 0, 0, 0),
            site(5, 1 << 20, 1, 0),
        ];
        assert_eq!(arena_bytes(&sites, |key| key != 5), (2 << 20) + (512 << 10));
    }
}
