//! Snapshots of Python objects, as far as they need the recorder's tables.

use super::super::error::SessionError;
use super::super::objects::{Last, ObjectScans, ScanFound, ScanResult};
use super::super::shared::Turn;
use super::Recorder;
use crate::heap::{BlockRange, Joined, LiveBlock};
use crate::model::{Address, Domain, Note, Owned, ReferenceSurplus};
use crate::os::Life;

/// Most blocks that are joined with objects.
const BLOCKS: usize = 1 << 20;

impl Recorder {
    /// Begins a count of Python objects.
    pub fn count_objects(&mut self, objects: &mut ObjectScans, turn: Turn) {
        objects.begin(self.now(), None, turn);
    }

    /// Begins the last look at Python objects.
    pub fn join_objects(
        &mut self,
        objects: &mut ObjectScans,
        turn: Turn,
    ) -> Result<(), SessionError> {
        let mut blocks = Vec::new();
        let mut more = false;
        if objects.joins() {
            let (sites, _) = self.stacks.known();
            self.tables.live(&mut |address, live| {
                let of_malloc =
                    sites.get(&live.site).is_some_and(|site| site.domain() == Domain::Malloc);
                if of_malloc && blocks.len() < BLOCKS {
                    let block = BlockRange { start: Address(address), size: live.size() };
                    let (site, born_ns, weight) = (live.site, live.time_ns, live.weight());
                    blocks.push(LiveBlock { block, site, born_ns, weight });
                } else {
                    more |= of_malloc;
                }
            })?;
        }
        if more {
            self.note(Note::OwnersIncomplete { blocks: BLOCKS as u64 });
        }
        objects.begin(self.now(), Some(blocks), turn);
        Ok(())
    }

    /// Takes down what a snapshot found.
    pub fn scanned_objects(
        &mut self,
        objects: &mut ObjectScans,
        heap_scanned: ScanResult,
    ) -> Result<(), SessionError> {
        let found = match objects.done(heap_scanned) {
            // Of a target that is being replaced, nothing is certain.
            Ok(found) if self.target.life() == Life::Running => found,
            Ok(_) => return Ok(()),
            Err(reason) => {
                self.note(Note::ObjectsUnfinished { reason });
                return Ok(());
            }
        };
        let ScanFound { counts, torn, types, tables, contrasts, surplus, last, .. } = found;
        self.container_tables.notice(&*self.tables, self.started, &tables)?;
        self.note_torn(torn);
        self.note_surplus(surplus);
        if !counts.is_empty() {
            self.types = Some((counts, types));
        }
        self.contrasts = Some(contrasts);
        if let Some(Last { joined, retainers, containers, retained }) = last {
            self.containers = Some((self.container_tables.named(containers), retained));
            self.retainers = Some((retainers, self.owned(&joined)?));
        }
        Ok(())
    }

    /// Of snapshots that do not count the last number is told.
    fn note_torn(&mut self, snapshots: u32) {
        if snapshots > 0 {
            self.capture.notes.retain(|note| !matches!(note, Note::SnapshotsTorn { .. }));
            self.note(Note::SnapshotsTorn { snapshots: snapshots.into() });
        }
    }

    /// Of references that nobody was seen to have the last numbers are told.
    fn note_surplus(&mut self, types: Vec<ReferenceSurplus>) {
        self.capture.notes.retain(|note| !matches!(note, Note::ReferencesSurplus { .. }));
        for ReferenceSurplus { name, references, more, seconds } in types {
            self.note(Note::ReferencesSurplus { name, references, more, seconds });
        }
    }

    /// Owners by site, of the blocks that lived all the time in which the objects were read.
    fn owned(&self, joined: &Joined) -> Result<Vec<(u64, Owned)>, SessionError> {
        let births = self.births(joined.len(), |address| joined.has(Address(address)))?;
        Ok(joined.by_site(|live| births.get(&live.block.start.0) == Some(&live.born_ns)))
    }
}
