//! Rows about the process and the capture: one method per table.

use rusqlite::params;

use super::Writer;
use crate::history::{Tick, bounded, finite};
use crate::model::{Capture, Loss, ProcessPoint, Target};
use crate::store::counter_class;

impl Writer {
    pub(super) fn put_target(&self, target: &Target) -> rusqlite::Result<()> {
        let python = target.python.as_ref();
        self.connection.execute(
            "INSERT OR REPLACE INTO target (one, pid, comm, exe, started, python_version, \
             python_layout_source, limit_bytes) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                target.pid,
                bounded(&target.comm),
                bounded(&target.exe),
                integer(target.started),
                python.map(|python| bounded(&python.version)),
                python.map(|python| bounded(&python.layout_source)),
                target.limit_bytes.map(integer),
            ],
        )?;
        Ok(())
    }

    pub(super) fn put_capture(
        &self,
        capture: &Capture,
        seconds: Option<f64>,
    ) -> rusqlite::Result<()> {
        self.connection.execute(
            "INSERT OR REPLACE INTO capture (one, tool_name, tool_version, started, mode, budget, \
             cost_ratio, seconds) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                finite(self.started),
                bounded(&capture.mode),
                capture.budget.map(finite),
                capture.cost_ratio.map(finite),
                seconds,
            ],
        )?;
        Ok(())
    }

    pub(super) fn put_tick(&mut self, tick: &Tick<'_>) -> rusqlite::Result<()> {
        let number = self.next_tick;
        self.put_process(number, &tick.process, tick.snapshot.map(|snapshot| snapshot.blocks))?;
        self.next_tick += 1;
        self.put_counters(tick.counters)?;
        let mut changed = 0;
        for totals in tick.sites {
            changed += usize::from(self.put_totals(totals, tick.keep_history.then_some(number))?);
        }
        if !tick.keep_history {
            changed = 0;
        }
        for retained in tick.snapshot.iter().flat_map(|snapshot| snapshot.retained) {
            changed += usize::from(self.put_retained(retained, number)?);
        }
        self.thinning.add_tick(number, changed);
        self.put_remarks(tick.process.t)
    }

    fn put_process(
        &self,
        number: i64,
        process: &ProcessPoint,
        blocks: Option<u64>,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO tick (id, t, live_bytes, rss_bytes, rss_anon_bytes, rss_file_bytes, \
                 rss_shmem_bytes, swap_bytes, cgroup_bytes, cgroup_limit_bytes, heap_bytes, \
                 arena_bytes, sites, blocks) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                number,
                finite(process.t),
                integer(process.live_bytes),
                process.rss_bytes.map(integer),
                process.rss_anon_bytes.map(integer),
                process.rss_file_bytes.map(integer),
                process.rss_shmem_bytes.map(integer),
                process.swap_bytes.map(integer),
                process.cgroup_bytes.map(integer),
                process.cgroup_limit_bytes.map(integer),
                process.heap_bytes.map(integer),
                process.arena_bytes.map(integer),
                process.sites.map(integer),
                blocks.map(integer),
            ])?;
        Ok(())
    }

    /// What was noticed since the last tick.
    fn put_remarks(&mut self, now: f64) -> rusqlite::Result<()> {
        let remarks = std::mem::take(&mut self.remarks);
        for (t, count) in remarks.collections {
            let number = self.thinning.add_collections(count);
            self.connection
                .prepare_cached("INSERT INTO collection (id, t, count) VALUES (?1, ?2, ?3)")?
                .execute(params![number, finite(t), integer(count)])?;
        }
        if remarks.searched {
            self.connection.execute("DELETE FROM unreferenced", [])?;
        }
        for (key, found) in remarks.unreferenced {
            let row = self.site_row(key)?;
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO unreferenced (site, t, looked_for, lost) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    row,
                    finite(now),
                    integer(found.looked_for),
                    integer(found.unreachable)
                ])?;
        }
        Ok(())
    }

    fn put_counters(&self, counters: &[Loss]) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO counter (name, class, sentence, count) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (name) DO UPDATE SET count = excluded.count WHERE count != excluded.count",
        )?;
        for loss in counters {
            put.execute(params![
                bounded(loss.counter.name()),
                counter_class::name(loss.counter.class()),
                bounded(loss.counter.sentence()),
                integer(loss.count)
            ])?;
        }
        Ok(())
    }
}

/// SQLite's integers are signed; nothing that is counted here comes near the difference.
pub fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
