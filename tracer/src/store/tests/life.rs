//! How recordings begin and end: in the way, on full disks, with a dead writer.

use std::fs;
use std::path::{Path, PathBuf};

use super::{
    Note, Overwrite, Reader, Sink, StoreError, Writer, capture, counter, create, error, finished,
    folder, read, row, stack, tick, written,
};

#[test]
fn nothing_is_overwritten_by_accident() {
    let (folder, path) = folder();
    finished(&path);
    let refused = Writer::create(&path, Overwrite::Never, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::Exists { .. }));
    assert!(refused.to_string().contains("--force"));
    assert_eq!(read(&path).sites.len(), 3);
    Writer::create(&path, Overwrite::Always, None).expect("replaced").discard();
    assert!(!path.exists());
    fs::write(folder.path().join("a.leakspy-wal"), "old").expect("a stale log");
    let refused = Writer::create(&path, Overwrite::Never, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::Exists { .. }));
    fs::create_dir(&path).expect("a folder");
    let refused = Writer::create(&path, Overwrite::Always, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::NotAFile { .. }));
}

#[test]
fn a_link_is_not_followed() {
    let (folder, path) = folder();
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("a file");
    std::os::unix::fs::symlink(&victim, &path).expect("a link");
    let refused = Writer::create(&path, Overwrite::Never, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::Exists { .. }));
    let refused = Writer::create(&path, Overwrite::Always, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::NotAFile { .. }));
    assert_eq!(fs::read_to_string(&victim).expect("the file"), "precious");
}

#[test]
fn a_place_that_cannot_be_written_is_said_at_once() {
    let (folder, _) = folder();
    let nowhere = folder.path().join("missing/a.leakspy");
    let refused = Writer::create(&nowhere, Overwrite::Never, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::CannotCreate { .. }), "{refused}");
    let refused = Writer::create(Path::new("/"), Overwrite::Never, None).err().expect("a refusal");
    assert!(matches!(refused, StoreError::CannotCreate { .. }), "{refused}");
}

#[test]
fn a_full_disk_keeps_what_was_committed() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    let pages: i64 = writer
        .connection()
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .expect("a pragma");
    writer.connection().pragma_update(None, "max_page_count", pages + 1).expect("a pragma");
    let failed =
        (0..1_000).find_map(|line| writer.site(&row(line.into(), &stack(line), &[])).err());
    assert!(matches!(failed, Some(StoreError::DiskFull { .. })), "{failed:?}");
    let after = writer.tick(&tick(3.0, &[], &[])).expect_err("no more");
    assert!(matches!(after, StoreError::Stopped { .. }));
    assert!(matches!(writer.finish(&capture()), Err(StoreError::Stopped { .. })));
    let document = read(&path);
    assert_eq!(document.sites.len(), 3);
    assert_eq!(document.memory.len(), 2);
}

/// Files as a killed writer leaves them: copied while it is at work.
pub fn killed(folder: &Path) -> PathBuf {
    let path = folder.join("a.leakspy");
    let mut writer = written(&path);
    // Never committed, so never seen.
    writer.site(&row(99, &stack(99), &[])).expect("site");
    let corpse = folder.join("killed.leakspy");
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(&path), name(&corpse)).expect("a copy");
    }
    corpse
}

#[test]
fn a_killed_writer_leaves_a_recording() {
    let (folder, _) = folder();
    let corpse = killed(folder.path());
    let document = read(&corpse);
    assert_eq!(document.sites.len(), 3);
    assert_eq!(document.losses, [counter(15)]);
    assert_eq!(document.capture.seconds.to_bits(), 2.0_f64.to_bits());
    assert_eq!(document.capture.notes, [Note::RecordingUnfinished]);
}

/// The same in a folder that cannot be written, where SQLite cannot make its index of the log.
#[test]
fn a_killed_recording_needs_no_writable_folder() {
    let (folder, _) = folder();
    let corpse = killed(folder.path());
    let document = Reader::open_unshared(&corpse)
        .and_then(|reader| reader.document())
        .expect("a good recording");
    assert_eq!(document.sites.len(), 3);
    assert!(!folder.path().join("killed.leakspy-shm").exists());
}

#[test]
fn a_recording_at_work_can_be_read() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    assert_eq!(read(&path).memory.len(), 2);
    writer.tick(&tick(3.0, &[], &[])).expect("readers do not disturb");
    assert_eq!(read(&path).memory.len(), 3);
    let reader = Reader::open(&path).expect("a reader");
    writer.finish(&capture()).expect("readers do not disturb");
    drop(reader);
    assert_eq!(read(&path).capture, capture());
}

#[test]
fn a_recorder_that_never_began_is_said() {
    let (_folder, path) = folder();
    drop(create(&path));
    assert!(error(&path).contains("holds nothing"));
}

/// Killed while its tables were made: SQLite's journal of that lies beside the file, and cannot be
/// rolled back by somebody who only reads.
#[test]
fn a_recorder_that_was_killed_at_its_tables_is_said() {
    let (folder, path) = folder();
    drop(create(&path));
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.pragma_update(None, "journal_mode", "DELETE").expect("a journal");
    connection.execute_batch("PRAGMA cache_size = 1; BEGIN").expect("a transaction");
    for number in 0..2_000 {
        let sql = "INSERT INTO mark (t, name) VALUES (?1, hex(zeroblob(200)))";
        connection.execute(sql, [f64::from(number)]).expect("a row");
    }
    let corpse = folder.path().join("corpse.leakspy");
    fs::copy(&path, &corpse).expect("a copy");
    let beside = |path: &Path| PathBuf::from(format!("{}-journal", path.display()));
    fs::copy(beside(&path), beside(&corpse)).expect("a copy of the journal");
    let said = error(&corpse);
    assert!(
        said.contains("corpse.leakspy holds nothing") && said.contains("record again"),
        "{said}"
    );
}
