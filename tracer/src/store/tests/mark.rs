//! Named moments in recordings that somebody else writes.

use std::fs;

use rusqlite::Connection;

use super::{Sink, StoreError, capture, create, finished, folder, read, target, tick, written};
use crate::model::Mark;
use crate::store::mark;

#[test]
fn a_mark_waits_for_no_tick() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    let started = 1_763_691_300.25;
    mark(&path, "load \u{1b}[31m test", started + 2.5).expect("a mark");
    mark(&path, "before the beginning", 0.0).expect("a mark");
    writer.tick(&tick(3.0, &[], &[])).expect("a mark does not disturb");
    writer.finish(&capture()).expect("a mark does not disturb");
    let marks = read(&path).history.marks;
    assert_eq!(
        marks,
        [
            Mark { t: 0.0, name: "before the beginning".into() },
            Mark { t: 2.5, name: "load \u{1b}[31m test".into() }
        ]
    );
}

#[test]
fn names_are_cut_and_marks_are_counted() {
    let (_folder, path) = folder();
    let _writer = written(&path);
    mark(&path, &"ü".repeat(300), 1_763_691_301.0).expect("a mark");
    assert_eq!(read(&path).history.marks[0].name, "ü".repeat(100));
    Connection::open(&path)
        .and_then(|db| {
            db.execute_batch(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4095) \
                 INSERT INTO mark (t, name) SELECT i, 'x' FROM n",
            )
        })
        .expect("many marks");
    let refused = mark(&path, "one more", 1_763_691_301.0).expect_err("too many");
    assert!(refused.to_string().contains("4096 marks"), "{refused}");
}

#[test]
fn only_running_recordings_take_marks() {
    let (folder, path) = folder();
    let refused = |what: &str| {
        let error = mark(&path, "x", 0.0).expect_err("a refusal");
        let text = error.to_string();
        assert!(text.contains(what) && text.lines().count() == 1, "{text}");
        error
    };
    refused("cannot open");
    fs::write(&path, "hello").expect("a file");
    refused("not a leakspy recording");
    fs::remove_file(&path).expect("removed");
    finished(&path);
    assert!(matches!(refused("nobody is recording"), StoreError::NotRunning { .. }));
    // A recorder that was killed leaves its log behind, but no lock.
    let corpse = super::life::killed(tempfile::tempdir_in(folder.path()).expect("a folder").path());
    assert!(mark(&corpse, "x", 0.0).is_err());
}

/// Somebody's file, marked by root: nothing in it may run.
#[test]
fn tables_of_others_are_not_written() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.begin(&target(), &capture(), 1.0).expect("begin");
    Connection::open(&path)
        .and_then(|db| {
            db.execute_batch(
                "CREATE TRIGGER evil AFTER INSERT ON mark BEGIN DELETE FROM capture; END",
            )
        })
        .expect("a trigger");
    mark(&path, "x", 5.0).expect("a mark");
    writer.tick(&tick(9.0, &[], &[])).expect("tick");
    assert_eq!(read(&path).history.marks.len(), 1);
    Connection::open(&path)
        .and_then(|db| db.execute_batch("DROP TABLE mark; CREATE TABLE mark (t, name)"))
        .expect("another table");
    let refused = mark(&path, "x", 5.0).expect_err("a refusal");
    assert!(refused.to_string().contains("`mark` is missing or not"), "{refused}");
}
