//! What a recording says of the process over time, and then of its sites.

use rusqlite::Row;

use super::Source;
use crate::history::{Places, in_order};
use crate::model::{Collection, History, Mark, ProcessPoint, Site};
use crate::store::StoreError;

impl Source<'_> {
    /// The history of a document with these sites; `places` leads from rows of `site` to them.
    pub(super) fn history(&self, sites: &[Site], places: &Places) -> Result<History, StoreError> {
        let process = self.process()?;
        let end = process.last().map_or(0.0, |point| point.t);
        let (marks, collections) = (self.marks()?, self.collections()?);
        let containers = self.containers(sites, places)?;
        let sites = self.series(sites.len(), places, end)?;
        let (counts, types, type_retainers) = self.types()?;
        Ok(History {
            process,
            marks,
            collections,
            sites,
            counts,
            types,
            type_retainers,
            containers,
            retained_sizes: self.retained_sizes()?,
            contrasts: self.contrasts()?,
            lost: self.lost()?,
        })
    }

    fn process(&self) -> Result<Vec<ProcessPoint>, StoreError> {
        let points = self.all(
            "SELECT t, live_bytes, rss_bytes, rss_anon_bytes, rss_file_bytes, rss_shmem_bytes, \
             swap_bytes, cgroup_bytes, cgroup_limit_bytes, heap_bytes, arena_bytes, sites \
             FROM tick ORDER BY id",
            self.limits.ticks,
            "ticks",
            |row| {
                Ok(ProcessPoint {
                    t: row.get(0)?,
                    live_bytes: row.get(1)?,
                    rss_bytes: row.get(2)?,
                    rss_anon_bytes: row.get(3)?,
                    rss_file_bytes: row.get(4)?,
                    rss_shmem_bytes: row.get(5)?,
                    swap_bytes: row.get(6)?,
                    cgroup_bytes: row.get(7)?,
                    cgroup_limit_bytes: row.get(8)?,
                    heap_bytes: row.get(9)?,
                    arena_bytes: row.get(10)?,
                    sites: row.get(11)?,
                })
            },
        )?;
        self.in_order(points.iter().map(|point| point.t), "ticks")?;
        Ok(points)
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        let sql = "SELECT t, name FROM mark ORDER BY t, id";
        let decode = |row: &Row<'_>| Ok(Mark { t: row.get(0)?, name: row.get(1)? });
        let marks = self.all(sql, self.limits.remarks, "marks", decode)?;
        self.in_order(marks.iter().map(|mark| mark.t), "marks")?;
        Ok(marks)
    }

    fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        let sql = "SELECT t, count FROM collection ORDER BY id";
        let decode = |row: &Row<'_>| Ok(Collection { t: row.get(0)?, count: row.get(1)? });
        let collections = self.all(sql, self.limits.remarks, "collections", decode)?;
        self.in_order(collections.iter().map(|collection| collection.t), "collections")?;
        Ok(collections)
    }

    /// Times must be numbers, and in their order.
    pub(super) fn in_order(
        &self,
        times: impl Iterator<Item = f64>,
        what: &str,
    ) -> Result<(), StoreError> {
        self.taken(in_order(times, what))
    }
}
