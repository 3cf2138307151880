//! Forgets what is old.

use rusqlite::{Connection, params};

use super::rows::integer;
use crate::history::Thinned;

/// The tables of a recording.
pub struct RecordingTables<'a>(pub &'a Connection);

impl RecordingTables<'_> {
    fn delete(&self, table: &str, column: &str, number: i64) -> rusqlite::Result<()> {
        let sql = format!("DELETE FROM {table} WHERE {column} = ?1");
        self.0.prepare_cached(&sql)?.execute([number]).map(drop)
    }
}

impl Thinned for RecordingTables<'_> {
    type Error = rusqlite::Error;

    fn move_history(&mut self, gone: i64, next: i64) -> rusqlite::Result<usize> {
        let mut moved = 0;
        for table in ["site_history", "aged"] {
            moved += self
                .0
                .prepare_cached(&format!("UPDATE OR IGNORE {table} SET tick = ?2 WHERE tick = ?1"))?
                .execute([gone, next])?;
            self.delete(table, "tick", gone)?;
        }
        Ok(moved)
    }

    fn remove_tick(&mut self, gone: i64) -> rusqlite::Result<()> {
        self.delete("tick", "id", gone)
    }

    fn join_collections(&mut self, gone: i64, next: i64, count: u64) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("UPDATE collection SET count = ?2 WHERE id = ?1")?
            .execute(params![next, integer(count)])?;
        self.delete("collection", "id", gone)
    }
}
