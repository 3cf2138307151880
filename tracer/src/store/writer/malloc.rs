//! Rows about malloc.

use rusqlite::params;

use super::Writer;
use super::rows::integer;
use crate::history::finite;
use crate::model::MallocPoint;

impl Writer {
    pub(super) fn put_malloc(&self, point: &MallocPoint) -> rusqlite::Result<()> {
        let MallocPoint { t, rss_anon_bytes, malloc } = point;
        self.connection
            .prepare_cached(
                "INSERT INTO malloc (t, rss_anon_bytes, arenas, retaining_arenas, system_bytes, \
                 used_bytes, cached_bytes, hole_bytes, hole_resident_bytes, hole_page_bytes, \
                 top_bytes, top_resident_bytes, top_page_bytes, of_threads_bytes, \
                 trimmable_bytes, unread_bytes) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                finite(*t),
                integer(*rss_anon_bytes),
                integer(malloc.arenas),
                integer(malloc.retaining_arenas),
                integer(malloc.system_bytes),
                integer(malloc.used_bytes),
                integer(malloc.cached_bytes),
                integer(malloc.holes.bytes),
                integer(malloc.holes.resident_bytes),
                integer(malloc.holes.page_bytes),
                integer(malloc.top.bytes),
                integer(malloc.top.resident_bytes),
                integer(malloc.top.page_bytes),
                integer(malloc.of_threads_bytes),
                integer(malloc.trimmable_bytes),
                integer(malloc.unread_bytes),
            ])
            .map(drop)
    }
}
