//! Forgets what is old.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::{Kept, Rows};
use crate::history::row::{SiteRetained, SiteTotals};
use crate::history::thin::Thinned;

impl Kept {
    /// Keeps what a tick said; gives how many rows that are.
    pub(super) fn put(
        &mut self,
        tick: i64,
        sums: Vec<(u32, SiteTotals)>,
        retained: Vec<(u32, SiteRetained)>,
    ) -> usize {
        put(&mut self.sums, tick, sums) + put(&mut self.retained, tick, retained)
    }
}

impl Thinned for Kept {
    type Error = Infallible;

    fn move_history(&mut self, gone: i64, next: i64) -> Result<usize, Infallible> {
        Ok(move_rows(&mut self.sums, gone, next) + move_rows(&mut self.retained, gone, next))
    }

    fn remove_tick(&mut self, gone: i64) -> Result<(), Infallible> {
        self.ticks.remove(&gone);
        Ok(())
    }

    fn join_collections(&mut self, gone: i64, next: i64, count: u64) -> Result<(), Infallible> {
        self.collections.remove(&gone);
        if let Some(next) = self.collections.get_mut(&next) {
            next.count = count;
        }
        Ok(())
    }
}

fn put<T>(ticks: &mut BTreeMap<i64, Rows<T>>, tick: i64, mut rows: Vec<(u32, T)>) -> usize {
    if rows.is_empty() {
        return 0;
    }
    rows.sort_by_key(|(site, _)| *site);
    let count = rows.len();
    ticks.insert(tick, rows.into());
    count
}

/// Rows of sites that have none at the later tick; gives how many.
fn move_rows<T: Copy>(ticks: &mut BTreeMap<i64, Rows<T>>, gone: i64, next: i64) -> usize {
    let Some(old) = ticks.remove(&gone) else { return 0 };
    let there = ticks.get(&next).map_or(&[][..], |rows| rows);
    let known = |site: u32| there.binary_search_by_key(&site, |(site, _)| *site).is_ok();
    let moved = old.iter().filter(|(site, _)| !known(*site)).copied();
    let all: Vec<(u32, T)> = there.iter().copied().chain(moved).collect();
    let count = all.len() - there.len();
    put(ticks, next, all);
    count
}
