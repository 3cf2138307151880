//! The file as a sink of what happens.

use super::Writer;
use super::forget::RecordingTables;
use crate::history::{Count, Sink, SiteRow, Tick, finite};
use crate::model::{
    Capture, Cohort, Lifetime, Mark, Owned, Target, TypeRetainer, TypeSeries, UnreachableBlocks,
};
use crate::store::{StoreError, note};

/// An error ends the recording: the disk is full, or cannot be written for another reason. All
/// ticks before it are kept.
impl Sink for Writer {
    type Error = StoreError;

    /// Commits, so that even the shortest recording says that much.
    fn begin(
        &mut self,
        target: &Target,
        capture: &Capture,
        started: f64,
    ) -> Result<(), StoreError> {
        self.started = started;
        self.guarded(|writer| {
            writer.put_target(target)?;
            writer.put_capture(capture, None)?;
            writer.commit()
        })
    }

    fn site(&mut self, site: &SiteRow<'_>) -> Result<(), StoreError> {
        self.guarded(|writer| writer.put_site(site))
    }

    fn life(
        &mut self,
        key: u64,
        cohorts: &[Cohort],
        lifetimes: &[Lifetime],
    ) -> Result<(), StoreError> {
        self.guarded(|writer| writer.put_life(key, cohorts, lifetimes))
    }

    fn collection(&mut self, t: f64, count: u64) -> Result<(), StoreError> {
        self.check_going()?;
        self.remarks.collection(t, count, self.thinning.bounds().collections);
        Ok(())
    }

    fn searched(&mut self) -> Result<(), StoreError> {
        self.check_going()?;
        self.remarks.searched();
        Ok(())
    }

    fn unreferenced(
        &mut self,
        key: u64,
        looked_for: u64,
        unreachable: u64,
    ) -> Result<(), StoreError> {
        self.check_going()?;
        self.remarks.unreferenced.insert(key, UnreachableBlocks { looked_for, unreachable });
        Ok(())
    }

    fn types(&mut self, counts: &[Count], types: &[TypeSeries]) -> Result<(), StoreError> {
        self.guarded(|writer| writer.put_types(counts, types))
    }

    fn retainers(
        &mut self,
        types: &[TypeRetainer],
        sites: &[(u64, Owned)],
    ) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_type_retainers(types)?;
            writer.put_owned(sites)
        })
    }

    /// Marks are in the file before anybody else knows of them, see [`Writer::new_marks`].
    fn mark(&mut self, _: &Mark) -> Result<(), StoreError> {
        self.check_going()
    }

    /// One transaction, with everything since the last tick.
    fn tick(&mut self, tick: &Tick<'_>) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_tick(tick)?;
            writer.thinning.apply(&mut RecordingTables(&writer.connection))?;
            writer.commit()
        })
    }

    /// Afterwards it is a single file.
    fn finish(&mut self, capture: &Capture) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_capture(capture, Some(finite(capture.seconds)))?;
            let mut insert =
                writer.connection.prepare_cached("INSERT INTO note (text) VALUES (?1)")?;
            for fact in &capture.notes {
                insert.execute([note::text(fact)])?;
            }
            drop(insert);
            writer.connection.execute(
                "DELETE FROM stack_frame WHERE stack NOT IN \
                 (SELECT stack FROM site WHERE stack IS NOT NULL)",
                [],
            )?;
            writer.commit()
        })?;
        self.stopped = true;
        // From here on everything is safe; a reader that has the file open right now keeps it in
        // write-ahead mode, which is no less readable.
        let _ = self.connection.pragma_update(None, "journal_mode", "DELETE");
        Ok(())
    }
}
