//! Writes a recording, a transaction per tick.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::intern::{Interner, bounded};
use super::row::{Overwrite, Owner, SiteRow, SiteTotals, Tick};
use super::{StoreError, create, thin};
use crate::model::{Capture, Target};

mod rows;

pub(super) use rows::class_name;
use rows::finite;

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
            writer.put_target(target)?;
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
