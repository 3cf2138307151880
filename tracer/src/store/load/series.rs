//! What sites did over time, row by row.

use rusqlite::Row;

use super::Source;
use crate::history::{Contradiction, Places, Series};
use crate::model::{
    Amount, Cohort, Lifetime, RetainedPoint, SiteHistory, SitePoint, Totals, UnreachableBlocks,
};
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
            |row| Ok((row.get(0)?, SitePoint { t: row.get(1)?, totals: totals(row, 2)? })),
            |(site, sums)| self.taken(series.sums(site, sums)),
        )?;
        self.each(
            "SELECT id, allocated_bytes, allocated_count, freed_bytes, freed_count FROM site",
            self.limits.sites,
            "sites",
            |row| Ok((row.get(0)?, SitePoint { t: end, totals: totals(row, 1)? })),
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
                Ok((row.get(0)?, RetainedPoint { t, age, blocks: amount(row, 3)? }))
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
            |row| Ok((row.get(0)?, Lifetime { up_to: row.get(1)?, freed: amount(row, 2)? })),
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

/// Two columns from `first` on.
fn amount(row: &Row<'_>, first: usize) -> rusqlite::Result<Amount> {
    Ok(Amount { bytes: row.get(first)?, count: row.get(first + 1)? })
}

/// Four columns from `first` on.
pub(super) fn totals(row: &Row<'_>, first: usize) -> rusqlite::Result<Totals> {
    Ok(Totals { allocated: amount(row, first)?, freed: amount(row, first + 2)? })
}

fn cohort(row: &Row<'_>) -> rusqlite::Result<Cohort> {
    Ok(Cohort {
        from: row.get(1)?,
        to: row.get(2)?,
        allocated: amount(row, 3)?,
        live: amount(row, 5)?,
    })
}
