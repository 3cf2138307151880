//! What a recording says of fields of Python objects.

use super::Source;
use crate::model::FieldContrast;
use crate::store::{StoreError, schema};

impl Source<'_> {
    /// What told old objects from new ones; nothing in recordings that are older than that.
    pub(super) fn contrasts(&self) -> Result<Vec<FieldContrast>, StoreError> {
        if !schema::has_version_5(self.version()?) {
            return Ok(Vec::new());
        }
        let sql = "SELECT type, field, value, old, old_all, young, young_all, compared, snapshots, \
                   seconds FROM field_contrast ORDER BY id";
        let found = self.all(sql, self.limits.remarks, "fields", |row| {
            Ok(FieldContrast {
                class: row.get(0)?,
                field: row.get(1)?,
                value: row.get(2)?,
                old: [row.get(3)?, row.get(4)?],
                young: [row.get(5)?, row.get(6)?],
                compared: row.get(7)?,
                snapshots: row.get(8)?,
                seconds: row.get(9)?,
            })
        })?;
        let fits = |[some, all]: [u64; 2]| some <= all;
        if found.iter().any(|found| !fits(found.old) || !fits(found.young)) {
            return Err(self.damaged("more objects have a value of a field than there are"));
        }
        Ok(found)
    }
}
