//! Opens a recording without trusting it.
//!
//! The file may come from anybody. So: its header is checked before SQLite sees it, nothing in it
//! may run (views, triggers and functions of its schema are never used), its tables must be exactly
//! ours and their pages in order, and every read has a bound.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::load::{self, Limits};
use super::{StoreError, schema};
use crate::model::Document;

/// Longest text or row, in bytes; the writer stays far below.
const MAX_VALUE: i32 = 1024 * 1024;
/// Steps of SQLite's virtual machine between two checks of the budget.
const STEPS: i32 = 1_000_000;
/// How many snapshots until reading is given up: some 10 seconds, ten times what the largest
/// recording needs. Damage can make a small file endless.
const SNAPSHOTS: u32 = 1_000;

/// A recording that has been checked.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens and checks the recording at `path`; one whose writer died or is still at work, too.
    ///
    /// # Errors
    /// It cannot be opened, is no recording, is of another version, or is damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        check_header(path)?;
        Self::connected(path)
    }

    fn connected(path: &Path) -> Result<Self, StoreError> {
        let connection = match connect(path, None) {
            Err(error) if needs_shared_memory(&error) => connect(path, Some(c"unix-none")),
            result => result,
        }
        .map_err(|source| StoreError::reading(path, source))?;
        let reader = Self { connection, path: path.to_owned() };
        reader.check_tables()?;
        Ok(reader)
    }

    /// Opens as if the folder could not be written, for tests.
    #[cfg(test)]
    pub(super) fn open_unshared(path: &Path) -> Result<Self, StoreError> {
        let connection = connect(path, Some(c"unix-none"))
            .map_err(|source| StoreError::reading(path, source))?;
        let reader = Self { connection, path: path.to_owned() };
        reader.check_tables()?;
        Ok(reader)
    }

    /// What the recording says of the present: the totals of the last tick. `history` stays empty.
    ///
    /// # Errors
    /// The contents contradict themselves, or the recording ended before it began.
    pub fn document(&self) -> Result<Document, StoreError> {
        self.document_within(&Limits::default())
    }

    /// As [`Reader::document`], within other limits.
    ///
    /// # Errors
    /// As of [`Reader::document`], and more than `limits` allow.
    pub fn document_within(&self, limits: &Limits) -> Result<Document, StoreError> {
        self.read(|connection| load::document(connection, &self.path, limits))
    }

    /// Everything that the recording says, also over time: for verdicts and plots.
    ///
    /// # Errors
    /// As of [`Reader::document`].
    pub fn document_with_history(&self) -> Result<Document, StoreError> {
        self.document_with_history_within(&Limits::default())
    }

    /// As [`Reader::document_with_history`], within other limits.
    ///
    /// # Errors
    /// As of [`Reader::document`], and more than `limits` allow.
    pub fn document_with_history_within(&self, limits: &Limits) -> Result<Document, StoreError> {
        for (name, _) in schema::history_of(self.version()?) {
            self.check_pages(name)?;
        }
        for (name, _) in &schema::OPTIONAL {
            if self.has_table(name)? {
                self.check_pages(name)?;
            }
        }
        self.read(|connection| load::document_with_history(connection, &self.path, limits))
    }

    /// In one transaction: a recorder that is still at work changes nothing between two reads.
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(|source| StoreError::reading(&self.path, source))?;
        work(&transaction)
    }

    /// The tables must be those of this version, letter for letter, and the pages of those that
    /// every report needs in order.
    fn check_tables(&self) -> Result<(), StoreError> {
        for (name, _) in schema::tables_of(self.version()?) {
            check_table(&self.connection, &self.path, name)?;
        }
        for (name, _) in &schema::OPTIONAL {
            if self.has_table(name)? {
                check_table(&self.connection, &self.path, name)?;
            }
        }
        for (name, _) in schema::present_of(self.version()?) {
            self.check_pages(name)?;
        }
        Ok(())
    }

    fn has_table(&self, table: &str) -> Result<bool, StoreError> {
        let found = schema::statement_of(&self.connection, table);
        Ok(found.map_err(|source| StoreError::reading(&self.path, source))?.is_some())
    }

    fn version(&self) -> Result<u32, StoreError> {
        let reading = |source| StoreError::reading(&self.path, source);
        schema::user_version(&self.connection).map_err(reading)
    }

    /// Finds pages that are used twice or not in order, which no later read would notice: it would
    /// return wrong rows, or never end.
    fn check_pages(&self, table: &str) -> Result<(), StoreError> {
        let verdict: String = self
            .connection
            .query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))
            .map_err(|source| StoreError::reading(&self.path, source))?;
        if verdict == "ok" {
            return Ok(());
        }
        // The first line only names the database.
        let said = verdict.lines().find(|line| !line.starts_with("***")).unwrap_or_default();
        let first: String = said.chars().take(200).collect();
        Err(StoreError::damaged(&self.path, first))
    }
}

/// The table must be ours, letter for letter.
pub fn check_table(connection: &Connection, path: &Path, table: &str) -> Result<(), StoreError> {
    let ours = schema::tables().find(|(name, _)| *name == table).map(|(_, statement)| *statement);
    let found = schema::statement_of(connection, table)
        .map_err(|source| StoreError::reading(path, source))?;
    if found.is_some() && found.as_deref() == ours {
        return Ok(());
    }
    let detail = format!("its table `{table}` is missing or not as leakspy makes it");
    Err(StoreError::damaged(path, detail))
}

/// Reads the first 100 bytes of the file and says whether they are a recording's.
pub fn check_header(path: &Path) -> Result<(), StoreError> {
    let cannot = |source| StoreError::CannotOpen { path: path.to_owned(), source };
    // Asked before opening: opening a pipe waits for somebody to write into it.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        let found = "not a regular file";
        return Err(StoreError::NotARecording { path: path.to_owned(), found });
    }
    let mut header = Vec::with_capacity(100);
    File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)).map_err(cannot)?;
    let version = version(&header)
        .map_err(|found| StoreError::NotARecording { path: path.to_owned(), found })?;
    if !(schema::OLDEST_VERSION..=schema::SCHEMA_VERSION).contains(&version) {
        let path = path.to_owned();
        let supported = schema::SCHEMA_VERSION;
        return Err(StoreError::OtherVersion { path, found: version, supported });
    }
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    match whole_length(&header) {
        Some(whole) if length < whole => {
            Err(StoreError::damaged(path, format!("it ends after {length} of {whole} bytes")))
        }
        _ => Ok(()),
    }
}

/// Bytes that the header says the file has, where nothing of it is in a write-ahead log any more:
/// what was cut off at the end may be a page that no table uses, which no read would notice.
fn whole_length(header: &[u8]) -> Option<u64> {
    const WITHOUT_LOG: u8 = 1;
    let size = u16::from_be_bytes(header.get(16..18)?.try_into().ok()?);
    // 65,536 does not fit into its field.
    let size = if size == 1 { 1 << 16 } else { u64::from(size) };
    let pages = u32::from_be_bytes(header.get(28..32)?.try_into().ok()?);
    (*header.get(18)? == WITHOUT_LOG).then(|| size * u64::from(pages))
}

/// The schema version in the header of a recording, or what the file is instead.
fn version(header: &[u8]) -> Result<u32, &'static str> {
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes)
    };
    if header.is_empty() {
        return Err("an empty file");
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err("not an SQLite database");
    }
    match (number(60), number(68)) {
        (Some(version), Some(schema::APPLICATION_ID)) => Ok(version),
        (Some(_), Some(_)) => Err("an SQLite database of another program"),
        _ => Err("only the beginning of an SQLite database"),
    }
}

/// A recording whose writer died has a write-ahead log, which SQLite indexes in a file beside it.
/// In a folder that cannot be written that fails with one of these.
fn needs_shared_memory(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// Opens read-only and makes one first read. With `unix-none` (no locks) and exclusive mode, SQLite
/// keeps the index of the write-ahead log in its own memory and needs no file for it.
fn connect(path: &Path, vfs: Option<&std::ffi::CStr>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = match vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
    };
    harden(&mut connection)?;
    if vfs.is_some() {
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn harden(connection: &mut Connection) -> rusqlite::Result<()> {
    distrust(connection)?;
    connection.execute_batch("PRAGMA query_only = ON")
}

/// Nothing of the file's own runs, and nothing takes for ever.
pub fn distrust(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    let mut snapshots = 0;
    connection.progress_handler(
        STEPS,
        Some(move || {
            snapshots += 1;
            snapshots > SNAPSHOTS
        }),
    )?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;")
}
