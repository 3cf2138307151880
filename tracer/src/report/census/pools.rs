//! Memory in pools that are nearly empty.

use std::io;

use crate::model::PoolUse;
use crate::report::escape;
use crate::report::quantity::{bytes, count, counted, percent};
use crate::report::text::page::Page;
use crate::report::width::cut_middle;

/// Less than this in free blocks and empty pools is not worth a word: every process has some.
const LEAST: u64 = 8 << 20;
/// One part in so many of all pools is.
const SHARE: u64 = 10;
/// Types that are named.
const TYPES: usize = 3;

/// Writes a paragraph if it matters.
pub fn write(page: &mut Page<'_>, pools: &PoolUse) -> io::Result<()> {
    let idle = pools.nearly_empty.free_bytes.saturating_add(pools.empty_bytes);
    let all = pools.bytes.saturating_add(pools.empty_bytes);
    if idle < LEAST || idle < all / SHARE {
        return Ok(());
    }
    page.gap()?;
    page.heading("Fragmentation")?;
    let mut text = format!(
        "{} ({} of what Python's small-object allocator holds) are idle: {} in {} less than a quarter in use, \
         {} in pools with nothing in them. This is no leak: it is used again for new small objects, \
         but a pool is freed only when nothing in it is in use.",
        bytes(idle),
        percent(idle, all),
        bytes(pools.nearly_empty.free_bytes),
        counted(pools.nearly_empty.pools, "pool that is", "pools that are"),
        bytes(pools.empty_bytes),
    );
    let retained: Vec<String> = pools
        .retained_by
        .iter()
        .take(TYPES)
        .map(|retained| {
            let name = cut_middle(&escape::terminal(&retained.name), 48);
            format!("{name} (in {})", count(retained.pools))
        })
        .collect();
    if !retained.is_empty() {
        text.push_str(&format!(
            " Most of the nearly empty pools are retained by {}.",
            retained.join(", ")
        ));
    }
    page.paragraph(2, &text)
}
