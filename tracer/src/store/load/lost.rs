//! What a recording says of lost small objects.

use rusqlite::Row;

use super::Source;
use crate::model::{Amount, LostMemory, LostObjects};
use crate::store::{StoreError, schema};

impl Source<'_> {
    /// What the last search found; `None` where it found nothing, or in recordings that are older than that.
    pub(super) fn lost(&self) -> Result<Option<LostMemory>, StoreError> {
        if !schema::has_version_5(self.version()?) {
            return Ok(None);
        }
        let rows = self.all(
            "SELECT t, age, type, block, old_count, old_bytes, young_count, young_bytes, \
             within_count, within_bytes FROM lost_object ORDER BY id",
            self.limits.remarks,
            "lost objects",
            |row| Ok((row.get(0)?, row.get(1)?, objects(row)?)),
        )?;
        let Some((t, age, _)) = rows.first() else { return Ok(None) };
        let (t, age): (f64, f64) = (*t, *age);
        if !(t.is_finite()
            && age.is_finite()
            && age > 0.0
            && rows.iter().all(|row| (row.0, row.1) == (t, age)))
        {
            return Err(self.damaged("a search for lost objects has no time"));
        }
        Ok(Some(LostMemory { t, age, types: rows.into_iter().map(|row| row.2).collect() }))
    }
}

fn objects(row: &Row<'_>) -> rusqlite::Result<LostObjects> {
    let amount = |count: usize| -> rusqlite::Result<Amount> {
        Ok(Amount { count: row.get(count)?, bytes: row.get(count + 1)? })
    };
    let (old, young, within) = (amount(4)?, amount(6)?, amount(8)?);
    Ok(LostObjects { name: row.get(2)?, block: row.get(3)?, old, young, within })
}
