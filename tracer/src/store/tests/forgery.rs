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
    let next = schema::SCHEMA_VERSION + 1;
    expect(&format!("PRAGMA user_version = {next}"), "use the newer leakspy");
    expect("PRAGMA user_version = 2", "use the older leakspy");
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
fn history_is_not_trusted() {
    expect("UPDATE tick SET t = -1 WHERE id = 1", "not in the order of time");
    expect("UPDATE tick SET t = 3 WHERE id = 1", "not in the order of time");
    expect("UPDATE tick SET t = 9e999 WHERE id = 2", "not in the order of time");
    expect("UPDATE site_history SET allocated_bytes = 1 WHERE tick = 2", "grow smaller");
    expect("UPDATE site_history SET freed_count = -1", "is damaged");
    expect("UPDATE site_history SET site = 99 WHERE tick = 2 AND site = 1", "not there");
    expect("UPDATE aged SET age = 9e999", "the age of old blocks");
    expect("UPDATE aged SET site = 0", "not there");
    expect("UPDATE cohort SET live_count = 99", "a cohort contradicts");
    expect("UPDATE cohort SET born_to = 0", "a cohort contradicts");
    expect("UPDATE cohort SET born_to = 9e999", "a cohort contradicts");
    expect("UPDATE cohort SET born_from = -1 WHERE site = 2", "a cohort contradicts");
    expect("UPDATE lifetime SET up_to = 7", "not a power of two");
    expect("UPDATE lifetime SET up_to = 9e999", "not a power of two");
    expect("UPDATE lifetime SET freed_count = -5", "is damaged");
    expect("UPDATE unreferenced SET lost = 5", "more blocks are unreachable");
    expect("UPDATE collection SET t = -9e999", "not in the order of time");
    expect("INSERT INTO mark (t, name) VALUES (9e999, 'x')", "not in the order of time");
}

/// Sums beyond every number there is stay what they are: much.
#[test]
fn gigantic_numbers_do_not_overflow() {
    let (_folder, path) = folder();
    let most = i64::MAX;
    forged(
        &path,
        &format!(
            "UPDATE site SET stack = NULL, domain = 'malloc', size_class = 1, allocator = ''; \
             UPDATE site SET allocated_bytes = {most}, allocated_count = {most}, \
                 freed_bytes = {most}, freed_count = {most}; \
             UPDATE cohort SET allocated_bytes = {most}, live_bytes = {most}; \
             UPDATE lifetime SET freed_count = {most}; \
             UPDATE aged SET bytes = {most}, age = 1e300; \
             UPDATE unreferenced SET looked_for = {most}, lost = {most}; \
             UPDATE tick SET t = t * 1e300, live_bytes = {most}, rss_bytes = {most};"
        ),
    );
    assert_eq!(read(&path).history.sites.len(), 1);
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
        (Limits { stack_text: 99, ..limits }, "more than can be printed"),
    ] {
        let text = reader.document_within(&limits).expect_err("too much").to_string();
        assert!(text.contains(what), "{text}");
    }
    for (limits, what) in [
        (Limits { history_rows: 3, ..limits }, "more than 3 rows of history"),
        (Limits { history_rows: 0, ..limits }, "more than 0 rows"),
        (Limits { cohorts: 2, ..limits }, "more than 2 cohorts"),
    ] {
        let text = reader.document_with_history_within(&limits).expect_err("too much").to_string();
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
