//! Single reads that leave what is swapped out where it is.

use super::{PAGE, Pages};
use crate::model::{Address, Memory};

/// Its memory, for single reads that bring nothing in: what is not there cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct PresentPages<'a>(&'a Pages);

impl<'a> PresentPages<'a> {
    pub(super) const fn of(pages: &'a Pages) -> Self {
        Self(pages)
    }
}

impl Memory for PresentPages<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let end = address.0.saturating_add(u64::try_from(into.len()).unwrap_or(u64::MAX));
        let mut page = address.0 / PAGE * PAGE;
        while page < end {
            if !self.0.has(page) {
                return false;
            }
            page = page.saturating_add(PAGE);
        }
        self.0.memory.read(address, into)
    }
}
