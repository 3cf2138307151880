//! What sites did over time.
//!
//! A document has one site for all rows of `site` that look the same, and so one history for theirs. Sums and old
//! blocks are step functions, which add up at every step. The cohorts of all sites have the bounds of the same
//! looks; where those of two overlap all the same, they become one wider cohort.

use std::collections::HashMap;

use rusqlite::Row;

use super::Source;
use crate::model::{AgedPoint, Cohort, Lifetime, SiteHistory, SitePoint, Unreferenced};
use crate::store::StoreError;

/// Histories while they are put together.
pub(super) struct Series<'a> {
    pub(super) source: &'a Source<'a>,
    places: &'a HashMap<i64, usize>,
    pub(super) sites: Vec<SiteHistory>,
}

impl Source<'_> {
    /// One history for each site of the document; `end` is the time of the last tick.
    pub(super) fn series(
        &self,
        sites: usize,
        places: &HashMap<i64, usize>,
        end: f64,
    ) -> Result<Vec<SiteHistory>, StoreError> {
        let sites = vec![SiteHistory::default(); sites];
        let mut series = Series { source: self, places, sites };
        series.sums(end)?;
        series.aged()?;
        series.cohorts()?;
        series.lifetimes()?;
        series.unreferenced()?;
        series.owned()?;
        for site in &mut series.sites {
            site.sums.shrink_to_fit();
            site.aged.shrink_to_fit();
            join_overlapping(&mut site.cohorts);
            site.lifetimes.sort_by(|a, b| a.up_to.total_cmp(&b.up_to));
        }
        Ok(series.sites)
    }
}

impl Series<'_> {
    pub(super) fn site(&mut self, row: i64) -> Result<&mut SiteHistory, StoreError> {
        let place = self.places.get(&row).copied();
        place
            .and_then(|place| self.sites.get_mut(place))
            .ok_or_else(|| self.source.damaged("it has history of a site that is not there"))
    }

    /// Sums when they had changed, and at the end.
    fn sums(&mut self, end: f64) -> Result<(), StoreError> {
        let source = self.source;
        let mut last: HashMap<i64, SitePoint> = HashMap::new();
        source.each(
            "SELECT site, t, allocated_bytes, allocated_count, freed_bytes, freed_count \
             FROM site_history JOIN tick ON tick.id = tick ORDER BY tick, site",
            source.limits.history_rows,
            "rows of history",
            |row| Ok((row.get(0)?, row.get(1)?, sums(row, 2)?)),
            |(site, t, sums)| self.add_sums(site, SitePoint { t, ..sums }, &mut last),
        )?;
        source.each(
            "SELECT id, allocated_bytes, allocated_count, freed_bytes, freed_count FROM site",
            source.limits.sites,
            "sites",
            |row| Ok((row.get(0)?, sums(row, 1)?)),
            |(site, sums)| {
                let before = last.get(&site).copied().unwrap_or_default();
                if (SitePoint { t: before.t, ..sums }) == before {
                    return Ok(());
                }
                self.add_sums(site, SitePoint { t: end, ..sums }, &mut last)
            },
        )
    }

    fn add_sums(
        &mut self,
        row: i64,
        new: SitePoint,
        last: &mut HashMap<i64, SitePoint>,
    ) -> Result<(), StoreError> {
        let old = last.insert(row, new).unwrap_or_default();
        let grown = grown(&old, &new)
            .ok_or_else(|| self.source.damaged("the sums of a site grow smaller"))?;
        let points = &mut self.site(row)?.sums;
        let all = points.last().copied().unwrap_or_default();
        if points.last().is_some_and(|point| point.t >= new.t) {
            points.pop();
        }
        points.push(plus(&all, &grown));
        Ok(())
    }

    /// Old blocks when they had changed, and at the last look.
    fn aged(&mut self) -> Result<(), StoreError> {
        let source = self.source;
        let mut last: HashMap<i64, (u64, u64)> = HashMap::new();
        source.each(
            "SELECT site, t, age, bytes, count FROM aged JOIN tick ON tick.id = tick \
             ORDER BY tick, site",
            source.limits.history_rows,
            "rows about old blocks",
            |row| {
                let (t, age) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, AgedPoint { t, age, bytes: row.get(3)?, count: row.get(4)? }))
            },
            |(site, point)| self.add_aged(site, point, &mut last),
        )?;
        let sql = "SELECT t FROM tick WHERE blocks IS NOT NULL ORDER BY id DESC LIMIT 1";
        let end: Option<f64> = source.one(sql, |row| row.get(0))?;
        for site in &mut self.sites {
            if let (Some(end), Some(&last)) = (end, site.aged.last())
                && last.t < end
            {
                site.aged.push(AgedPoint { t: end, ..last });
            }
        }
        Ok(())
    }

    fn add_aged(
        &mut self,
        row: i64,
        new: AgedPoint,
        last: &mut HashMap<i64, (u64, u64)>,
    ) -> Result<(), StoreError> {
        if !(new.age.is_finite() && new.age >= 0.0) {
            return Err(self.source.damaged("the age of old blocks is none"));
        }
        let (bytes, count) = last.insert(row, (new.bytes, new.count)).unwrap_or_default();
        let points = &mut self.site(row)?.aged;
        let all = points.last().copied().unwrap_or_default();
        if points.last().is_some_and(|point| point.t >= new.t) {
            points.pop();
        }
        points.push(AgedPoint {
            t: new.t,
            age: new.age.max(all.age),
            bytes: all.bytes.saturating_sub(bytes).saturating_add(new.bytes),
            count: all.count.saturating_sub(count).saturating_add(new.count),
        });
        Ok(())
    }

    fn cohorts(&mut self) -> Result<(), StoreError> {
        let source = self.source;
        source.each(
            "SELECT site, born_from, born_to, allocated_bytes, allocated_count, live_bytes, \
             live_count FROM cohort ORDER BY site, born_from",
            source.limits.cohorts,
            "cohorts",
            |row| Ok((row.get(0)?, cohort(row)?)),
            |(site, cohort)| {
                let right = cohort.from >= 0.0
                    && cohort.to.is_finite()
                    && cohort.from < cohort.to
                    && cohort.live_bytes <= cohort.allocated_bytes
                    && cohort.live_count <= cohort.allocated_count;
                if !right {
                    return Err(source.damaged("a cohort contradicts itself"));
                }
                self.site(site)?.cohorts.push(cohort);
                Ok(())
            },
        )
    }

    fn lifetimes(&mut self) -> Result<(), StoreError> {
        let source = self.source;
        source.each(
            "SELECT site, up_to, freed_bytes, freed_count FROM lifetime",
            source.limits.cohorts,
            "lifetimes",
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            |(site, up_to, freed_bytes, freed_count): (i64, f64, u64, u64)| {
                if !(up_to.is_normal() && up_to >= 1.0 && up_to.log2().fract() == 0.0) {
                    return Err(source.damaged("a lifetime is not a power of two"));
                }
                let lifetimes = &mut self.site(site)?.lifetimes;
                match lifetimes.iter_mut().find(|known| known.up_to.total_cmp(&up_to).is_eq()) {
                    Some(known) => {
                        known.freed_bytes = known.freed_bytes.saturating_add(freed_bytes);
                        known.freed_count = known.freed_count.saturating_add(freed_count);
                    }
                    None => lifetimes.push(Lifetime { up_to, freed_bytes, freed_count }),
                }
                Ok(())
            },
        )
    }

    fn unreferenced(&mut self) -> Result<(), StoreError> {
        let source = self.source;
        source.each(
            "SELECT site, looked_for, lost FROM unreferenced",
            source.limits.sites,
            "searches for pointers",
            |row| Ok((row.get(0)?, Unreferenced { looked_for: row.get(1)?, lost: row.get(2)? })),
            |(site, found): (i64, Unreferenced)| {
                if found.lost > found.looked_for {
                    return Err(source.damaged("more blocks are lost than were looked for"));
                }
                let known = &mut self.site(site)?.unreferenced;
                let all = known.unwrap_or(Unreferenced { looked_for: 0, lost: 0 });
                *known = Some(Unreferenced {
                    looked_for: all.looked_for.saturating_add(found.looked_for),
                    lost: all.lost.saturating_add(found.lost),
                });
                Ok(())
            },
        )
    }
}

/// Four columns from `first` on; without a time.
fn sums(row: &Row<'_>, first: usize) -> rusqlite::Result<SitePoint> {
    Ok(SitePoint {
        t: 0.0,
        allocated_bytes: row.get(first)?,
        allocated_count: row.get(first + 1)?,
        freed_bytes: row.get(first + 2)?,
        freed_count: row.get(first + 3)?,
    })
}

fn cohort(row: &Row<'_>) -> rusqlite::Result<Cohort> {
    Ok(Cohort {
        from: row.get(1)?,
        to: row.get(2)?,
        allocated_bytes: row.get(3)?,
        allocated_count: row.get(4)?,
        live_bytes: row.get(5)?,
        live_count: row.get(6)?,
    })
}

/// The difference, unless something is less than before.
fn grown(old: &SitePoint, new: &SitePoint) -> Option<SitePoint> {
    Some(SitePoint {
        t: new.t,
        allocated_bytes: new.allocated_bytes.checked_sub(old.allocated_bytes)?,
        allocated_count: new.allocated_count.checked_sub(old.allocated_count)?,
        freed_bytes: new.freed_bytes.checked_sub(old.freed_bytes)?,
        freed_count: new.freed_count.checked_sub(old.freed_count)?,
    })
}

fn plus(all: &SitePoint, grown: &SitePoint) -> SitePoint {
    SitePoint {
        t: grown.t,
        allocated_bytes: all.allocated_bytes.saturating_add(grown.allocated_bytes),
        allocated_count: all.allocated_count.saturating_add(grown.allocated_count),
        freed_bytes: all.freed_bytes.saturating_add(grown.freed_bytes),
        freed_count: all.freed_count.saturating_add(grown.freed_count),
    }
}

/// Sorts cohorts by time and makes one of those that overlap.
fn join_overlapping(cohorts: &mut Vec<Cohort>) {
    cohorts.sort_by(|a, b| a.from.total_cmp(&b.from));
    cohorts.dedup_by(|next, kept| {
        let overlap = next.from < kept.to;
        if overlap {
            kept.to = kept.to.max(next.to);
            kept.allocated_bytes = kept.allocated_bytes.saturating_add(next.allocated_bytes);
            kept.allocated_count = kept.allocated_count.saturating_add(next.allocated_count);
            kept.live_bytes = kept.live_bytes.saturating_add(next.live_bytes);
            kept.live_count = kept.live_count.saturating_add(next.live_count);
        }
        overlap
    });
    cohorts.shrink_to_fit();
}
