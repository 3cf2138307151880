//! A pass that looks for references to blocks in the arenas of Python's small-object allocator.

use super::{Pass, Unfinished, WordReader};
use crate::leak_scan::{ArenaScan, PointerAlignment, Pools, SmallTypes, Unmarked};
use crate::model::Address;
use crate::os::pages::{PageRange, Pages, beyond};

impl WordReader for ArenaScan {
    fn scan(&mut self, at: Address, bytes: &[u8], alignment: PointerAlignment) {
        Self::scan(self, at, bytes, alignment);
    }
}

/// The pools that are there now.
///
/// # Errors
/// The process is gone, or has more memory than is searched.
pub fn pools(
    memory: &Pages,
    pool_size: u32,
    types: &mut dyn SmallTypes,
    most_bytes: u64,
) -> Result<Pools, Unfinished> {
    let survey = memory.survey().map_err(|_| Unfinished::Stopped)?;
    match survey.bytes() {
        _ if survey.cut_short => return Err(Unfinished::TooScattered),
        bytes if bytes > most_bytes => return Err(Unfinished::TooLarge(bytes)),
        _ => {}
    }
    let data = survey.ranges.iter().filter(|range| !range.code);
    let ranges: Vec<(u64, u64)> = data.map(|range| (range.start, range.end)).collect();
    Pools::find(memory.memory(), &ranges, pool_size, types).ok_or(Unfinished::TooScattered)
}

/// The allocated blocks to which nothing leads.
///
/// # Errors
/// Not all of the memory could be read: what was not could lead to any of them.
pub fn unmarked(
    mut pass: Pass<'_>,
    pools: Pools,
    types: &mut dyn SmallTypes,
    most_bytes: u64,
) -> Result<Vec<Unmarked>, Unfinished> {
    let mut search = ArenaScan::new(pools);
    let before = pass.survey(most_bytes)?;
    let after = pass.read(&mut search, &before)?;
    let swapped: u64 = beyond(&after.swapped, &before.ranges).iter().map(PageRange::bytes).sum();
    if swapped > 0 {
        return Err(Unfinished::Swapped(swapped));
    }
    pass.nothing_missed()?;
    Ok(search.finish(pass.memory.memory(), types))
}
