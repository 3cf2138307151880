//! Recordings as an enemy would make them.

use rusqlite::Connection;

use super::{Limits, Path, Reader, StoreError, error, finished, folder, read, schema};

/// A good recording, changed by `sql`.
fn forged(path: &Path, sql: &str) {
    finished(path);
    let database = Connection::open(path).expect("a database");
    database.execute_batch("PRAGMA foreign_keys = OFF").expect("a pragma");
    database.execute_batch(sql).expect("the forgery");
}

fn expect(sql: &str, words: &str) {
    let (_folder, path) = folder();
    forged(&path, sql);
    let text = error(&path);
    assert!(text.contains(words), "{sql}: {text}");
}

#[test]
fn other_databases_and_versions_are_named() {
    expect("PRAGMA application_id = 7", "of another program");
    expect("PRAGMA user_version = 3", "use the newer leakspy");
    expect("PRAGMA user_version = 1", "use the older leakspy");
}

#[test]
fn tables_must_be_ours() {
    expect("DROP TABLE tick", "`tick` is missing");
    expect("ALTER TABLE tick ADD COLUMN more TEXT", "`tick` is missing or not");
    // Without an end, if anybody asked it.
    let endless = "DROP TABLE note; CREATE VIEW note AS WITH RECURSIVE n (id) AS \
                   (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 'x' AS text FROM n";
    expect(endless, "`note` is missing");
    expect(
        "DROP TABLE note; CREATE VIRTUAL TABLE note USING fts5 (text)",
        "`note` is missing or not",
    );
}

#[test]
fn what_else_is_in_the_file_is_not_looked_at() {
    let (_folder, path) = folder();
    forged(
        &path,
        "CREATE TABLE mine (x); CREATE INDEX mine_too ON site (allocator); \
         CREATE TRIGGER evil AFTER INSERT ON note BEGIN DELETE FROM site; END;",
    );
    assert_eq!(read(&path).sites.len(), 3);
}

#[test]
fn contradictions_are_damage() {
    expect("UPDATE site SET freed_bytes = -1", "is damaged");
    expect("UPDATE site SET domain = 'x\u{1b}[31m'", "domain");
    expect("UPDATE counter SET class = 'x'", "class");
    expect("UPDATE site SET stack = 77", "a stack is missing");
    expect("DELETE FROM frame WHERE id = 2", "a frame that is not there");
    expect("UPDATE target SET pid = 1 << 40", "is damaged");
    expect("UPDATE frame SET kind = 'x'", "kind of frame");
    expect("UPDATE note SET text = replace(hex(zeroblob(1100000)), '00', 'x')", "a megabyte");
}

#[test]
fn every_count_has_a_bound() {
    let (_folder, path) = folder();
    finished(&path);
    let reader = Reader::open(&path).expect("a good recording");
    let limits = Limits::default();
    for (limits, what) in [
        (Limits { sites: 2, ..limits }, "more than 2 sites"),
        (Limits { frames: 3, ..limits }, "more than 3 frames"),
        (Limits { depth: 2, ..limits }, "too deep"),
        (Limits { ticks: 1, ..limits }, "more than 1 ticks"),
        (Limits { remarks: 0, ..limits }, "more than 0 notes"),
    ] {
        let text = reader.document_within(&limits).expect_err("too much").to_string();
        assert!(text.contains(what), "{text}");
    }
}

#[test]
fn names_with_control_characters_do_not_reach_the_message() {
    let (_folder, path) = folder();
    forged(&path, "UPDATE site SET domain = 'x' || char(27) || '[2J' || char(10) || 'y'");
    let result = Reader::open(&path).and_then(|reader| reader.document());
    let Err(StoreError::Damaged { detail, .. }) = result else { panic!("a bad recording") };
    assert!(!detail.contains(|c: char| c.is_control()), "{detail:?}");
}

/// The marks in the header are what `docs/recording.md` and `file` say they are.
#[test]
fn the_header_has_the_marks() {
    let (_folder, path) = folder();
    finished(&path);
    let bytes = std::fs::read(&path).expect("the recording");
    assert_eq!(&bytes[68..72], b"LKSP");
    assert_eq!(bytes[60..64], schema::SCHEMA_VERSION.to_be_bytes());
}
