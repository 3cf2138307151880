//! Rows about containers of Python objects.

use rusqlite::params;

use super::Writer;
use super::rows::integer;
use crate::history::{bounded, finite};
use crate::model::{ContainersBelow, GrownContainer};

/// Tables about containers, the ones that name others first.
const OF_CONTAINERS: [&str; 7] = [
    "container_below",
    "container_room",
    "container_site",
    "container_item",
    "container_length",
    "container_path",
    "container",
];

impl Writer {
    /// In place of what was there.
    pub(super) fn put_containers(
        &mut self,
        containers: &[GrownContainer<u64>],
    ) -> rusqlite::Result<()> {
        self.clear(&OF_CONTAINERS)?;
        for (id, container) in (1_i64..).zip(containers) {
            self.connection
                .prepare_cached(
                    "INSERT INTO container (id, type, bound_kind, bound_limit) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    id,
                    bounded(&container.name),
                    container.bound.as_ref().map(|bound| bounded(&bound.kind)),
                    container.bound.as_ref().and_then(|bound| bound.limit.map(integer)),
                ])?;
            if let Some(room) = container.room {
                self.connection
                    .prepare_cached(
                        "INSERT INTO container_room (container, items) VALUES (?1, ?2)",
                    )?
                    .execute(params![id, integer(room)])?;
            }
            self.put_containers_below(id, container.below.as_ref())?;
            self.put_container_path(id, container)?;
            self.put_container_numbers(id, container)?;
            self.put_container_sites(id, container)?;
        }
        Ok(())
    }

    fn put_containers_below(
        &self,
        id: i64,
        below: Option<&ContainersBelow>,
    ) -> rusqlite::Result<()> {
        let Some(below) = below else { return Ok(()) };
        let bound = below.bound.as_ref();
        self.connection
            .prepare_cached(
                "INSERT INTO container_below \
                 (container, type, attribute, count, items, largest, bound_kind, bound_limit) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                id,
                bounded(&below.class),
                below.attribute.as_deref().map(bounded),
                integer(below.count),
                integer(below.items),
                integer(below.largest),
                bound.map(|bound| bounded(&bound.kind)),
                bound.and_then(|bound| bound.limit.map(integer)),
            ])?;
        Ok(())
    }

    fn put_container_path(&self, id: i64, container: &GrownContainer<u64>) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO container_path (container, position, text, class) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (position, (text, class)) in (0_i64..).zip(&container.path) {
            put.execute(params![id, position, bounded(text), class.as_deref().map(bounded)])?;
        }
        Ok(())
    }

    fn put_container_numbers(
        &self,
        id: i64,
        container: &GrownContainer<u64>,
    ) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO container_length (container, position, t, items) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (position, (t, items)) in (0_i64..).zip(&container.lengths) {
            put.execute(params![id, position, finite(*t), integer(*items)])?;
        }
        let mut put = self.connection.prepare_cached(
            "INSERT INTO container_item (container, position, type, count) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (position, (name, count)) in (0_i64..).zip(&container.items) {
            put.execute(params![id, position, bounded(name), integer(*count)])?;
        }
        Ok(())
    }

    fn put_container_sites(
        &mut self,
        id: i64,
        container: &GrownContainer<u64>,
    ) -> rusqlite::Result<()> {
        for (position, (key, times)) in (0_i64..).zip(&container.grown_by) {
            let site = self.site_row(*key)?;
            self.connection
                .prepare_cached(
                    "INSERT INTO container_site (container, position, site, times) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![id, position, site, integer(*times)])?;
        }
        Ok(())
    }
}
