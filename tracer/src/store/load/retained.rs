//! What a recording says of retained sizes.

use super::Source;
use crate::model::{RetainedPlace, RetainedSize};
use crate::store::{StoreError, schema};

impl Source<'_> {
    /// In the order in which they were told; none in recordings that are older than that.
    pub(super) fn retained_sizes(&self) -> Result<Vec<RetainedPlace>, StoreError> {
        if !schema::has_version_5(self.version()?) {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, objects, least_bytes, most_bytes FROM retained_size ORDER BY id";
        let mut places: Vec<(i64, RetainedPlace)> =
            self.all(sql, self.limits.remarks, "retained sizes", |row| {
                let size = RetainedSize {
                    objects: row.get(1)?,
                    least_bytes: row.get(2)?,
                    most_bytes: row.get(3)?,
                };
                Ok((row.get(0)?, RetainedPlace { path: Vec::new(), size }))
            })?;
        self.each(
            "SELECT retained_size, text FROM retained_path ORDER BY retained_size, position",
            self.limits.remarks,
            "paths of retained sizes",
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
            |(id, text)| {
                let place = places.binary_search_by_key(&id, |(id, _)| *id);
                let unknown = |_| self.damaged("a path is of a retained size that is not there");
                places[place.map_err(unknown)?].1.path.push(text);
                Ok(())
            },
        )?;
        Ok(places.into_iter().map(|(_, place)| place).collect())
    }
}
