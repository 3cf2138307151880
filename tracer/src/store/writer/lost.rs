//! Rows about lost small objects.

use rusqlite::params;

use super::Writer;
use super::rows::integer;
use crate::history::{bounded, finite};
use crate::model::LostMemory;

impl Writer {
    /// In place of what an earlier search found.
    pub(super) fn put_lost(&mut self, lost: &LostMemory) -> rusqlite::Result<()> {
        self.clear(&["lost_object"])?;
        let mut put = self.connection.prepare_cached(
            "INSERT INTO lost_object (id, t, age, type, block, old_count, old_bytes, young_count, \
             young_bytes, within_count, within_bytes) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        for (id, found) in (1_i64..).zip(&lost.types) {
            put.execute(params![
                id,
                finite(lost.t),
                finite(lost.age),
                found.name.as_deref().map(bounded),
                integer(found.block),
                integer(found.old.count),
                integer(found.old.bytes),
                integer(found.young.count),
                integer(found.young.bytes),
                integer(found.within.count),
                integer(found.within.bytes),
            ])?;
        }
        Ok(())
    }
}
