//! From single blocks to the result for a site.

use std::collections::HashMap;

use super::SearchedBlock;
use crate::model::UnreachableBlocks;

/// Most sites that get a result, those with most bytes first.
const SITES: usize = 1024;

/// The result of the leak scan for the blocks of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteUnreachable {
    /// Key of the site.
    pub site: u64,
    /// Blocks that were looked for, and those that nothing leads to.
    pub found: UnreachableBlocks,
    /// Bytes of those that were looked for.
    pub bytes: u64,
}

/// Sums up by site, most bytes first. Sites with fewer than `at_least` blocks are left out: a
/// handful of blocks can be held by registers alone.
pub fn tally<'a>(
    blocks: impl Iterator<Item = (&'a SearchedBlock, bool)>,
    at_least: u64,
) -> Vec<SiteUnreachable> {
    let mut sites: HashMap<u64, SiteUnreachable> = HashMap::new();
    for (block, unreachable) in blocks {
        let nothing = UnreachableBlocks { looked_for: 0, unreachable: 0 };
        let new = SiteUnreachable { site: block.site, found: nothing, bytes: 0 };
        let site = sites.entry(block.site).or_insert(new);
        site.bytes = site.bytes.saturating_add(block.size);
        site.found.looked_for += 1;
        site.found.unreachable += u64::from(unreachable);
    }
    let mut sites: Vec<SiteUnreachable> =
        sites.into_values().filter(|site| site.found.looked_for >= at_least).collect();
    sites.sort_unstable_by_key(|site| (std::cmp::Reverse(site.bytes), site.site));
    sites.truncate(SITES);
    sites
}
