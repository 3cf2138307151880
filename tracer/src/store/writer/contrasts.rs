//! Rows about fields of Python objects.

use rusqlite::params;

use super::Writer;
use super::rows::integer;
use crate::history::{bounded, finite};
use crate::model::FieldContrast;

impl Writer {
    /// In place of what was there.
    pub(super) fn put_contrasts(&mut self, contrasts: &[FieldContrast]) -> rusqlite::Result<()> {
        self.clear(&["field_contrast"])?;
        let mut put = self.connection.prepare_cached(
            "INSERT INTO field_contrast (id, type, field, value, old, old_all, young, young_all, \
             compared, snapshots, seconds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        for (id, found) in (1_i64..).zip(contrasts) {
            put.execute(params![
                id,
                bounded(&found.class),
                bounded(&found.field),
                bounded(&found.value),
                integer(found.old[0]),
                integer(found.old[1]),
                integer(found.young[0]),
                integer(found.young[1]),
                integer(found.compared),
                integer(found.snapshots),
                finite(found.seconds),
            ])?;
        }
        Ok(())
    }
}
