//! Keeps a recording within its bounds, a little with every tick.
//!
//! What a tick said of a site holds until a later one says something else. So when a tick goes, what it said moves
//! to the next one that says anything, unless that one says something newer of the same site: wherever there is
//! history, all of it is as it was then.

use rusqlite::params;

use super::Writer;
use crate::store::thin;

impl Writer {
    pub(super) fn forget(&mut self) -> rusqlite::Result<()> {
        while self.ticks.len() > self.bounds.ticks
            && let Some(index) = thin::dispensable(&self.ticks)
        {
            self.forget_tick(index)?;
        }
        let mut rows: usize = self.history.values().sum();
        while rows > self.bounds.history_rows {
            let ticks: Vec<i64> = self.history.keys().copied().collect();
            let Some(index) = thin::dispensable(&ticks) else { break };
            rows -= self.move_history(ticks[index], ticks[index + 1])?;
        }
        self.forget_collections()
    }

    fn forget_tick(&mut self, index: usize) -> rusqlite::Result<()> {
        let gone = self.ticks.remove(index);
        let later = self.history.range(gone + 1..).next().map(|(&tick, _)| tick);
        if let Some(next) = later.or_else(|| self.ticks.get(index).copied()) {
            self.move_history(gone, next)?;
        }
        self.connection.prepare_cached("DELETE FROM tick WHERE id = ?1")?.execute([gone])?;
        Ok(())
    }

    /// Moves the history of one tick to another, and says how many rows there are less.
    fn move_history(&mut self, gone: i64, next: i64) -> rusqlite::Result<usize> {
        let Some(rows) = self.history.remove(&gone) else { return Ok(0) };
        let mut moved = 0;
        for table in ["site_history", "aged"] {
            moved += self
                .connection
                .prepare_cached(&format!("UPDATE OR IGNORE {table} SET tick = ?2 WHERE tick = ?1"))?
                .execute([gone, next])?;
            self.connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE tick = ?1"))?
                .execute([gone])?;
        }
        *self.history.entry(next).or_default() += moved;
        Ok(rows - moved.min(rows))
    }

    /// Those of a row that goes are counted with the next one.
    fn forget_collections(&mut self) -> rusqlite::Result<()> {
        while self.collections.len() > self.bounds.collections {
            let numbers: Vec<i64> = self.collections.iter().map(|(number, _)| *number).collect();
            let Some(index) = thin::dispensable(&numbers) else { break };
            let (gone, count) = self.collections.remove(index);
            let Some((next, all)) = self.collections.get_mut(index) else { break };
            *all = all.saturating_add(count);
            self.connection
                .prepare_cached("UPDATE collection SET count = ?2 WHERE id = ?1")?
                .execute(params![*next, super::rows::integer(*all)])?;
            self.connection
                .prepare_cached("DELETE FROM collection WHERE id = ?1")?
                .execute([gone])?;
        }
        Ok(())
    }
}
