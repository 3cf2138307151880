//! One pass over the memory of the target.

pub mod arenas;
mod ranges;
mod swapped;

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::super::malloc::MallocSource;
use crate::leak_scan::{LeakScan, PointerAlignment};
use crate::model::{Address, NoSearch};
use crate::os::pages::{PageRange, PageSurvey, Pages, beyond};
pub use ranges::LostRanges;

const PAGE: u64 = 4096;
/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// How far two pieces of code overlap, so that no address is cut in two.
const OVERLAP: u64 = 7;

/// How much of a core a pass may use.
pub struct PassPace {
    /// Rests are so many times as long as the work before them.
    rest: AtomicU32,
}

impl PassPace {
    const STOPPED: u32 = u32::MAX;

    /// A quarter of a core for as long as it takes: with the times between the searches, less than
    /// a twentieth on average.
    pub fn gentle() -> Self {
        Self { rest: AtomicU32::new(3) }
    }

    /// No more rests.
    pub fn hurry(&self) {
        self.rest.store(0, Ordering::Relaxed);
    }

    /// No more work.
    pub fn stop(&self) {
        self.rest.store(Self::STOPPED, Ordering::Relaxed);
    }

    /// Rests after work, when there was enough of it; false when there is nothing more to do.
    fn rest(&self, worked: &mut Duration) -> bool {
        /// Less is not worth the call.
        const ENOUGH: Duration = Duration::from_micros(200);
        match self.rest.load(Ordering::Relaxed) {
            Self::STOPPED => return false,
            0 => {}
            times if *worked >= ENOUGH => {
                std::thread::sleep(std::mem::take(worked).saturating_mul(times));
            }
            _ => {}
        }
        true
    }
}

/// Why a pass proved nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// More memory than is searched, bytes.
    TooLarge(u64),
    /// Memory that is swapped out, bytes.
    Swapped(u64),
    /// More mappings or holes than are looked through.
    TooScattered,
    /// Memory that is there and cannot be read, bytes.
    Unreadable(u64),
    /// The process is gone, or somebody ended the search.
    Stopped,
}

impl Unfinished {
    /// For the notes of a report, the same whenever it happens; nothing to say when somebody wanted
    /// it so.
    pub fn to_tell(&self) -> Option<NoSearch> {
        match self {
            Self::TooLarge(_) => Some(NoSearch::TooLarge),
            Self::Swapped(bytes) => Some(NoSearch::Swapped { bytes: Some(*bytes) }),
            Self::TooScattered => Some(NoSearch::TooScattered),
            Self::Unreadable(_) => Some(NoSearch::Unreadable),
            Self::Stopped => None,
        }
    }
}

/// What takes the words of memory that is read.
pub(super) trait WordReader {
    /// Takes a chunk from `at` on.
    fn scan(&mut self, at: Address, bytes: &[u8], alignment: PointerAlignment);
}

impl WordReader for LeakScan {
    fn scan(&mut self, at: Address, bytes: &[u8], alignment: PointerAlignment) {
        Self::scan(self, at, bytes, alignment);
    }
}

/// A pass at work.
pub(super) struct Pass<'a> {
    memory: &'a Pages,
    pace: &'a PassPace,
    /// Says what is free: what stands there is no reference.
    malloc: Option<&'a MallocSource>,
    /// What stands in lost blocks is no reference either.
    lost: &'a LostRanges,
    chunk: Vec<u8>,
    /// Pages that could not be read.
    missed: Vec<u64>,
    /// Work since the last rest.
    worked: Duration,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        memory: &'a Pages,
        pace: &'a PassPace,
        malloc: Option<&'a MallocSource>,
        lost: &'a LostRanges,
    ) -> Self {
        Self {
            memory,
            pace,
            malloc,
            lost,
            chunk: vec![0; CHUNK],
            missed: Vec::new(),
            worked: Duration::ZERO,
        }
    }

    /// Reads all that matters of blocks of malloc.
    pub(super) fn whole(
        &mut self,
        search: &mut LeakScan,
        most_bytes: u64,
    ) -> Result<(), Unfinished> {
        let before = self.survey(most_bytes)?;
        let after = self.read(search, &before)?;
        // What was read before it was swapped out has been seen.
        self.swapped(search, beyond(&after.swapped, &before.ranges))?;
        self.nothing_missed()
    }

    /// Reads all that is there and in use; what was there at the end. What was free before and is not any more is
    /// read then, like what became resident meanwhile.
    fn read(
        &mut self,
        search: &mut dyn WordReader,
        before: &PageSurvey,
    ) -> Result<PageSurvey, Unfinished> {
        let used = self.used(before);
        for range in &used {
            self.scan(search, range)?;
        }
        search.scan(Address::NULL, &self.memory.held_by_kernel(), PointerAlignment::Aligned);
        // What was moved or made meanwhile: a mapping that grew, heap that was touched.
        let after = self.survey(u64::MAX)?;
        for range in beyond(&self.used(&after), &used) {
            self.scan(search, &range)?;
        }
        Ok(after)
    }

    /// What is there without chunks that are free and without dead parts of stacks.
    fn used(&mut self, survey: &PageSurvey) -> Vec<PageRange> {
        let begun = Instant::now();
        let mut free = self.malloc.map(MallocSource::free).unwrap_or_default();
        free.extend(self.memory.dead_stacks());
        free.sort_unstable_by_key(|part| part.start);
        let free =
            free.into_iter().map(|Range { start, end }| PageRange { start, end, code: false });
        let used = beyond(&survey.ranges, &free.collect::<Vec<_>>());
        self.worked += begun.elapsed();
        used
    }

    fn nothing_missed(&self) -> Result<(), Unfinished> {
        // A page that is gone holds nothing; one that is there and cannot be read might.
        let unreadable = self.missed.iter().filter(|page| self.memory.has(**page)).count();
        match u64::try_from(unreadable) {
            Ok(0) => Ok(()),
            count => Err(Unfinished::Unreadable(count.unwrap_or(u64::MAX).saturating_mul(PAGE))),
        }
    }

    fn survey(&self, most_bytes: u64) -> Result<PageSurvey, Unfinished> {
        let survey = self.memory.survey().map_err(|_| Unfinished::Stopped)?;
        match survey.bytes() {
            _ if survey.cut_short => Err(Unfinished::TooScattered),
            bytes if bytes > most_bytes => Err(Unfinished::TooLarge(bytes)),
            _ => Ok(survey),
        }
    }

    fn scan(&mut self, search: &mut dyn WordReader, range: &PageRange) -> Result<(), Unfinished> {
        let words = if range.code { PointerAlignment::Anywhere } else { PointerAlignment::Aligned };
        let overlap = if range.code { OVERLAP } else { 0 };
        let mut at = range.start;
        while at < range.end {
            let begun = Instant::now();
            let length = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
            if self.memory.read(at, &mut self.chunk[..length]) {
                self.lost.blank(at, &mut self.chunk[..length]);
                search.scan(Address(at), &self.chunk[..length], words);
            } else {
                self.look_by_page(search, at, length, words);
            }
            at += length as u64;
            if at < range.end {
                at -= overlap;
            }
            self.worked += begun.elapsed();
            if !self.pace.rest(&mut self.worked) {
                return Err(Unfinished::Stopped);
            }
        }
        Ok(())
    }

    /// Where some pages are gone, the others still count.
    fn look_by_page(
        &mut self,
        search: &mut dyn WordReader,
        at: u64,
        length: usize,
        words: PointerAlignment,
    ) {
        let end = at + length as u64;
        let mut page = at;
        while page < end {
            let next = (page / PAGE + 1).saturating_mul(PAGE).min(end);
            let part = &mut self.chunk[..usize::try_from(next - page).unwrap_or(0)];
            match self.memory.read(page, part) {
                true => {
                    self.lost.blank(page, part);
                    search.scan(Address(page), part, words);
                }
                false => self.missed.push(page),
            }
            page = next;
        }
    }
}
