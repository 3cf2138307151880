//! Writes a recording, a transaction per tick.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use super::intern::InternedNumbers;
use super::row::{FileOwner, Overwrite};
use super::{StoreError, alive, create};
use crate::history::{Bounds, Remarks, SiteRetained, SiteTotals, Thinning};
use crate::model::Mark;

mod containers;
mod contrasts;
mod forget;
mod lost;
mod malloc;
mod objects;
mod retained;
mod rows;
mod sink;
mod sites;

/// A recording being written. Whatever a tick has committed survives the death of this process;
/// what was written since the last tick does not.
///
/// After an error nothing more is written, and nothing that was committed is lost.
pub struct Writer {
    connection: Connection,
    /// Says that somebody is recording, see [`super::is_running`]. After the connection: closing
    /// any descriptor of the file would end SQLite's own locks on it.
    _alive: File,
    path: PathBuf,
    numbers: InternedNumbers,
    sites: HashMap<u64, KnownSite>,
    thinning: Thinning,
    /// The database is locked only while a tick is written, so that others get a word in.
    remarks: Remarks,
    /// Number of the last mark that was read.
    last_mark: i64,
    next_tick: i64,
    /// Seconds since the epoch.
    started: f64,
    stopped: bool,
}

/// A site that has a row.
#[derive(Clone, Copy)]
struct KnownSite {
    row: i64,
    totals: SiteTotals,
    retained: SiteRetained,
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
        owner: Option<FileOwner>,
    ) -> Result<Self, StoreError> {
        let (connection, path) = create::create(path, overwrite, owner)?;
        let lock = alive::say_alive(&path)?;
        Ok(Self {
            connection,
            _alive: lock,
            path,
            numbers: InternedNumbers::default(),
            sites: HashMap::new(),
            thinning: Thinning::default(),
            remarks: Remarks::default(),
            last_mark: 0,
            next_tick: 1,
            started: 0.0,
            stopped: false,
        })
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes how much is kept.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.thinning.set_bounds(bounds);
    }

    /// Moments that other processes have named since the last call.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn new_marks(&mut self) -> Result<Vec<Mark>, StoreError> {
        let query = || -> rusqlite::Result<Vec<(i64, Mark)>> {
            let sql = "SELECT id, t, name FROM mark WHERE id > ?1 ORDER BY id";
            let mut query = self.connection.prepare_cached(sql)?;
            let mark = |row: &Row<'_>| -> rusqlite::Result<(i64, Mark)> {
                Ok((row.get(0)?, Mark { t: row.get(1)?, name: row.get(2)? }))
            };
            query.query_map([self.last_mark], mark)?.collect()
        };
        let marks = query().map_err(|source| StoreError::reading(&self.path, source))?;
        self.last_mark = marks.last().map_or(self.last_mark, |(id, _)| *id);
        Ok(marks.into_iter().map(|(_, mark)| mark).collect())
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
        self.check_going()?;
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

    fn check_going(&self) -> Result<(), StoreError> {
        if self.stopped {
            return Err(StoreError::Stopped { path: self.path.clone() });
        }
        Ok(())
    }

    fn commit(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("COMMIT")
    }

    /// The connection, for tests that break things.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}
