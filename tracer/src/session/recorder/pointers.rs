//! The search for pointers to old blocks, as far as it needs the recorder's tables.

use std::collections::HashMap;
use std::time::Duration;

use super::super::error::SessionError;
use super::super::search::{PointerSearch, Scanned, SearchStep, SearchWanted};
use super::super::shared::Turn;
use super::Recorder;
use crate::history::Sink;
use crate::leak_scan::{Blocks, SearchedBlock, SiteUnreachable};
use crate::model::{Address, ArenaPoint, ArenaUse, Domain, NoSearch, Note};
use crate::os::Life;

impl Recorder {
    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now()
    }

    /// Begins a search for pointers to old blocks, unless there are none.
    pub fn search(&mut self, search: &mut PointerSearch, turn: Turn) -> Result<(), SessionError> {
        let now = self.now();
        let latest = u64::try_from(now.saturating_sub(search.age(now)).as_nanos());
        let born_before = self.started.saturating_add(latest.unwrap_or(0));
        let (sites, _) = self.stacks.known();
        let mut blocks = Vec::new();
        self.tables.live(&mut |address, live| {
            let of_malloc =
                sites.get(&live.site).is_some_and(|site| site.domain() == Domain::Malloc);
            if live.time_ns < born_before && of_malloc && blocks.len() < search.room() {
                let (start, size, born_ns) = (Address(address), live.size(), live.time_ns);
                blocks.push(SearchedBlock { start, size, site: live.site, born_ns });
            }
        })?;
        // A target that ends right now is noticed elsewhere.
        if let Ok((memory, threads)) = self.target.pages() {
            let wanted = SearchWanted::choose(blocks, threads);
            search.begin(now, threads, wanted, memory, turn);
        }
        Ok(())
    }

    /// Goes on with a search after a pass, and takes down what came of it.
    pub fn scanned(
        &mut self,
        search: &mut PointerSearch,
        scanned: Scanned,
    ) -> Result<(), SessionError> {
        let mut failed = None;
        let births = |blocks: &Blocks| {
            self.births(blocks.all().len(), |address| blocks.find(address).is_some())
        };
        let step = search.go_on(scanned, |blocks| match births(blocks) {
            Ok(births) => births,
            Err(error) => {
                failed = Some(error);
                HashMap::new()
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(lost) = search.found_lost().filter(|_| self.target.life() == Life::Running) {
            self.sinks.lost(&lost)?;
        }
        if let Some((arenas, readings)) = search.arenas() {
            self.note_arenas(arenas, readings);
        }
        match step {
            SearchStep::Goes => {}
            SearchStep::Unfinished(reason) => {
                if let Some(reason) = reason.to_tell() {
                    self.search_unfinished(reason);
                }
            }
            // Of a target that is being replaced, nothing is certain.
            SearchStep::Found(sites) if self.target.life() == Life::Running => {
                self.found(&sites)?
            }
            SearchStep::Found(_) => {}
        }
        Ok(())
    }

    /// When the blocks at the addresses that are `wanted`, about so many, were born, as of now.
    pub(super) fn births(
        &self,
        about: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<HashMap<u64, u64>, SessionError> {
        let mut births = HashMap::with_capacity(about);
        self.tables.live(&mut |address, block| {
            if wanted(address) {
                births.insert(address, block.time_ns);
            }
        })?;
        Ok(births)
    }

    /// Tells of arenas that are mostly empty, as they were last.
    fn note_arenas(&mut self, arenas: ArenaUse, readings: Vec<ArenaPoint>) {
        /// Less is not worth a note.
        const LEAST: u64 = 16 << 20;
        self.capture.notes.retain(|note| !matches!(note, Note::ArenasHalfEmpty { .. }));
        let free = arenas.retained_bytes();
        if free >= LEAST && free > arenas.used_bytes {
            self.note(Note::ArenasHalfEmpty { arenas, readings });
        }
    }

    /// Of memory that is swapped out the last number is told.
    fn search_unfinished(&mut self, reason: NoSearch) {
        const fn is_swapped(note: &Note) -> bool {
            matches!(note, Note::SearchUnfinished { reason: NoSearch::Swapped { .. } })
        }
        let note = Note::SearchUnfinished { reason };
        if is_swapped(&note) {
            self.capture.notes.retain(|known| !is_swapped(known));
        }
        self.note(note);
    }

    /// A search that came to its end is the word on earlier ones that did not.
    fn found(&mut self, sites: &[SiteUnreachable]) -> Result<(), SessionError> {
        self.capture.notes.retain(|note| !matches!(note, Note::SearchUnfinished { .. }));
        self.sinks.searched()?;
        for SiteUnreachable { site, found, .. } in sites {
            self.sinks.unreferenced(*site, found.looked_for, found.unreachable)?;
        }
        Ok(())
    }
}
