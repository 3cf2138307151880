//! What malloc had.

use rusqlite::Row;

use super::Source;
use crate::model::{FreeMemory, MallocPoint, MallocUse};
use crate::store::{StoreError, schema};

impl Source<'_> {
    /// What malloc had, by time; nothing in recordings that are older than that.
    pub(super) fn malloc(&self) -> Result<Vec<MallocPoint>, StoreError> {
        if !schema::has_version_5(self.version()?) {
            return Ok(Vec::new());
        }
        let sql = "SELECT t, rss_anon_bytes, arenas, retaining_arenas, system_bytes, used_bytes, \
                   cached_bytes, of_threads_bytes, trimmable_bytes, unread_bytes, hole_bytes, \
                   hole_resident_bytes, hole_page_bytes, top_bytes, top_resident_bytes, \
                   top_page_bytes FROM malloc ORDER BY id";
        let points = self.all(sql, self.limits.remarks, "readings of malloc", point)?;
        self.in_order(points.iter().map(|point| point.t), "readings of malloc")?;
        Ok(points)
    }
}

fn point(row: &Row<'_>) -> rusqlite::Result<MallocPoint> {
    Ok(MallocPoint {
        t: row.get(0)?,
        rss_anon_bytes: row.get(1)?,
        malloc: MallocUse {
            arenas: row.get(2)?,
            retaining_arenas: row.get(3)?,
            system_bytes: row.get(4)?,
            used_bytes: row.get(5)?,
            cached_bytes: row.get(6)?,
            of_threads_bytes: row.get(7)?,
            trimmable_bytes: row.get(8)?,
            unread_bytes: row.get(9)?,
            holes: free(row, 10)?,
            top: free(row, 13)?,
        },
    })
}

fn free(row: &Row<'_>, from: usize) -> rusqlite::Result<FreeMemory> {
    Ok(FreeMemory {
        bytes: row.get(from)?,
        resident_bytes: row.get(from + 1)?,
        page_bytes: row.get(from + 2)?,
    })
}
