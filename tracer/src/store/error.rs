//! What can go wrong with a recording: one line each, with the file and what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::schema::OLDEST_VERSION;

/// A recording that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is there and was not to be overwritten.
    #[error("{} already exists; choose another name, or add --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// `--force` replaces no recording that grows.
    #[error("{} is being written by another leakspy, so it is not replaced; choose another name", path.display())]
    Running {
        /// The file.
        path: PathBuf,
    },
    /// `--force` replaces files only.
    #[error("{} is not a regular file, so it is not replaced; choose another name", path.display())]
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot create {} (choose another place)", path.display())]
    CannotCreate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No room. What was committed before is kept.
    #[error("no space left for {}", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// An earlier error ended the recording.
    #[error("{} is not recorded to any more because of an earlier error", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened for reading.
    #[error("cannot open {}", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Some other kind of file.
    #[error("{} is not a leakspy recording: {found}", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// Written by another version of this program.
    #[error("{} has recording format {found} and this leakspy reads {} to {supported}; {}", path.display(), OLDEST_VERSION, advice(*found, *supported))]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The version that this program reads.
        supported: u32,
    },
    /// The recorder stopped before it wrote anything about its target.
    #[error("{} holds nothing: the recorder was stopped before it began; remove it, and record again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Marks go only into recordings that are being made.
    #[error("nobody is recording into {}: a mark needs a recording that is still running", path.display())]
    NotRunning {
        /// The file.
        path: PathBuf,
    },
    /// Somebody marks in a loop.
    #[error("{} has {limit} marks already, which is all that it takes", path.display())]
    TooManyMarks {
        /// The file.
        path: PathBuf,
        /// How many a recording takes.
        limit: u32,
    },
    /// The contents contradict themselves.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, as far as known.
        detail: String,
    },
    /// Anything else that SQLite says.
    #[error("cannot {doing} {}", path.display())]
    Sqlite {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// What SQLite says, in all detail.
fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

fn advice(found: u32, supported: u32) -> &'static str {
    if found > supported {
        "use the newer leakspy that wrote it"
    } else {
        "use the older leakspy that wrote it"
    }
}

impl StoreError {
    /// What went wrong while writing.
    pub(super) fn writing(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            _ => Self::Sqlite { doing: "write", path, source },
        }
    }

    /// What went wrong while reading.
    pub(super) fn reading(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if extended(&source) == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK) {
            // A rollback journal is there only while the tables are made.
            return Self::Empty { path };
        }
        let damaged =
            |detail: &str| Self::Damaged { path: path.clone(), detail: detail.to_owned() };
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => damaged("its pages are not in order"),
            Some(ErrorCode::NotADatabase) => damaged("its first page is not in order"),
            Some(ErrorCode::TooBig) => damaged("it holds a value of more than a megabyte"),
            Some(ErrorCode::OperationInterrupted) => damaged("reading it would not end"),
            Some(_) => Self::Sqlite { doing: "read", path, source },
            // Not of SQLite but of ours: a column that is not of the type that the schema says.
            None => damaged(&source.to_string()),
        }
    }

    /// A contradiction in the contents.
    pub(super) fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), detail: detail.into() }
    }
}
