//! What a recording says of Python objects: types over time, and owners of blocks.

use std::collections::HashMap;

use super::Source;
use crate::history::Series;
use crate::model::{Amount, Owner, RootKind, TypePoint, TypeRetainer, TypeSeries};
use crate::store::StoreError;

/// Longest path that is read.
const PATH: usize = 1 << 16;
/// Most points that the types of a recording make together.
const POINTS: usize = 1 << 23;

/// Steps of a path, with the types that they lead to.
type Path = Vec<(String, Option<String>)>;

/// A row of `type_history`: type, snapshot, point, survivors.
type PointRow = (i64, i64, TypePoint, u64);

impl Source<'_> {
    /// How often types were counted, all that changed, and the paths of some.
    pub(super) fn types(&self) -> Result<(usize, Vec<TypeSeries>, Vec<TypeRetainer>), StoreError> {
        let snapshots = self.censuses()?;
        let sql = "SELECT id, name FROM object_type ORDER BY id";
        let names: Vec<(i64, String)> =
            self.all(sql, self.limits.remarks, "types", |row| Ok((row.get(0)?, row.get(1)?)))?;
        if names.len().saturating_mul(snapshots.len()) > POINTS {
            return Err(self.damaged("it has more types and counts of objects than can be read"));
        }
        let mut rows = self.type_points()?.into_iter().peekable();
        let mut series = Vec::with_capacity(names.len());
        for (id, name) in &names {
            let mut one = TypeSeries { name: name.clone(), ..TypeSeries::default() };
            for &(snapshot, t, collections) in &snapshots {
                let last = one.points.last().copied().unwrap_or_default();
                let still = TypePoint { retained_count: last.count, born_count: 0, ..last };
                let row = rows.next_if(|row| (row.0, row.1) == (*id, snapshot));
                let (point, survivors) = row.map_or((still, 0), |row| (row.2, row.3));
                one.points.push(TypePoint { t, collections, ..point });
                one.survivors.push(survivors);
            }
            series.push(one);
        }
        if rows.next().is_some() {
            return Err(
                self.damaged("it counts objects of a type, or at a time, that is not there")
            );
        }
        Ok((snapshots.len(), series, self.type_retainers(&names)?))
    }

    /// Number, time and full collections of each snapshot.
    fn censuses(&self) -> Result<Vec<(i64, f64, Option<u64>)>, StoreError> {
        let sql = "SELECT id, t, collections FROM census ORDER BY id";
        let snapshots: Vec<(i64, f64, Option<u64>)> =
            self.all(sql, self.limits.ticks, "counts of objects", |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        self.in_order(snapshots.iter().map(|snapshot| snapshot.1), "counts of objects")?;
        Ok(snapshots)
    }

    fn type_points(&self) -> Result<Vec<PointRow>, StoreError> {
        let rows = self.all(
            "SELECT type, census, count, bytes, aged_count, born_count, survivors \
             FROM type_history ORDER BY type, census",
            self.limits.history_rows,
            "counts of types",
            |row| {
                let point = TypePoint {
                    count: row.get(2)?,
                    bytes: row.get(3)?,
                    retained_count: row.get(4)?,
                    born_count: row.get(5)?,
                    ..TypePoint::default()
                };
                Ok((row.get(0)?, row.get(1)?, point, row.get(6)?))
            },
        )?;
        if rows.iter().any(|(_, _, point, survivors)| *survivors > point.born_count) {
            return Err(self.damaged("more objects are there than were born"));
        }
        Ok(rows)
    }

    fn type_retainers(&self, names: &[(i64, String)]) -> Result<Vec<TypeRetainer>, StoreError> {
        let names: HashMap<i64, &String> = names.iter().map(|(id, name)| (*id, name)).collect();
        let mut retainers: Vec<(i64, Path)> = Vec::new();
        self.each(
            "SELECT type, text, class FROM type_holder ORDER BY type, position",
            self.limits.remarks,
            "paths of types",
            |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))),
            |(id, step)| {
                match retainers.last_mut().filter(|last| last.0 == id) {
                    Some((_, path)) if path.len() < PATH => path.push(step),
                    Some(_) => {}
                    None => retainers.push((id, vec![step])),
                }
                Ok(())
            },
        )?;
        let named =
            |(id, path)| names.get(&id).map(|name| TypeRetainer { name: (*name).clone(), path });
        let named: Option<Vec<_>> = retainers.into_iter().map(named).collect();
        named.ok_or_else(|| self.damaged("a path is that of a type that is not there"))
    }
}

impl Source<'_> {
    /// Owners of the blocks of sites.
    pub(super) fn owned(&self, series: &mut Series<'_>) -> Result<(), StoreError> {
        self.each(
            "SELECT site, looked_for, owned FROM owned",
            self.limits.sites,
            "owned blocks",
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            |(site, looked_for, owned)| self.taken(series.owned(site, looked_for, owned)),
        )?;
        self.owners(series)
    }

    fn owners(&self, series: &mut Series<'_>) -> Result<(), StoreError> {
        let mut paths = self.paths()?;
        self.each(
            "SELECT site, position, type, blocks, bytes, root FROM owner ORDER BY site, position",
            self.limits.remarks,
            "owners of blocks",
            |row| {
                let blocks = Amount { count: row.get(3)?, bytes: row.get(4)? };
                let owner = Owner { name: row.get(2)?, blocks, root: None, retainer: Vec::new() };
                Ok(((row.get(0)?, row.get(1)?), owner, row.get(5)?))
            },
            |((site, position), mut owner, root): ((i64, i64), Owner, Option<String>)| {
                let unknown = || self.damaged("an owner is held in a way that is not known");
                let root = root.map(|root| RootKind::named(&root).ok_or_else(unknown));
                owner.root = root.transpose()?;
                owner.retainer = paths.remove(&(site, position)).unwrap_or_default();
                self.taken(series.owner(site, owner))
            },
        )
    }

    fn paths(&self) -> Result<HashMap<(i64, i64), Vec<String>>, StoreError> {
        let mut paths: HashMap<(i64, i64), Vec<String>> = HashMap::new();
        self.each(
            "SELECT site, owner, text FROM owner_holder ORDER BY site, owner, position",
            self.limits.remarks,
            "paths of owners",
            |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)),
            |(owner, text)| {
                paths.entry(owner).or_default().push(text);
                Ok(())
            },
        )?;
        Ok(paths)
    }
}
