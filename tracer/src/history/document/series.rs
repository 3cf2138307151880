//! What sites did over time.
//!
//! A document has one site for all rows that look the same, and so one history for theirs. Sums and
//! old blocks are step functions, which add up at every step. The cohorts of all sites have the
//! bounds of the same snapshots; where those of two overlap all the same, they become one wider
//! cohort.

use std::collections::HashMap;

use super::{Contradiction, Places};
use crate::model::{
    Amount, Cohort, Lifetime, Owned, Owner, RetainedPoint, SiteHistory, SitePoint, Totals,
    UnreachableBlocks,
};

type Taken = Result<(), Contradiction>;

/// Histories while they are put together. Rows of one kind come in the order of time, and then of
/// their sites.
#[derive(Debug)]
pub struct Series<'a> {
    places: &'a Places,
    sites: Vec<SiteHistory>,
    /// Sums that each row had last.
    sums: HashMap<i64, Totals>,
    /// Its old blocks.
    retained: HashMap<i64, Amount>,
}

impl<'a> Series<'a> {
    /// None yet, of so many sites.
    pub fn new(sites: usize, places: &'a Places) -> Self {
        let sites = vec![SiteHistory::default(); sites];
        Self { places, sites, sums: HashMap::new(), retained: HashMap::new() }
    }

    fn site(&mut self, row: i64) -> Result<&mut SiteHistory, Contradiction> {
        let place = self.places.get(&row).copied();
        place
            .and_then(|place| self.sites.get_mut(place))
            .ok_or_else(|| Contradiction::new("it has history of a site that is not there"))
    }

    /// Sums of a row when they had changed.
    ///
    /// # Errors
    /// They are less than before, or of no site.
    pub fn sums(&mut self, row: i64, new: SitePoint) -> Taken {
        let old = self.sums.insert(row, new.totals).unwrap_or_default();
        let grown = new.totals.since(old);
        let grown = grown.ok_or_else(|| Contradiction::new("the sums of a site grow smaller"))?;
        let points = &mut self.site(row)?.sums;
        let all = points.last().copied().unwrap_or_default();
        if points.last().is_some_and(|point| point.t >= new.t) {
            points.pop();
        }
        points.push(SitePoint { t: new.t, totals: all.totals.plus(grown) });
        Ok(())
    }

    /// Sums of a row at the end, after all others.
    ///
    /// # Errors
    /// As of [`Series::sums`].
    pub fn last_sums(&mut self, row: i64, last: SitePoint) -> Taken {
        let before = self.sums.get(&row).copied().unwrap_or_default();
        if last.totals == before { Ok(()) } else { self.sums(row, last) }
    }

    /// Old blocks of a row when they had changed.
    ///
    /// # Errors
    /// Of no site, or with an age that is none.
    pub fn retained(&mut self, row: i64, new: RetainedPoint) -> Taken {
        if !(new.age.is_finite() && new.age >= 0.0) {
            return Err(Contradiction::new("the age of old blocks is none"));
        }
        let before = self.retained.insert(row, new.blocks).unwrap_or_default();
        let points = &mut self.site(row)?.retained;
        let all = points.last().copied().unwrap_or_default();
        if points.last().is_some_and(|point| point.t >= new.t) {
            points.pop();
        }
        let blocks = all.blocks.minus(before).plus(new.blocks);
        points.push(RetainedPoint { t: new.t, age: new.age.max(all.age), blocks });
        Ok(())
    }

    /// What was born in one period.
    ///
    /// # Errors
    /// It contradicts itself, or is of no site.
    pub fn cohort(&mut self, row: i64, cohort: Cohort) -> Taken {
        let right = cohort.from >= 0.0
            && cohort.to.is_finite()
            && cohort.from < cohort.to
            && cohort.live.bytes <= cohort.allocated.bytes
            && cohort.live.count <= cohort.allocated.count;
        if !right {
            return Err(Contradiction::new("a cohort contradicts itself"));
        }
        self.site(row)?.cohorts.push(cohort);
        Ok(())
    }

    /// Blocks that were freed at an age.
    ///
    /// # Errors
    /// The age is no bound of such a histogram, or it is of no site.
    pub fn lifetime(&mut self, row: i64, new: Lifetime) -> Taken {
        let up_to = new.up_to;
        if !(up_to.is_normal() && up_to >= 1.0 && up_to.log2().fract() == 0.0) {
            return Err(Contradiction::new("a lifetime is not a power of two"));
        }
        let lifetimes = &mut self.site(row)?.lifetimes;
        match lifetimes.iter_mut().find(|known| known.up_to.total_cmp(&up_to).is_eq()) {
            Some(known) => known.freed = known.freed.plus(new.freed),
            None => lifetimes.push(new),
        }
        Ok(())
    }

    /// What came of a search for pointers.
    ///
    /// # Errors
    /// It contradicts itself, or is of no site.
    pub fn unreferenced(&mut self, row: i64, found: UnreachableBlocks) -> Taken {
        if found.unreachable > found.looked_for {
            return Err(Contradiction::new("more blocks are unreachable than were looked for"));
        }
        let known = &mut self.site(row)?.unreferenced;
        let all = known.unwrap_or(UnreachableBlocks { looked_for: 0, unreachable: 0 });
        *known = Some(UnreachableBlocks {
            looked_for: all.looked_for.saturating_add(found.looked_for),
            unreachable: all.unreachable.saturating_add(found.unreachable),
        });
        Ok(())
    }

    /// How many blocks had owners; those come after it.
    ///
    /// # Errors
    /// It contradicts itself, or is of no site.
    pub fn owned(&mut self, row: i64, looked_for: u64, owned: u64) -> Taken {
        if owned > looked_for {
            return Err(Contradiction::new("more blocks are owned than were looked for"));
        }
        let new = Owned { looked_for, owned, types: Vec::new() };
        self.site(row)?.owned.get_or_insert_default().add(&new);
        Ok(())
    }

    /// An owner of blocks. Of rows of one site, owners of one name are one.
    ///
    /// # Errors
    /// It is of no site.
    pub fn owner(&mut self, row: i64, owner: Owner) -> Taken {
        self.site(row)?.owned.get_or_insert_default().add_owner(owner);
        Ok(())
    }

    /// One history for each site; `snapshot` is the time of the last snapshot of the live table.
    pub fn finish(mut self, snapshot: Option<f64>) -> Vec<SiteHistory> {
        for site in &mut self.sites {
            if let (Some(end), Some(&last)) = (snapshot, site.retained.last())
                && last.t < end
            {
                site.retained.push(RetainedPoint { t: end, ..last });
            }
            site.sums.shrink_to_fit();
            site.retained.shrink_to_fit();
            join_overlapping(&mut site.cohorts);
            site.lifetimes.sort_by(|a, b| a.up_to.total_cmp(&b.up_to));
        }
        self.sites
    }
}

/// Sorts cohorts by time and makes one of those that overlap.
fn join_overlapping(cohorts: &mut Vec<Cohort>) {
    cohorts.sort_by(|a, b| a.from.total_cmp(&b.from));
    cohorts.dedup_by(|next, kept| {
        let overlap = next.from < kept.to;
        if overlap {
            kept.join(next);
        }
        overlap
    });
    cohorts.shrink_to_fit();
}
