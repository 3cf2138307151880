//! Rows about sites: one method per table.

use rusqlite::params;

use super::rows::integer;
use super::{KnownSite, Writer};
use crate::history::{SiteRetained, SiteRow, SiteTotals, bounded, finite};
use crate::model::{Cohort, Domain, Lifetime, Totals};
use crate::store::note;

impl Writer {
    pub(super) fn put_site(&mut self, site: &SiteRow<'_>) -> rusqlite::Result<()> {
        let stack = self.numbers.stack(&self.connection, site.stack)?;
        let row = self.site_row(site.key)?;
        self.connection
            .prepare_cached(
                "UPDATE site SET domain = ?2, size_class = ?3, allocator = ?4, stack = ?5 WHERE id = ?1",
            )?
            .execute(params![
                row,
                site.domain.name(),
                integer(site.size_class),
                bounded(site.allocator),
                stack
            ])?;
        self.connection.prepare_cached("DELETE FROM site_note WHERE site = ?1")?.execute([row])?;
        let mut insert =
            self.connection.prepare_cached("INSERT INTO site_note (site, text) VALUES (?1, ?2)")?;
        for fact in site.notes {
            insert.execute(params![row, note::text(fact)])?;
        }
        Ok(())
    }

    /// The row of the site with this key, made when there is none.
    pub(super) fn site_row(&mut self, key: u64) -> rusqlite::Result<i64> {
        if let Some(known) = self.sites.get(&key) {
            return Ok(known.row);
        }
        let row = i64::try_from(self.sites.len()).unwrap_or(i64::MAX).saturating_add(1);
        self.connection
            .prepare_cached(
                "INSERT INTO site (id, key, domain, size_class, allocator) VALUES (?1, ?2, ?3, 0, '')",
            )?
            .execute(params![row, format!("{key:016x}"), Domain::Malloc.name()])?;
        let totals = SiteTotals { key, ..Default::default() };
        let retained = SiteRetained { key, ..Default::default() };
        self.sites.insert(key, KnownSite { row, totals, retained });
        Ok(row)
    }

    /// Stores what has changed; true when something had.
    pub(super) fn put_totals(
        &mut self,
        new: &SiteTotals,
        history: Option<i64>,
    ) -> rusqlite::Result<bool> {
        let row = self.site_row(new.key)?;
        let known = self.sites.get_mut(&new.key).filter(|known| known.totals != *new);
        let Some(known) = known else { return Ok(false) };
        known.totals = *new;
        let Totals { allocated, freed } = new.totals;
        let [bytes, count] = [allocated.bytes, allocated.count].map(integer);
        let [freed_bytes, freed_count] = [freed.bytes, freed.count].map(integer);
        self.connection
            .prepare_cached(
                "UPDATE site SET allocated_bytes = ?2, allocated_count = ?3, freed_bytes = ?4, \
                 freed_count = ?5 WHERE id = ?1",
            )?
            .execute(params![row, bytes, count, freed_bytes, freed_count])?;
        if let Some(tick) = history {
            self.connection
                .prepare_cached(
                    "INSERT INTO site_history (site, tick, allocated_bytes, allocated_count, \
                     freed_bytes, freed_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![row, tick, bytes, count, freed_bytes, freed_count])?;
        }
        Ok(true)
    }

    /// Stores what has changed; true when something had. The age alone is no change while there is
    /// nothing.
    pub(super) fn put_retained(&mut self, new: &SiteRetained, tick: i64) -> rusqlite::Result<bool> {
        let row = self.site_row(new.key)?;
        let known = self.sites.get_mut(&new.key).filter(|known| new.differs(&known.retained));
        let Some(known) = known else { return Ok(false) };
        known.retained = *new;
        self.connection
            .prepare_cached(
                "INSERT INTO aged (site, tick, age, bytes, count) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                row,
                tick,
                finite(new.age),
                integer(new.blocks.bytes),
                integer(new.blocks.count)
            ])?;
        Ok(true)
    }

    pub(super) fn put_life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> rusqlite::Result<()> {
        let row = self.site_row(key)?;
        self.connection.prepare_cached("DELETE FROM cohort WHERE site = ?1")?.execute([row])?;
        let mut put = self.connection.prepare_cached(
            "INSERT INTO cohort (site, born_from, born_to, allocated_bytes, allocated_count, \
             live_bytes, live_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for cohort in cohorts {
            put.execute(params![
                row,
                finite(cohort.from),
                finite(cohort.to),
                integer(cohort.allocated.bytes),
                integer(cohort.allocated.count),
                integer(cohort.live.bytes),
                integer(cohort.live.count),
            ])?;
        }
        self.put_lifetimes(row, lifetimes)
    }

    fn put_lifetimes(&self, row: i64, lifetimes: &[Lifetime]) -> rusqlite::Result<()> {
        self.connection.prepare_cached("DELETE FROM lifetime WHERE site = ?1")?.execute([row])?;
        let mut put = self.connection.prepare_cached(
            "INSERT INTO lifetime (site, up_to, freed_bytes, freed_count) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for lifetime in lifetimes {
            let (bytes, count) = (integer(lifetime.freed.bytes), integer(lifetime.freed.count));
            put.execute(params![row, finite(lifetime.up_to), bytes, count])?;
        }
        Ok(())
    }
}
