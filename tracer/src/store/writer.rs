//! Writes a recording, a transaction per tick.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::intern::{Interner, bounded};
use super::row::{Overwrite, Owner, SiteRow, SiteTotals, Tick};
use super::{StoreError, create, thin};
use crate::model::{Capture, Domain, Loss, LossClass, Target};

/// How much a recording keeps; what is older loses detail first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ticks.
    pub ticks: usize,
    /// Rows in the history of all sites together.
    pub history_rows: usize,
}

impl Default for Bounds {
    /// About 40 MB of history.
    fn default() -> Self {
        Self { ticks: 8 * 1024, history_rows: 1_000_000 }
    }
}

/// A recording being written. Whatever a tick has committed survives the death of this process;
/// what was written since the last tick does not.
///
/// After an error nothing more is written, and nothing that was committed is lost.
pub struct Writer {
    connection: Connection,
    path: PathBuf,
    bounds: Bounds,
    interner: Interner,
    sites: HashMap<u64, KnownSite>,
    ticks: Vec<i64>,
    history: Vec<(i64, usize)>,
    next_tick: i64,
    stopped: bool,
}

/// A site that has a row.
#[derive(Clone, Copy)]
struct KnownSite {
    row: i64,
    totals: SiteTotals,
}

impl Writer {
    /// Makes the file, readable by its owner only, and the empty tables in it: what could keep a
    /// recording from being written is found here, before any work.
    ///
    /// # Errors
    /// The file exists (and `overwrite` does not allow it), cannot be made, or the disk is full.
    pub fn create(
        path: &Path,
        overwrite: Overwrite,
        owner: Option<Owner>,
    ) -> Result<Self, StoreError> {
        let (connection, path) = create::create(path, overwrite, owner)?;
        Ok(Self {
            connection,
            path,
            bounds: Bounds::default(),
            interner: Interner::default(),
            sites: HashMap::new(),
            ticks: Vec::new(),
            history: Vec::new(),
            next_tick: 1,
            stopped: false,
        })
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes how much is kept.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Who is recorded and how; commits, so that even the shortest recording says that much.
    /// `capture.seconds` and `capture.notes` are left to [`Writer::finish`].
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn begin(&mut self, target: &Target, capture: &Capture) -> Result<(), StoreError> {
        self.guarded(|writer| {
            let python = target.python.as_ref();
            writer.connection.execute(
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
            writer.put_capture(capture, None)?;
            writer.commit()
        })
    }

    /// A site, new or known better than before; becomes permanent with the next tick.
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn site(&mut self, site: &SiteRow<'_>) -> Result<(), StoreError> {
        self.guarded(|writer| writer.put_site(site))
    }

    /// The state at one moment, and everything since the last tick, as one transaction.
    ///
    /// # Errors
    /// The disk is full, or cannot be written for another reason. All ticks before this one are
    /// kept; the writer takes nothing more.
    pub fn tick(&mut self, tick: &Tick<'_>) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_tick(tick)?;
            writer.forget()?;
            writer.commit()
        })
    }

    /// Ends the recording: how long it took and what was noticed. Afterwards it is a single file.
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn finish(mut self, capture: &Capture) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_capture(capture, Some(finite(capture.seconds)))?;
            let mut note =
                writer.connection.prepare_cached("INSERT INTO note (text) VALUES (?1)")?;
            for text in &capture.notes {
                note.execute([bounded(text)])?;
            }
            drop(note);
            writer.connection.execute(
                "DELETE FROM stack_frame WHERE stack NOT IN \
                 (SELECT stack FROM site WHERE stack IS NOT NULL)",
                [],
            )?;
            writer.commit()
        })?;
        // From here on everything is safe; a reader that has the file open right now keeps it in
        // write-ahead mode, which is no less readable.
        let _ = self.connection.pragma_update(None, "journal_mode", "DELETE");
        Ok(())
    }

    /// Removes the recording: for a start that failed.
    pub fn discard(self) {
        let path = self.path.clone();
        drop(self);
        create::remove(&path);
    }

    /// Runs `work` in the open transaction, opening one if needed. An error rolls back to the last
    /// commit and stops the writer: rows that it still believes in may be gone.
    fn guarded(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        if self.stopped {
            return Err(StoreError::Stopped { path: self.path.clone() });
        }
        let begin = if self.connection.is_autocommit() {
            self.connection.execute_batch("BEGIN IMMEDIATE")
        } else {
            Ok(())
        };
        begin.and_then(|()| work(self)).map_err(|source| {
            self.stopped = true;
            // SQLite has rolled back by itself after some errors; then this one fails, rightly.
            let _ = self.connection.execute_batch("ROLLBACK");
            StoreError::writing(&self.path, source)
        })
    }

    fn commit(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("COMMIT")
    }

    fn put_capture(&self, capture: &Capture, seconds: Option<f64>) -> rusqlite::Result<()> {
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

    fn put_site(&mut self, site: &SiteRow<'_>) -> rusqlite::Result<()> {
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

    fn put_tick(&mut self, tick: &Tick<'_>) -> rusqlite::Result<()> {
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

    /// Keeps within the bounds.
    fn forget(&mut self) -> rusqlite::Result<()> {
        if self.ticks.len() > self.bounds.ticks {
            let gone = thin::forgotten(&self.ticks);
            self.delete("tick", "id", &gone)?;
            self.delete("site_history", "tick", &gone)?;
            self.ticks.retain(|tick| gone.binary_search(tick).is_err());
            self.history.retain(|(tick, _)| gone.binary_search(tick).is_err());
        }
        let rows: usize = self.history.iter().map(|(_, rows)| rows).sum();
        if rows > self.bounds.history_rows {
            let ticks: Vec<i64> = self.history.iter().map(|(tick, _)| *tick).collect();
            let gone = thin::forgotten(&ticks);
            self.delete("site_history", "tick", &gone)?;
            self.history.retain(|(tick, _)| gone.binary_search(tick).is_err());
        }
        Ok(())
    }

    fn delete(&self, table: &str, column: &str, numbers: &[i64]) -> rusqlite::Result<()> {
        let list = format!("{numbers:?}");
        self.connection.execute(
            &format!("DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?1))"),
            [list],
        )?;
        Ok(())
    }

    /// The connection, for tests that break things.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The word for a class of counters in a recording.
pub(super) fn class_name(class: LossClass) -> &'static str {
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
fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}
