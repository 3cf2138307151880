//! Rows about retained sizes.

use rusqlite::params;

use super::Writer;
use super::rows::integer;
use crate::history::bounded;
use crate::model::RetainedPlace;

impl Writer {
    /// In place of what was there.
    pub(super) fn put_retained_sizes(&mut self, places: &[RetainedPlace]) -> rusqlite::Result<()> {
        self.clear(&["retained_path", "retained_size"])?;
        let mut head = self.connection.prepare_cached(
            "INSERT INTO retained_size (id, objects, least_bytes, most_bytes) \
             VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut step = self.connection.prepare_cached(
            "INSERT INTO retained_path (retained_size, position, text) VALUES (?1, ?2, ?3)",
        )?;
        for (id, RetainedPlace { path, size }) in (1_i64..).zip(places) {
            let (least, most) = (integer(size.least_bytes), integer(size.most_bytes));
            head.execute(params![id, integer(size.objects), least, most])?;
            for (position, text) in (0_i64..).zip(path) {
                step.execute(params![id, position, bounded(text)])?;
            }
        }
        Ok(())
    }
}
