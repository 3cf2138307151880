//! Makes the file of a recording and the empty tables in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::row::{FileOwner, Overwrite};
use super::{StoreError, alive, schema};

/// The log is cut to this length once its contents are in the file itself.
const LOG_BYTES: u32 = 16 << 20;

/// A new recording without contents, and its absolute path.
pub fn create(
    path: &Path,
    overwrite: Overwrite,
    owner: Option<FileOwner>,
) -> Result<(Connection, PathBuf), StoreError> {
    let path = resolved(path)?;
    make_room(&path, overwrite)?;
    create_file(&path, owner)?;
    match open(&path) {
        Ok(connection) => Ok((connection, path)),
        Err(source) => {
            remove(&path);
            Err(StoreError::writing(&path, source))
        }
    }
}

/// Removes a recording and what SQLite keeps beside it, as far as that is possible.
pub fn remove(path: &Path) {
    for file in with_companions(path) {
        // Most of them do not exist, and the caller has a better error to tell.
        let _ = fs::remove_file(file);
    }
}

/// `path` with its folder's real name: SQLite is told to follow no links, so that nobody can swap
/// the file for a link to another one while root writes it, and that rule is about folders too.
pub fn resolved(path: &Path) -> Result<PathBuf, StoreError> {
    let cannot = |source| StoreError::CannotCreate { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| {
        cannot(io::Error::new(io::ErrorKind::InvalidInput, "the name of a file is missing"))
    })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok(folder.canonicalize().map_err(cannot)?.join(name))
}

/// The file and the files that SQLite keeps beside it.
fn with_companions(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Sees to it that nothing is in the way. A forgotten write-ahead log counts: SQLite would replay
/// it into the new file.
fn make_room(path: &Path, overwrite: Overwrite) -> Result<(), StoreError> {
    for file in with_companions(path) {
        match fs::symlink_metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::CannotCreate { path: file, source }),
            Ok(_) if overwrite == Overwrite::Never => {
                return Err(StoreError::Exists { path: file });
            }
            Ok(metadata) if !metadata.is_file() => return Err(StoreError::NotAFile { path: file }),
            Ok(_) if file == path && alive::is_running(path)? => {
                return Err(StoreError::Running { path: file });
            }
            Ok(_) => fs::remove_file(&file)
                .map_err(|source| StoreError::CannotCreate { path: file, source })?,
        }
    }
    Ok(())
}

fn create_file(path: &Path, owner: Option<FileOwner>) -> Result<(), StoreError> {
    let created: io::Result<File> =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let given = created.and_then(|file| match owner {
        Some(owner) => fchown(&file, Some(owner.user), Some(owner.group)),
        None => Ok(()),
    });
    given.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.to_owned() },
        io::ErrorKind::StorageFull => StoreError::DiskFull { path: path.to_owned() },
        _ => StoreError::CannotCreate { path: path.to_owned(), source },
    })
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(32);
    let tables: Vec<&str> = schema::tables().map(|(_, statement)| *statement).collect();
    // Before write-ahead mode, so that the header of the file itself has the marks.
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; BEGIN; PRAGMA application_id = {}; PRAGMA user_version = {};\n\
         {};\n{}\nCOMMIT;",
        schema::APPLICATION_ID,
        schema::SCHEMA_VERSION,
        tables.join(";\n"),
        schema::VIEWS,
    ))?;
    // The log alone survives the death of this process. A power cut takes what the disk has not got
    // yet: so every tick waits for it, and at most the one that was being written is lost.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    Ok(connection)
}
