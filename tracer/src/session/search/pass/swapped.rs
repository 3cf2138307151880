//! What a pass does about memory that is swapped out.

use super::{PAGE, Pass, Unfinished};
use crate::leak_scan::LeakScan;
use crate::model::Address;
use crate::os::pages::{PageRange, beyond};

/// Most bytes that a pass brings in from the swap: a second's work of a disk that is not fast.
const MOST_SWAPPED: u64 = 64 << 20;

impl Pass<'_> {
    /// Deals with what is swapped out. To read it is to bring it in, so that is done only where it
    /// matters, little of it, and with room for it.
    pub(super) fn swapped(
        &mut self,
        search: &mut LeakScan,
        mut swapped: Vec<PageRange>,
    ) -> Result<(), Unfinished> {
        if swapped.is_empty() {
            return Ok(());
        }
        let shared = self.memory.shared_swapped();
        let mut read = 0;
        loop {
            let matters = what_matters(search, &swapped);
            let bytes = matters.iter().map(PageRange::bytes).sum();
            read += bytes;
            if shared > 0 || read > MOST_SWAPPED || !self.memory.may_bring_in(bytes) {
                return Err(Unfinished::Swapped(bytes.saturating_add(shared)));
            }
            swapped = beyond(&swapped, &matters);
            if matters.is_empty() {
                break;
            }
            for range in &matters {
                self.scan(search, range)?;
            }
        }
        for range in swapped {
            search.leave_out(Address(range.start), Address(range.end));
        }
        Ok(())
    }
}

/// The pages of these that hold more than blocks to which nothing leads so far.
fn what_matters(search: &mut LeakScan, swapped: &[PageRange]) -> Vec<PageRange> {
    let so_far = search.so_far();
    let mut matters: Vec<PageRange> = Vec::new();
    for range in swapped {
        for start in (range.start / PAGE..range.end / PAGE).map(|page| page * PAGE) {
            let end = start + PAGE;
            match matters.last_mut() {
                _ if search.does_not_matter(&so_far, Address(start), Address(end)) => {}
                Some(last) if last.end == start && last.code == range.code => last.end = end,
                _ => matters.push(PageRange { start, end, code: range.code }),
            }
        }
    }
    matters
}
