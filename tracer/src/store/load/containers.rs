//! What a recording says of containers of Python objects.

use std::collections::HashMap;

use rusqlite::Row;

use super::Source;
use crate::history::Places;
use crate::model::{ContainersBelow, DeclaredBound, GrownContainer, Site};
use crate::store::{StoreError, schema};

/// A container as it is read, with rows of `site`.
type Containers = HashMap<i64, GrownContainer<i64>>;

impl Source<'_> {
    /// Containers that grew, in the order in which they were told; none in recordings that are older than that.
    pub(super) fn containers(
        &self,
        sites: &[Site],
        places: &Places,
    ) -> Result<Vec<GrownContainer>, StoreError> {
        if !schema::has_containers(self.version()?) {
            return Ok(Vec::new());
        }
        let heads = self.container_heads()?;
        let ids: Vec<i64> = heads.iter().map(|(id, _)| *id).collect();
        let mut containers: Containers = heads.into_iter().collect();
        self.container_parts(&mut containers)?;
        if schema::has_version_5(self.version()?) {
            self.container_rows(
                "SELECT container, items FROM container_room ORDER BY container",
                &mut containers,
                |row| row.get(1),
                |container, room| container.room = Some(room),
            )?;
        }
        self.containers_below(&mut containers)?;
        let mut told = Vec::with_capacity(ids.len());
        for mut container in ids.iter().filter_map(|id| containers.remove(id)) {
            let used = container.items_now();
            container.bound.iter_mut().for_each(|bound| bound.used = used);
            self.in_order(container.lengths.iter().map(|length| length.0), "lengths")?;
            let site = |row: &i64| places.get(row).and_then(|place| sites.get(*place));
            if container.grown_by.iter().any(|(row, _)| site(row).is_none()) {
                return Err(self.damaged("a container grew at a site that is not there"));
            }
            told.push(container.rename(|row| site(row).map(Site::as_growth)));
        }
        Ok(told)
    }

    /// What is in containers that do not grow themselves; nothing in recordings that have no such table.
    fn containers_below(&self, containers: &mut Containers) -> Result<(), StoreError> {
        let table = schema::statement_of(self.connection, "container_below");
        if table.map_err(|source| StoreError::reading(self.path, source))?.is_none() {
            return Ok(());
        }
        self.container_rows(
            "SELECT container, type, attribute, count, items, largest, bound_kind, bound_limit \
             FROM container_below ORDER BY container",
            containers,
            |row| {
                let (kind, limit): (Option<String>, _) = (row.get(6)?, row.get(7)?);
                let used = row.get(4)?;
                Ok(ContainersBelow {
                    class: row.get(1)?,
                    attribute: row.get(2)?,
                    count: row.get(3)?,
                    items: used,
                    largest: row.get(5)?,
                    bound: kind.map(|kind| DeclaredBound { kind, limit, used }),
                })
            },
            |container, below| container.below = Some(below),
        )
    }

    fn container_heads(&self) -> Result<Vec<(i64, GrownContainer<i64>)>, StoreError> {
        let sql = "SELECT id, type, bound_kind, bound_limit FROM container ORDER BY id";
        self.all(sql, self.limits.remarks, "containers", |row| {
            let (kind, limit): (Option<String>, _) = (row.get(2)?, row.get(3)?);
            let bound = kind.map(|kind| DeclaredBound { kind, limit, used: 0 });
            let name = row.get(1)?;
            Ok((row.get(0)?, GrownContainer { name, bound, ..GrownContainer::default() }))
        })
    }

    fn container_parts(&self, containers: &mut Containers) -> Result<(), StoreError> {
        self.container_rows(
            "SELECT container, text, class FROM container_path ORDER BY container, position",
            containers,
            |row| Ok((row.get(1)?, row.get(2)?)),
            |container, step| container.path.push(step),
        )?;
        self.container_rows(
            "SELECT container, t, items FROM container_length ORDER BY container, position",
            containers,
            |row| Ok((row.get(1)?, row.get(2)?)),
            |container, length| container.lengths.push(length),
        )?;
        self.container_rows(
            "SELECT container, type, count FROM container_item ORDER BY container, position",
            containers,
            |row| Ok((row.get(1)?, row.get(2)?)),
            |container, item| container.items.push(item),
        )?;
        self.container_rows(
            "SELECT container, site, times FROM container_site ORDER BY container, position",
            containers,
            |row| Ok((row.get(1)?, row.get(2)?)),
            |container, site| container.grown_by.push(site),
        )
    }

    /// Rows of one kind, each of which belongs to the container in its first column.
    fn container_rows<T>(
        &self,
        sql: &str,
        containers: &mut Containers,
        decode: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        mut put: impl FnMut(&mut GrownContainer<i64>, T),
    ) -> Result<(), StoreError> {
        self.each(
            sql,
            self.limits.remarks,
            "rows about containers",
            |row| Ok((row.get::<_, i64>(0)?, decode(row)?)),
            |(id, value)| {
                let unknown = || self.damaged("a row is of a container that is not there");
                put(containers.get_mut(&id).ok_or_else(unknown)?, value);
                Ok(())
            },
        )
    }
}
