//! Writes a recording, a transaction per tick.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::intern::Numbers;
use super::row::{Count, Overwrite, Owner, SiteAged, SiteRow, SiteTotals, Tick};
use super::{StoreError, create, note};
use crate::model::{
    Capture, Cohort, Lifetime, Owned, Target, TypeHolder, TypeSeries, Unreferenced,
};

mod forget;
mod objects;
mod rows;
mod sites;

pub(super) use rows::class_name;
use rows::finite;

/// How much a recording keeps; what is older loses detail first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ticks.
    pub ticks: usize,
    /// Rows in the history of all sites together, of sums and of old blocks.
    pub history_rows: usize,
    /// Rows about full garbage collections.
    pub collections: usize,
}

impl Default for Bounds {
    /// About 40 MB of history.
    fn default() -> Self {
        Self { ticks: 8 * 1024, history_rows: 1_000_000, collections: 8 * 1024 }
    }
}

/// A recording being written. Whatever a tick has committed survives the death of this process;
/// what was written since the last tick does not.
///
/// After an error nothing more is written, and nothing that was committed is lost.
pub struct Writer {
    connection: Connection,
    /// Says that somebody is recording, see [`super::is_running`]. After the connection: closing any
    /// descriptor of the file would end SQLite's own locks on it.
    _alive: File,
    path: PathBuf,
    bounds: Bounds,
    numbers: Numbers,
    sites: HashMap<u64, KnownSite>,
    /// Numbers of the ticks that are kept.
    ticks: Vec<i64>,
    /// Those of them that have history, and how many rows.
    history: BTreeMap<i64, usize>,
    /// Rows about collections: number and count.
    collections: Vec<(i64, u64)>,
    remarks: Remarks,
    next_tick: i64,
    /// Seconds since the epoch.
    started: f64,
    stopped: bool,
}

/// What is known between two ticks and waits for the next: the database is locked only while a tick is
/// written, so that others get a word in.
#[derive(Default)]
struct Remarks {
    collections: Vec<(f64, u64)>,
    unreferenced: BTreeMap<u64, Unreferenced>,
    /// Whether what earlier searches found is to be forgotten.
    searched: bool,
}

/// A site that has a row.
#[derive(Clone, Copy)]
struct KnownSite {
    row: i64,
    totals: SiteTotals,
    aged: SiteAged,
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
        let alive = create::say_alive(&path)?;
        Ok(Self {
            connection,
            _alive: alive,
            path,
            bounds: Bounds::default(),
            numbers: Numbers::default(),
            sites: HashMap::new(),
            ticks: Vec::new(),
            history: BTreeMap::new(),
            collections: Vec::new(),
            remarks: Remarks::default(),
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
        self.bounds = bounds;
    }

    /// Who is recorded and how; commits, so that even the shortest recording says that much.
    /// `capture.seconds` and `capture.notes` are left to [`Writer::finish`]. `started` is what
    /// `capture.started` says, with the fraction of the second; all times count from it.
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), StoreError> {
        self.started = started;
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

    /// What a site's blocks did by the time of their birth, and how old they got; in place of what
    /// was said of it before. Becomes permanent with the next tick.
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), StoreError> {
        self.guarded(|writer| writer.put_life(key, cohorts, lifetimes))
    }

    /// Full garbage collections that were noticed `t` seconds after the start. Written by the next tick.
    ///
    /// # Errors
    /// An earlier error ended the recording.
    pub fn collection(&mut self, t: f64, count: u64) -> Result<(), StoreError> {
        self.check_going()?;
        if count > 0 && self.remarks.collections.len() < self.bounds.collections {
            self.remarks.collections.push((t, count));
        }
        Ok(())
    }

    /// What came of a search for pointers to old blocks of a site: blocks that were looked for, and
    /// those that no pointer leads to. Written by the next tick, in place of what was said before.
    ///
    /// # Errors
    /// An earlier error ended the recording.
    pub fn unreferenced(&mut self, key: u64, looked_for: u64, lost: u64) -> Result<(), StoreError> {
        self.check_going()?;
        self.remarks.unreferenced.insert(key, Unreferenced { looked_for, lost });
        Ok(())
    }

    /// A search for pointers was completed: what earlier ones found no longer holds. Comes before what this one
    /// found.
    ///
    /// # Errors
    /// An earlier error ended the recording.
    pub fn searched(&mut self) -> Result<(), StoreError> {
        self.check_going()?;
        self.remarks.unreferenced.clear();
        self.remarks.searched = true;
        Ok(())
    }

    /// When Python objects were counted, and what their types did so far, in place of what was said before; only types that
    /// changed. All have a point for each count. Becomes permanent with the next tick.
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), StoreError> {
        self.guarded(|writer| writer.put_types(counts, types))
    }

    /// What keeps objects of types that were given, and which objects own blocks of which site. Becomes permanent
    /// with the next tick.
    ///
    /// # Errors
    /// As of [`Writer::tick`].
    pub fn holders(
        &mut self,
        types: &[TypeHolder],
        sites: &[(u64, Owned)],
    ) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_type_holders(types)?;
            writer.put_owned(sites)
        })
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
            let mut insert =
                writer.connection.prepare_cached("INSERT INTO note (text) VALUES (?1)")?;
            for fact in &capture.notes {
                insert.execute([note::text(fact)])?;
            }
            drop(insert);
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
