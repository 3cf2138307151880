//! Which pages of one range are there.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use super::super::maps::{self, Mapping};
use super::super::procfs;
use super::{Entry, PAGE, Pages, WINDOW};

/// Most address space that is asked about at once, 8 bytes of `pagemap` for each page of it.
const MOST: u64 = 64 << 30;

impl Pages {
    /// What is mapped now; `None` when that cannot be read.
    pub fn mappings(&self) -> Option<Vec<Mapping>> {
        Some(maps::parse(&fs::read(procfs::path(self.pid, "maps")).ok()?))
    }

    /// Parts of a range that are resident and the process's own, by address. `None` when that cannot be read,
    /// or the range is absurd.
    pub fn resident(&self, range: Range<u64>) -> Option<Vec<Range<u64>>> {
        range.end.checked_sub(range.start).filter(|bytes| *bytes <= MOST)?;
        let (mut page, last) = (range.start / PAGE, range.end.div_ceil(PAGE));
        let mut parts: Vec<Range<u64>> = Vec::new();
        let mut window = vec![0; usize::try_from(8 * WINDOW.min(last - page)).ok()?];
        while page < last {
            let wanted = usize::try_from(8 * (last - page)).ok()?.min(window.len());
            let read = self.pagemap.read_at(&mut window[..wanted], page * 8).ok()?;
            if read < 8 {
                return None;
            }
            for word in window[..read].as_chunks::<8>().0 {
                if Entry(u64::from_le_bytes(*word)).holds_data(false) {
                    add(&mut parts, page * PAGE);
                }
                page += 1;
            }
        }
        let inside = |part: Range<u64>| part.start.max(range.start)..part.end.min(range.end);
        Some(parts.into_iter().map(inside).filter(|part| !part.is_empty()).collect())
    }
}

fn add(parts: &mut Vec<Range<u64>>, start: u64) {
    match parts.last_mut() {
        Some(last) if last.end == start => last.end += PAGE,
        _ => parts.push(start..start + PAGE),
    }
}
