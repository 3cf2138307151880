//! The recording itself, as SQL sees it: what it has of single sites over time.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

/// An open recording, finished or not.
#[derive(Debug)]
pub struct Tables {
    database: Connection,
}

/// A container that grew.
#[derive(Clone, Debug)]
pub struct Container {
    /// The path to it in words, root first.
    pub path: Vec<String>,
    /// Items at the last snapshot.
    pub items: u64,
    /// The innermost lines of Python that made it grow.
    pub lines: Vec<(String, u64)>,
    /// What declares a limit, and the limit.
    pub bound: Option<(String, Option<u64>)>,
}

/// What was born in one period.
#[derive(Clone, Copy, Debug)]
pub struct Cohort {
    /// Begin, seconds.
    pub from: f64,
    /// End, seconds.
    pub to: f64,
    /// Blocks allocated.
    pub allocated: u64,
    /// Blocks alive at the last snapshot.
    pub live: u64,
}

impl Tables {
    /// Opens it for reading.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(path, flags)
            .with_context(|| format!("open {}", path.display()))?;
        Ok(Self { database })
    }

    /// The sites with blocks of this size class whose innermost Python frame is this line of a file
    /// of this name.
    pub fn sites_at(&self, file: &str, line: u64, size_class: u64) -> Result<Vec<i64>> {
        let sql = "SELECT site.id FROM site WHERE size_class = ?1 AND ( \
                   SELECT frame.file LIKE '%/' || ?2 AND frame.line = ?3 FROM stack_frame \
                   JOIN frame ON frame.id = stack_frame.frame \
                   WHERE stack_frame.stack = site.stack AND frame.kind = 'python' \
                   ORDER BY position DESC LIMIT 1)";
        let mut query = self.database.prepare(sql)?;
        let rows = query.query_map((size_class, file, line), |row| row.get(0))?;
        rows.map(|row| row.context("a site")).collect()
    }

    /// As [`Tables::sites_at`], of every size class.
    pub fn all_sites_at(&self, file: &str, line: u64) -> Result<Vec<i64>> {
        let mut classes = self.database.prepare("SELECT DISTINCT size_class FROM site")?;
        let classes = classes.query_map([], |row| row.get::<_, i64>(0))?;
        let mut sites = Vec::new();
        for class in classes {
            sites.extend(self.sites_at(file, line, class? as u64)?);
        }
        Ok(sites)
    }

    /// Blocks of a site whose owner was looked for, and those that have one.
    pub fn owned(&self, site: i64) -> Result<Option<(u64, u64)>> {
        let mut query =
            self.database.prepare("SELECT looked_for, owned FROM owned WHERE site = ?1")?;
        let mut rows = query.query([site])?;
        let row = rows.next()?;
        row.map(|row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))).transpose()
    }

    /// Types of the owners of blocks of a site, with their blocks.
    pub fn owners(&self, site: i64) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT type, blocks FROM owner WHERE site = ?1 ORDER BY position";
        let mut query = self.database.prepare(sql)?;
        let rows =
            query.query_map([site], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        rows.map(|row| row.context("an owner")).collect()
    }

    /// The path to owners of a type at a line, root first; the longest where several sites have
    /// one.
    pub fn owner_path(&self, class: &str, file: &str, line: u64) -> Result<Vec<String>> {
        let sql = "SELECT text FROM owner_holder JOIN owner ON owner.site = owner_holder.site AND \
                   owner.position = owner_holder.owner WHERE owner.site = ?1 AND type = ?2 \
                   ORDER BY owner_holder.position";
        let mut longest = Vec::new();
        for site in self.all_sites_at(file, line)? {
            let mut query = self.database.prepare(sql)?;
            let rows = query.query_map((site, class), |row| row.get(0))?;
            let path: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
            if path.len() > longest.len() {
                longest = path;
            }
        }
        Ok(longest)
    }

    /// Containers that grew.
    pub fn containers(&self) -> Result<Vec<Container>> {
        let mut query = self.database.prepare("SELECT id FROM container ORDER BY id")?;
        let ids = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        ids.into_iter().map(|id| self.container(id)).collect()
    }

    fn container(&self, id: i64) -> Result<Container> {
        let sql = "SELECT text FROM container_path WHERE container = ?1 ORDER BY position";
        let mut query = self.database.prepare(sql)?;
        let path = query.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let sql = "SELECT items FROM container_length WHERE container = ?1 \
                   ORDER BY position DESC LIMIT 1";
        let items: i64 = self.database.query_row(sql, [id], |row| row.get(0))?;
        let sql = "SELECT file, line FROM container_site \
                   JOIN site ON site.id = container_site.site \
                   JOIN stack_frame ON stack_frame.stack = site.stack \
                   JOIN frame ON frame.id = stack_frame.frame \
                   WHERE container = ?1 AND kind = 'python' \
                   GROUP BY container_site.position HAVING stack_frame.position = max(stack_frame.position)";
        let mut query = self.database.prepare(sql)?;
        let line = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64));
        let lines = query.query_map([id], line)?.collect::<rusqlite::Result<_>>()?;
        let sql = "SELECT bound_kind, bound_limit FROM container WHERE id = ?1";
        let bound = self.database.query_row(sql, [id], |row| {
            let limit = row.get::<_, Option<i64>>(1)?.map(|limit| limit as u64);
            Ok(row.get::<_, Option<String>>(0)?.map(|kind| (kind, limit)))
        })?;
        Ok(Container { path, items: items as u64, lines, bound })
    }

    /// What the object at the end of a path retains, at least and at most: the shortest of those with
    /// this in their last step.
    pub fn retained_bytes(&self, step: &str) -> Result<Option<(u64, u64)>> {
        let sql = "SELECT least_bytes, most_bytes FROM retained_size WHERE ( \
                   SELECT text LIKE '%' || ?1 || '%' FROM retained_path \
                   WHERE retained_size = id ORDER BY position DESC LIMIT 1) \
                   ORDER BY (SELECT count(*) FROM retained_path WHERE retained_size = id) LIMIT 1";
        let bytes = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let found = self.database.query_row(sql, [step], bytes).optional()?;
        Ok(found.map(|(least, most)| (least as u64, most as u64)))
    }

    /// What told old objects from new ones: type, field and value.
    pub fn contrasts(&self) -> Result<Vec<(String, String, String)>> {
        let mut query = self.database.prepare("SELECT type, field, value FROM field_contrast")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| row.context("a contrast")).collect()
    }

    /// Types to which more and more references are counted than are found: name, how many, how many came.
    pub fn surplus(&self) -> Result<Vec<(String, u64, u64)>> {
        let mut query = self.database.prepare(
            "SELECT text ->> '$.name', text ->> '$.references', text ->> '$.more' FROM note \
             WHERE json_valid(text) AND text ->> '$.code' = 'references-surplus'",
        )?;
        let number = |row: &rusqlite::Row<'_>, at| -> rusqlite::Result<u64> {
            Ok(row.get::<_, i64>(at)?.cast_unsigned())
        };
        let rows =
            query.query_map([], |row| Ok((row.get(0)?, number(row, 1)?, number(row, 2)?)))?;
        rows.map(|row| row.context("a note")).collect()
    }

    /// The cohorts of a site, oldest first.
    pub fn cohorts(&self, site: i64) -> Result<Vec<Cohort>> {
        let mut query = self.database.prepare(
            "SELECT born_from, born_to, allocated_count, live_count FROM cohort WHERE site = ?1 \
             ORDER BY born_from",
        )?;
        let rows = query.query_map([site], |row| {
            let (from, to) = (row.get(0)?, row.get(1)?);
            let (allocated, live): (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok(Cohort { from, to, allocated: allocated as u64, live: live as u64 })
        })?;
        rows.map(|row| row.context("a cohort")).collect()
    }

    /// Ages at death of a site: upper bound in seconds, and how many.
    pub fn lifetimes(&self, site: i64) -> Result<Vec<(f64, u64)>> {
        let sql = "SELECT up_to, freed_count FROM lifetime WHERE site = ?1 ORDER BY up_to";
        let mut query = self.database.prepare(sql)?;
        let rows =
            query.query_map([site], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        rows.map(|row| row.context("a lifetime")).collect()
    }

    /// The last word on old blocks of a site: time, age, and how many.
    pub fn retained(&self, site: i64) -> Result<Option<(f64, f64, u64)>> {
        let sql = "SELECT t, age, count FROM aged JOIN tick ON tick.id = tick WHERE site = ?1 \
                   ORDER BY tick DESC LIMIT 1";
        let mut query = self.database.prepare(sql)?;
        let mut rows = query.query([site])?;
        let row = rows.next()?;
        row.map(|row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64))).transpose()
    }

    /// Marks: time and name.
    pub fn marks(&self) -> Result<Vec<(f64, String)>> {
        let mut query = self.database.prepare("SELECT t, name FROM mark ORDER BY id")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.map(|row| row.context("a mark")).collect()
    }

    /// A number that a query has as its answer.
    pub fn number(&self, sql: &str) -> Result<f64> {
        self.database.query_row(sql, [], |row| row.get(0)).with_context(|| sql.to_owned())
    }
}
