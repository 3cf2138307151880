//! Puts a named moment into a recording that another process is writing.
//!
//! SQLite lets one writer in at a time; a recorder holds the database only while it writes a tick,
//! so this one waits for its turn. What it meets is checked like anything that is read: `sudo` may
//! run this on a file of anybody.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::{StoreError, alive, create, open};

/// Longest name, in bytes.
pub const MAX_NAME: usize = 200;
/// Marks in one recording.
const MAX_MARKS: u32 = 4096;
/// How long to wait for the recorder to let somebody else write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts the name into the recording at `path`, for the moment `epoch` (seconds since 1970); gives
/// that moment in seconds since the start of the capture. Longer names than [`MAX_NAME`] lose their
/// end.
///
/// # Errors
/// It is no recording or may not be written, nobody is recording into it, or it has too many marks.
pub fn mark(path: &Path, name: &str, epoch: f64) -> Result<f64, StoreError> {
    open::check_header(path)?;
    let path = create::resolved(path)?;
    if !alive::is_running(&path)? {
        return Err(StoreError::NotRunning { path });
    }
    let mut connection = connect(&path).map_err(|source| StoreError::writing(&path, source))?;
    open::check_table(&connection, &path, "capture")?;
    open::check_table(&connection, &path, "mark")?;
    match put(&mut connection, name, epoch).map_err(|source| StoreError::writing(&path, source))? {
        Put::At(t) => Ok(t),
        Put::Finished => Err(StoreError::NotRunning { path }),
        Put::TooMany => Err(StoreError::TooManyMarks { path, limit: MAX_MARKS }),
    }
}

enum Put {
    At(f64),
    Finished,
    TooMany,
}

fn put(connection: &mut Connection, name: &str, epoch: f64) -> rusqlite::Result<Put> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (started, seconds): (f64, Option<f64>) =
        transaction.query_row("SELECT started, seconds FROM capture", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if seconds.is_some() {
        return Ok(Put::Finished);
    }
    let marks: u32 = transaction.query_row("SELECT count(*) FROM mark", [], |row| row.get(0))?;
    if marks >= MAX_MARKS {
        return Ok(Put::TooMany);
    }
    // A clock that was set back must not put it before the beginning.
    let t = (epoch - started).max(0.0);
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    transaction.execute("INSERT INTO mark (t, name) VALUES (?1, ?2)", params![t, &name[..end]])?;
    transaction.commit()?;
    Ok(Put::At(t))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    open::distrust(&mut connection)?;
    // The write-ahead log belongs to the recorder, also after it ended.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}
