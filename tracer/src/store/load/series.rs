//! What sites did over time, row by row.

use rusqlite::Row;

use super::Source;
use crate::history::{Contradiction, Places, Series};
use crate::model::{Cohort, Lifetime, RetainedPoint, SiteHistory, SitePoint, UnreachableBlocks};
use crate::store::StoreError;

impl Source<'_> {
    /// One history for each site of the document; `end` is the time of the last tick.
    pub(super) fn series(
        &self,
        sites: usize,
        places: &Places,
        end: f64,
    ) -> Result<Vec<SiteHistory>, StoreError> {
        let mut series = Series::new(sites, places);
        self.sums(&mut series, end)?;
        self.retained(&mut series)?;
        self.cohorts(&mut series)?;
        self.lifetimes(&mut series)?;
        self.unreferenced(&mut series)?;
        self.owned(&mut series)?;
        let sql = "SELECT t FROM tick WHERE blocks IS NOT NULL ORDER BY id DESC LIMIT 1";
        Ok(series.finish(self.one(sql, |row| row.get(0))?))
    }

    /// Sums when they had changed, and at the end.
    fn sums(&self, series: &mut Series<'_>, end: f64) -> Result<(), StoreError> {
        self.each(
            "SELECT site, t, allocated_bytes, allocated_count, freed_bytes, freed_count \
             FROM site_history JOIN tick ON tick.id = tick ORDER BY tick, site",
            self.limits.history_rows,
            "rows of history",
            |row| Ok((row.get(0)?, sums(row, 2, row.get(1)?)?)),
            |(site, sums)| self.taken(series.sums(site, sums)),
        )?;
        self.each(
            "SELECT id, allocated_bytes, allocated_count, freed_bytes, freed_count FROM site",
            self.limits.sites,
            "sites",
            |row| Ok((row.get(0)?, sums(row, 1, end)?)),
            |(site, sums)| self.taken(series.last_sums(site, sums)),
        )
    }

    fn retained(&self, series: &mut Series<'_>) -> Result<(), StoreError> {
        self.each(
            "SELECT site, t, age, bytes, count FROM aged JOIN tick ON tick.id = tick \
             ORDER BY tick, site",
            self.limits.history_rows,
            "rows about old blocks",
            |row| {
                let (t, age) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, RetainedPoint { t, age, bytes: row.get(3)?, count: row.get(4)? }))
            },
            |(site, point)| self.taken(series.retained(site, point)),
        )
    }

    fn cohorts(&self, series: &mut Series<'_>) -> Result<(), StoreError> {
        self.each(
            "SELECT site, born_from, born_to, allocated_bytes, allocated_count, live_bytes, \
             live_count FROM cohort ORDER BY site, born_from",
            self.limits.cohorts,
            "cohorts",
            |row| Ok((row.get(0)?, cohort(row)?)),
            |(site, cohort)| self.taken(series.cohort(site, cohort)),
        )
    }

    fn lifetimes(&self, series: &mut Series<'_>) -> Result<(), StoreError> {
        self.each(
            "SELECT site, up_to, freed_bytes, freed_count FROM lifetime",
            self.limits.cohorts,
            "lifetimes",
            |row| {
                let (freed_bytes, freed_count) = (row.get(2)?, row.get(3)?);
                Ok((row.get(0)?, Lifetime { up_to: row.get(1)?, freed_bytes, freed_count }))
            },
            |(site, lifetime)| self.taken(series.lifetime(site, lifetime)),
        )
    }

    fn unreferenced(&self, series: &mut Series<'_>) -> Result<(), StoreError> {
        self.each(
            "SELECT site, looked_for, lost FROM unreferenced",
            self.limits.sites,
            "searches for pointers",
            |row| {
                Ok((
                    row.get(0)?,
                    UnreachableBlocks { looked_for: row.get(1)?, unreachable: row.get(2)? },
                ))
            },
            |(site, found)| self.taken(series.unreferenced(site, found)),
        )
    }

    /// What contradicts itself is damage.
    pub(super) fn taken(&self, taken: Result<(), Contradiction>) -> Result<(), StoreError> {
        taken.map_err(|contradiction| self.damaged(contradiction.0))
    }
}

/// Four columns from `first` on.
fn sums(row: &Row<'_>, first: usize, t: f64) -> rusqlite::Result<SitePoint> {
    Ok(SitePoint {
        t,
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
