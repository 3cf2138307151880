//! The blocks that are looked for, and which of them an address lies in: asked for every word of
//! the process, so a few nanoseconds at most, and less than one for words that are no pointers.

use crate::model::Address;

/// A block of the allocator that is not freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchedBlock {
    /// Where it begins.
    pub start: Address,
    /// Bytes asked for. A block of none still has an address of its own.
    pub size: u64,
    /// Key of the site that allocated it.
    pub site: u64,
    /// When, in nanoseconds of the monotonic clock; with the address, its identity.
    pub born_ns: u64,
}

impl SearchedBlock {
    /// A small object of Python that leads to a block: looked for like one, and counted for no
    /// site.
    pub const fn retainer(start: Address, size: u64) -> Self {
        Self { start, size, site: u64::MAX, born_ns: 0 }
    }

    /// Whether it is one of those. A birth of 0 marks them: no block of a site was born when the
    /// machine booted.
    pub const fn is_retainer(&self) -> bool {
        self.born_ns == 0 && self.site == u64::MAX
    }

    /// The address after its last byte.
    fn end(&self) -> u64 {
        self.start.0.saturating_add(self.size.max(1))
    }
}

/// User addresses end here on x86-64 with four levels of page tables; with five, only for programs
/// that ask.
const ADDRESSES: u64 = 1 << 47;
/// Blocks that are closer together are not the work of an allocator.
const CLOSEST: u64 = 8;
const PAGE_BITS: u32 = 12;
const REGION_BITS: u32 = 26;
const PAGES: usize = 1 << (REGION_BITS - PAGE_BITS);
/// Most regions of 64 MiB that can hold known blocks, 64 KiB of index each. Blocks elsewhere are
/// unknown.
const REGIONS: usize = 1024;
/// Most blocks that can begin in a page, and the one that reaches into it.
const PER_PAGE: usize = (1 << PAGE_BITS) / 8 + 1;

/// Blocks in order, none overlapping another, with an index by page.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    blocks: Vec<SearchedBlock>,
    /// Where each begins and ends: apart from the rest, because this is what is searched.
    starts: Vec<u64>,
    ends: Vec<u64>,
    /// Lowest address of a block, and the distance from it to the highest.
    low: u64,
    span: u64,
    index: Index,
}

/// Two levels, as a page table: by region, then by page.
#[derive(Clone, Debug, Default)]
struct Index {
    /// Region of the lowest address.
    first_region: u64,
    /// For each region 0, or the number of its table, from 1.
    regions: Vec<u32>,
    /// For each page 0, or the number of the first block that reaches into it, from 1.
    pages: Vec<u32>,
}

impl Blocks {
    /// Takes blocks in any order. What cannot be indexed (absurd addresses, overlaps, more than 2³²
    /// of them) is left out, and then is a part of the rest of the memory: whatever it points to
    /// counts as referenced.
    pub fn new(mut blocks: Vec<SearchedBlock>) -> Self {
        blocks.retain(|block| block.end() < ADDRESSES);
        blocks.sort_unstable();
        let mut free = 0;
        let mut last = None;
        blocks.retain(|block| {
            let far = last.is_none_or(|last| block.start.0 - last >= CLOSEST);
            let fits = block.start.0 >= free && far;
            if fits {
                (free, last) = (block.end(), Some(block.start.0));
            }
            fits
        });
        let low = blocks.first().map_or(0, |block| block.start.0);
        let mut index = Index { first_region: low >> REGION_BITS, ..Index::default() };
        let mut number = 0;
        blocks.retain(|block| {
            let entered = index.enter(block, number + 1);
            number += u32::from(entered);
            entered
        });
        let high = blocks.last().map_or(0, SearchedBlock::end);
        Self {
            starts: blocks.iter().map(|block| block.start.0).collect(),
            ends: blocks.iter().map(SearchedBlock::end).collect(),
            blocks,
            low,
            span: high.saturating_sub(low),
            index,
        }
    }

    /// All of them, by address.
    pub fn all(&self) -> &[SearchedBlock] {
        &self.blocks
    }

    /// The number of the block that the address lies in.
    #[inline]
    pub fn find(&self, address: u64) -> Option<usize> {
        // Almost every word that is no pointer ends here.
        if address.wrapping_sub(self.low) >= self.span {
            return None;
        }
        self.find_near(address)
    }

    fn find_near(&self, address: u64) -> Option<usize> {
        let first = self.index.first_in_page(address)?;
        let near = self.starts.get(first..self.starts.len().min(first + PER_PAGE))?;
        let at = first + near.partition_point(|start| *start <= address).checked_sub(1)?;
        (address < *self.ends.get(at)?).then_some(at)
    }

    /// The number of the first block that ends behind the address.
    pub fn first_behind(&self, address: u64) -> usize {
        self.ends.partition_point(|end| *end <= address)
    }

    /// First address of a block, and the one after its last; nothing behind the last block.
    pub fn bounds(&self, number: usize) -> Option<(u64, u64)> {
        Some((*self.starts.get(number)?, *self.ends.get(number)?))
    }
}

impl Index {
    /// Enters every page of a block under a number; false when there is no room for it. Blocks come
    /// by address.
    fn enter(&mut self, block: &SearchedBlock, number: u32) -> bool {
        let (first, last) = (block.start.0 >> REGION_BITS, (block.end() - 1) >> REGION_BITS);
        if number == u32::MAX || !self.make_tables(first, last) {
            return false;
        }
        for page in block.start.0 >> PAGE_BITS..=(block.end() - 1) >> PAGE_BITS {
            if let Some(slot) = self.slot(page << PAGE_BITS)
                && self.pages[slot] == 0
            {
                self.pages[slot] = number;
            }
        }
        true
    }

    fn make_tables(&mut self, first: u64, last: u64) -> bool {
        for region in first..=last {
            let Ok(at) = usize::try_from(region - self.first_region) else { return false };
            if self.regions.len() <= at {
                self.regions.resize(at + 1, 0);
            }
            if self.regions[at] == 0 {
                let tables = self.pages.len() / PAGES;
                let Some(table) = (tables < REGIONS).then(|| u32::try_from(tables + 1).ok()) else {
                    return false;
                };
                self.pages.resize(self.pages.len() + PAGES, 0);
                self.regions[at] = table.unwrap_or(0);
            }
        }
        true
    }

    /// Where the page of an address stands in `pages`.
    fn slot(&self, address: u64) -> Option<usize> {
        let region =
            usize::try_from((address >> REGION_BITS).checked_sub(self.first_region)?).ok()?;
        let table = usize::try_from(*self.regions.get(region)?).ok()?.checked_sub(1)?;
        let page = usize::try_from(address >> PAGE_BITS).ok()? % PAGES;
        Some(table * PAGES + page)
    }

    fn first_in_page(&self, address: u64) -> Option<usize> {
        let number = *self.pages.get(self.slot(address)?)?;
        usize::try_from(number).ok()?.checked_sub(1)
    }
}
