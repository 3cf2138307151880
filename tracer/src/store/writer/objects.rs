//! Rows about Python objects: one method per table, or two that belong together.

use rusqlite::params;

use super::Writer;
use super::rows::integer;
use crate::history::{Count, bounded, finite};
use crate::model::{Owned, RootKind, TypePoint, TypeRetainer, TypeSeries};

/// Tables about types, the ones that name others first.
const OF_TYPES: [&str; 4] = ["type_holder", "type_history", "object_type", "census"];
/// Tables about owners of blocks.
const OF_OWNERS: [&str; 3] = ["owner_holder", "owner", "owned"];

impl Writer {
    pub(super) fn put_types(&self, counts: &[Count], types: &[TypeSeries]) -> rusqlite::Result<()> {
        self.clear(&OF_TYPES)?;
        let mut put = self
            .connection
            .prepare_cached("INSERT INTO census (id, t, collections) VALUES (?1, ?2, ?3)")?;
        for (snapshot, (t, collections)) in (1_i64..).zip(counts) {
            put.execute(params![snapshot, finite(*t), collections.map(integer)])?;
        }
        for (id, series) in (1_i64..).zip(types) {
            self.connection
                .prepare_cached("INSERT INTO object_type (id, name) VALUES (?1, ?2)")?
                .execute(params![id, bounded(&series.name)])?;
            self.put_points(id, series)?;
        }
        Ok(())
    }

    /// What did not change since the snapshot before is left out.
    fn put_points(&self, id: i64, series: &TypeSeries) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO type_history (census, type, count, bytes, aged_count, born_count, \
             survivors) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut last = TypePoint::default();
        for (snapshot, point) in (1_i64..).zip(&series.points) {
            let still = (point.count, point.bytes) == (last.count, last.bytes);
            if still && point.born_count == 0 && point.retained_count == point.count {
                continue;
            }
            last = *point;
            let place = usize::try_from(snapshot - 1).unwrap_or(usize::MAX);
            put.execute(params![
                snapshot,
                id,
                integer(point.count),
                integer(point.bytes),
                integer(point.retained_count),
                integer(point.born_count),
                integer(series.survivors.get(place).copied().unwrap_or(0)),
            ])?;
        }
        Ok(())
    }

    /// Paths that keep what types grew by.
    pub(super) fn put_type_retainers(&self, retainers: &[TypeRetainer]) -> rusqlite::Result<()> {
        self.clear(&["type_holder"])?;
        let mut put = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO type_holder (type, position, text, class) \
             SELECT id, ?2, ?3, ?4 FROM object_type WHERE name = ?1",
        )?;
        for TypeRetainer { name, path } in retainers {
            for (position, (text, class)) in (0_i64..).zip(path) {
                let class = class.as_deref().map(bounded);
                put.execute(params![bounded(name), position, bounded(text), class])?;
            }
        }
        Ok(())
    }

    pub(super) fn put_owned(&mut self, sites: &[(u64, Owned)]) -> rusqlite::Result<()> {
        self.clear(&OF_OWNERS)?;
        for (key, owned) in sites {
            let site = self.site_row(*key)?;
            self.connection
                .prepare_cached("INSERT INTO owned (site, looked_for, owned) VALUES (?1, ?2, ?3)")?
                .execute(params![site, integer(owned.looked_for), integer(owned.owned)])?;
            self.put_owners(site, owned)?;
        }
        Ok(())
    }

    fn put_owners(&self, site: i64, owned: &Owned) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO owner (site, position, type, blocks, bytes, root) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let mut put_retainer = self.connection.prepare_cached(
            "INSERT INTO owner_holder (site, owner, position, text) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (position, owner) in (0_i64..).zip(&owned.types) {
            let (blocks, bytes) = (integer(owner.blocks.count), integer(owner.blocks.bytes));
            let root = owner.root.map(RootKind::name);
            put.execute(params![site, position, bounded(&owner.name), blocks, bytes, root])?;
            for (step, text) in (0_i64..).zip(&owner.retainer) {
                put_retainer.execute(params![site, position, step, bounded(text)])?;
            }
        }
        Ok(())
    }

    pub(super) fn clear(&self, tables: &[&str]) -> rusqlite::Result<()> {
        tables.iter().try_for_each(|table| {
            self.connection.prepare_cached(&format!("DELETE FROM {table}"))?.execute([]).map(drop)
        })
    }
}
