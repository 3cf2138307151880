//! Rows of a recording: one method per table.

use rusqlite::params;

use super::{KnownSite, Writer};
use crate::model::{Capture, Domain, Loss, LossClass, Target};
use crate::store::intern::bounded;
use crate::store::row::{SiteRow, SiteTotals, Tick};

impl Writer {
    pub(super) fn put_target(&self, target: &Target) -> rusqlite::Result<()> {
        let python = target.python.as_ref();
        self.connection.execute(
            "INSERT OR REPLACE INTO target (one, pid, comm, exe, started, python_version, \
             python_layout_source, limit_bytes) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                target.pid,
                bounded(&target.comm),
                bounded(&target.exe),
                integer(target.started),
                python.map(|python| bounded(&python.version)),
                python.map(|python| bounded(&python.layout_source)),
                target.limit_bytes.map(integer),
            ],
        )?;
        Ok(())
    }

    pub(super) fn put_capture(
        &self,
        capture: &Capture,
        seconds: Option<f64>,
    ) -> rusqlite::Result<()> {
        self.connection.execute(
            "INSERT OR REPLACE INTO capture (one, tool_name, tool_version, started, mode, budget, \
             cost_ratio, seconds) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                integer(capture.started),
                bounded(&capture.mode),
                capture.budget.map(finite),
                capture.cost_ratio.map(finite),
                seconds,
            ],
        )?;
        Ok(())
    }

    pub(super) fn put_site(&mut self, site: &SiteRow<'_>) -> rusqlite::Result<()> {
        let stack = self.interner.stack(&self.connection, site.stack)?;
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
        let mut note =
            self.connection.prepare_cached("INSERT INTO site_note (site, text) VALUES (?1, ?2)")?;
        for text in site.notes {
            note.execute(params![row, bounded(text)])?;
        }
        Ok(())
    }

    /// The row of the site with this key, made when there is none.
    fn site_row(&mut self, key: u64) -> rusqlite::Result<i64> {
        if let Some(known) = self.sites.get(&key) {
            return Ok(known.row);
        }
        let row = i64::try_from(self.sites.len()).unwrap_or(i64::MAX).saturating_add(1);
        self.connection
            .prepare_cached(
                "INSERT INTO site (id, key, domain, size_class, allocator) VALUES (?1, ?2, ?3, 0, '')",
            )?
            .execute(params![row, format!("{key:016x}"), Domain::Malloc.name()])?;
        self.sites.insert(key, KnownSite { row, totals: SiteTotals { key, ..Default::default() } });
        Ok(row)
    }

    pub(super) fn put_tick(&mut self, tick: &Tick<'_>) -> rusqlite::Result<()> {
        let number = self.next_tick;
        self.connection
            .prepare_cached(
                "INSERT INTO tick (id, t, rss_bytes, rss_anon_bytes, live_bytes) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                number,
                finite(tick.t),
                tick.resident.map(|resident| integer(resident.rss_bytes)),
                tick.resident.map(|resident| integer(resident.rss_anon_bytes)),
                integer(tick.live_bytes),
            ])?;
        self.next_tick += 1;
        self.ticks.push(number);
        self.put_counters(tick.counters)?;
        let mut changed = 0;
        for totals in tick.sites {
            changed += usize::from(self.put_totals(totals, tick.keep_history.then_some(number))?);
        }
        if tick.keep_history && changed > 0 {
            self.history.push((number, changed));
        }
        Ok(())
    }

    fn put_counters(&self, counters: &[Loss]) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO counter (name, class, sentence, count) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (name) DO UPDATE SET count = excluded.count WHERE count != excluded.count",
        )?;
        for counter in counters {
            put.execute(params![
                bounded(&counter.name),
                class_name(counter.class),
                bounded(&counter.sentence),
                integer(counter.count)
            ])?;
        }
        Ok(())
    }

    /// Stores what has changed; true when something had.
    fn put_totals(&mut self, new: &SiteTotals, history: Option<i64>) -> rusqlite::Result<bool> {
        let row = self.site_row(new.key)?;
        let known = self.sites.get_mut(&new.key).filter(|known| known.totals != *new);
        let Some(known) = known else { return Ok(false) };
        known.totals = *new;
        let sums = [new.allocated_bytes, new.allocated_count, new.freed_bytes, new.freed_count];
        let [bytes, count, freed_bytes, freed_count] = sums.map(integer);
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
}

/// The word for a class of counters in a recording.
pub fn class_name(class: LossClass) -> &'static str {
    match class {
        LossClass::Seen => "seen",
        LossClass::Accounted => "accounted",
        LossClass::Loss => "loss",
        LossClass::Quality => "quality",
    }
}

/// SQLite's integers are signed; nothing that is counted here comes near the difference.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// SQLite stores a number that is none as NULL, which these columns do not take.
pub fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}
