//! From the tables of a recording to a document. Every row count has a bound, every number a check.

use std::path::Path;
use std::time::Duration;

use leakspy_ebpf::wire::counter::Counter;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{StoreError, counter_class, note, schema};
use crate::model::{
    Capture, Counted, Document, History, Loss, MemoryPoint, Note, PythonTarget, SCHEMA, Site,
    Target, Tool,
};

mod containers;
mod contrasts;
mod history;
mod lost;
mod malloc;
mod objects;
mod retained;
mod series;
mod sites;
mod stacks;

/// How much of a recording is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sites.
    pub sites: usize,
    /// Different frames.
    pub frames: usize,
    /// Frames of one stack.
    pub depth: usize,
    /// Ticks.
    pub ticks: usize,
    /// Counters, and notes of every kind.
    pub remarks: usize,
    /// Rows in the history of all sites, of each kind.
    pub history_rows: usize,
    /// Cohorts of all sites.
    pub cohorts: usize,
    /// Bytes of names in the stacks of all sites, written out: sites share stacks, and those share
    /// frames, so a small file can say more than anybody could print.
    pub stack_text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sites: 1 << 20,
            frames: 1 << 20,
            depth: 4096,
            ticks: 1 << 20,
            remarks: 1 << 20,
            history_rows: 1 << 22,
            cohorts: 1 << 23,
            stack_text: 8 << 30,
        }
    }
}

/// Everything that reading needs to know.
struct Source<'a> {
    connection: &'a Connection,
    path: &'a Path,
    limits: &'a Limits,
}

/// The document of a checked recording, without its history.
pub fn document(
    connection: &Connection,
    path: &Path,
    limits: &Limits,
) -> Result<Document, StoreError> {
    let source = Source { connection, path, limits };
    source.document(source.sites()?.0)
}

/// The document of a checked recording, with its history.
pub fn document_with_history(
    connection: &Connection,
    path: &Path,
    limits: &Limits,
) -> Result<Document, StoreError> {
    let source = Source { connection, path, limits };
    let (sites, places) = source.sites()?;
    let history = source.history(&sites, &places)?;
    Ok(Document { history, ..source.document(sites)? })
}

impl Source<'_> {
    fn document(&self, sites: Vec<Site>) -> Result<Document, StoreError> {
        let empty = || StoreError::Empty { path: self.path.to_owned() };
        let target = self.target()?.ok_or_else(empty)?;
        let (tool, mut capture, finished) = self.capture()?.ok_or_else(empty)?;
        let (memory, last) = self.memory()?;
        capture.notes = self.notes()?;
        if !finished {
            capture.seconds = last.unwrap_or(0.0);
            capture.notes.push(Note::RecordingUnfinished);
        }
        Ok(Document {
            schema: SCHEMA,
            tool,
            target,
            capture,
            losses: self.counters()?,
            memory,
            malloc: self.malloc()?,
            growth: None,
            leaks: Vec::new(),
            findings: Vec::new(),
            types: None,
            sites,
            history: History::default(),
        })
    }

    /// The version of its tables.
    fn version(&self) -> Result<u32, StoreError> {
        schema::user_version(self.connection).map_err(|source| self.reading(source))
    }

    fn target(&self) -> Result<Option<Target>, StoreError> {
        self.one(
            "SELECT pid, comm, exe, started, python_version, python_layout_source, limit_bytes \
             FROM target",
            |row| {
                let version: Option<String> = row.get(4)?;
                let layout_source: Option<String> = row.get(5)?;
                Ok(Target {
                    pid: row.get(0)?,
                    comm: row.get(1)?,
                    exe: row.get(2)?,
                    started: row.get(3)?,
                    python: version.map(|version| PythonTarget {
                        version,
                        layout_source: layout_source.unwrap_or_default(),
                    }),
                    limit_bytes: row.get(6)?,
                })
            },
        )
    }

    /// The program, the capture, and whether it was finished.
    fn capture(&self) -> Result<Option<(Tool, Capture, bool)>, StoreError> {
        self.one(
            "SELECT tool_name, tool_version, started, mode, budget, cost_ratio, seconds FROM capture",
            |row| {
                let tool = Tool { name: row.get(0)?, version: row.get(1)? };
                let seconds: Option<f64> = row.get(6)?;
                let started: f64 = row.get(2)?;
                let capture = Capture {
                    started: Duration::try_from_secs_f64(started).map_or(0, |time| time.as_secs()),
                    seconds: seconds.unwrap_or(0.0),
                    mode: row.get(3)?,
                    budget: row.get(4)?,
                    cost_ratio: row.get(5)?,
                    notes: Vec::new(),
                };
                Ok((tool, capture, seconds.is_some()))
            },
        )
    }

    /// The points at which memory was read, and the time of the last tick.
    fn memory(&self) -> Result<(Vec<MemoryPoint>, Option<f64>), StoreError> {
        let ticks = self.all(
            "SELECT t, rss_bytes, rss_anon_bytes, swap_bytes, live_bytes FROM tick ORDER BY id",
            self.limits.ticks,
            "ticks",
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )?;
        let last = ticks.last().map(|(t, ..)| *t);
        let point = |(t, rss_bytes, rss_anon_bytes, swap_bytes, live_bytes): Tick| {
            let (rss_bytes, rss_anon_bytes) = (rss_bytes?, rss_anon_bytes?);
            Some(MemoryPoint { t, rss_bytes, rss_anon_bytes, swap_bytes, live_bytes })
        };
        Ok((ticks.into_iter().filter_map(point).collect(), last))
    }

    fn notes(&self) -> Result<Vec<Note>, StoreError> {
        let sql = "SELECT text FROM note ORDER BY id";
        let texts = self.all(sql, self.limits.remarks, "notes", |row| row.get(0))?;
        Ok(texts.into_iter().map(note::of_recording).collect())
    }

    fn counters(&self) -> Result<Vec<Loss>, StoreError> {
        let sql = "SELECT name, sentence, class, count FROM counter";
        let rows: Vec<(String, String, String, u64)> =
            self.all(sql, self.limits.remarks, "counters", |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        rows.into_iter()
            .map(|(name, sentence, class, count)| {
                let class = counter_class::named(&class)
                    .ok_or_else(|| self.damaged(format!("counter class {class:?} is not known")))?;
                let known = Counter::ALL.iter().find(|counter| counter.name() == name);
                let counter = match known {
                    Some(counter) => Counted::Known(*counter),
                    None => Counted::Other { name, sentence, class },
                };
                Ok(Loss { counter, count })
            })
            .collect()
    }

    /// The only row of a query.
    fn one<T>(
        &self,
        sql: &str,
        decode: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.connection.query_row(sql, [], decode).optional().map_err(|source| self.reading(source))
    }

    /// All rows of a query, at most `limit`.
    fn all<T>(
        &self,
        sql: &str,
        limit: usize,
        what: &str,
        decode: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.each(sql, limit, what, decode, |row| {
            found.push(row);
            Ok(())
        })?;
        Ok(found)
    }

    /// Takes all rows of a query, at most `limit`, one by one.
    fn each<T>(
        &self,
        sql: &str,
        limit: usize,
        what: &str,
        mut decode: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        mut take: impl FnMut(T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare(sql).map_err(|source| self.reading(source))?;
        let mut rows = query.query([]).map_err(|source| self.reading(source))?;
        let mut taken = 0;
        while let Some(row) = rows.next().map_err(|source| self.reading(source))? {
            if taken >= limit {
                return Err(self.damaged(format!("it has more than {limit} {what}")));
            }
            taken += 1;
            take(decode(row).map_err(|source| self.reading(source))?)?;
        }
        Ok(())
    }

    fn reading(&self, source: rusqlite::Error) -> StoreError {
        StoreError::reading(self.path, source)
    }

    fn damaged(&self, detail: impl Into<String>) -> StoreError {
        StoreError::damaged(self.path, detail)
    }
}

/// A row of `tick`.
type Tick = (f64, Option<u64>, Option<u64>, Option<u64>, u64);
