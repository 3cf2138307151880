//! The file as a sink of what happens.

use super::Writer;
use super::forget::RecordingTables;
use crate::history::{RecordingEvent, Sink, Tick, finite};
use crate::model::{Capture, Note, Target};
use crate::store::{StoreError, note};

/// An error ends the recording: the disk is full, or cannot be written for another reason. All
/// ticks before it are kept.
impl Sink for Writer {
    type Error = StoreError;

    fn take(&mut self, event: RecordingEvent<'_>) -> Result<(), StoreError> {
        use RecordingEvent as Event;
        match event {
            Event::Begin { target, capture, started } => self.put_begin(target, capture, started),
            Event::Site(site) => self.guarded(|writer| writer.put_site(site)),
            Event::Life { key, cohorts, lifetimes } => {
                self.guarded(|writer| writer.put_life(key, cohorts, lifetimes))
            }
            Event::Collection { t, count } => {
                self.check_going()?;
                self.remarks.collection(t, count, self.thinning.bounds().collections);
                Ok(())
            }
            Event::Searched => {
                self.check_going()?;
                self.remarks.searched();
                Ok(())
            }
            Event::Unreferenced { key, found } => {
                self.check_going()?;
                self.remarks.unreferenced.insert(key, found);
                Ok(())
            }
            Event::Types { counts, types } => {
                self.guarded(|writer| writer.put_types(counts, types))
            }
            Event::Retainers { types, sites } => self.guarded(|writer| {
                writer.put_type_retainers(types)?;
                writer.put_owned(sites)
            }),
            Event::Containers(containers) => {
                self.guarded(|writer| writer.put_containers(containers))
            }
            Event::RetainedSizes(places) => {
                self.guarded(|writer| writer.put_retained_sizes(places))
            }
            Event::Malloc(point) => self.guarded(|writer| writer.put_malloc(point)),
            Event::Contrasts(contrasts) => self.guarded(|writer| writer.put_contrasts(contrasts)),
            Event::Lost(lost) => self.guarded(|writer| writer.put_lost(lost)),
            Event::Notes(notes) => self.guarded(|writer| writer.put_notes(notes)),
            // Marks are in the file before anybody else knows of them, see [`Writer::new_marks`].
            Event::Mark(_) => self.check_going(),
            Event::Tick(tick) => self.commit_tick(tick),
            Event::Finish(capture) => self.close(capture),
        }
    }
}

impl Writer {
    /// Commits, so that even the shortest recording says that much.
    fn put_begin(
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

    /// One transaction, with everything since the last tick.
    fn commit_tick(&mut self, tick: &Tick<'_>) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_tick(tick)?;
            writer.thinning.apply(&mut RecordingTables(&writer.connection))?;
            writer.commit()
        })
    }

    fn put_notes(&self, notes: &[Note]) -> rusqlite::Result<()> {
        self.connection.execute("DELETE FROM note", [])?;
        let mut insert = self.connection.prepare_cached("INSERT INTO note (text) VALUES (?1)")?;
        notes.iter().try_for_each(|fact| insert.execute([note::text(fact)]).map(drop))
    }

    /// Afterwards it is a single file.
    fn close(&mut self, capture: &Capture) -> Result<(), StoreError> {
        self.guarded(|writer| {
            writer.put_capture(capture, Some(finite(capture.seconds)))?;
            writer.put_notes(&capture.notes)?;
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
