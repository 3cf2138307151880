//! One pass over the memory of the target, on a thread of its own so that the recorder can go on
//! reading.

mod swapped;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::shared::Turn;
use crate::leak_scan::{LeakScan, PointerAlignment};
use crate::model::{Address, NoSearch};
use crate::os;
use crate::os::pages::{PageRange, PageSurvey, Pages, beyond};

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

    /// Rests after work; false when there is nothing more to do.
    fn rest(&self, worked: Duration) -> bool {
        match self.rest.load(Ordering::Relaxed) {
            Self::STOPPED => return false,
            0 => {}
            times => std::thread::sleep(worked.saturating_mul(times)),
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

/// What a complete pass has read.
pub struct Whole {
    /// The references.
    pub search: LeakScan,
    /// For the next pass.
    pub memory: Pages,
}

/// How a pass ended.
pub type Scanned = Result<Box<Whole>, Unfinished>;

/// A pass to be made.
pub struct Job {
    pub search: LeakScan,
    pub memory: Pages,
    pub most_bytes: u64,
    pub pace: Arc<PassPace>,
    /// Given back with the end of the pass, unless another one has it, too.
    pub turn: Option<Turn>,
}

impl Job {
    /// Begins it; without a thread there is no result.
    pub fn start(self) -> oneshot::Receiver<Scanned> {
        let (sender, receiver) = oneshot::channel();
        let work = move || {
            os::usage::yield_to_others();
            // The receiver may be gone.
            let _ = sender.send(self.run());
        };
        // A failure drops the sender, which the receiver notices.
        let _ = std::thread::Builder::new().name("leakspy-search".to_owned()).spawn(work);
        receiver
    }

    fn run(self) -> Scanned {
        let Self { mut search, memory, most_bytes, pace, turn: _turn } = self;
        let mut pass =
            Pass { memory: &memory, pace: &pace, chunk: vec![0; CHUNK], missed: Vec::new() };
        pass.whole(&mut search, most_bytes)?;
        Ok(Box::new(Whole { search, memory }))
    }
}

struct Pass<'a> {
    memory: &'a Pages,
    pace: &'a PassPace,
    chunk: Vec<u8>,
    /// Pages that could not be read.
    missed: Vec<u64>,
}

impl Pass<'_> {
    fn whole(&mut self, search: &mut LeakScan, most_bytes: u64) -> Result<(), Unfinished> {
        let before = self.survey()?;
        if before.bytes() > most_bytes {
            return Err(Unfinished::TooLarge(before.bytes()));
        }
        for range in &before.ranges {
            self.scan(search, range)?;
        }
        search.scan(Address::NULL, &self.memory.held_by_kernel(), PointerAlignment::Aligned);
        // What was moved or made meanwhile: a mapping that grew, heap that was touched.
        let after = self.survey()?;
        for range in beyond(&after.ranges, &before.ranges) {
            self.scan(search, &range)?;
        }
        // What was read before it was swapped out has been seen.
        self.swapped(search, beyond(&after.swapped, &before.ranges))?;
        // A page that is gone holds nothing; one that is there and cannot be read might.
        let unreadable = self.missed.iter().filter(|page| self.memory.has(**page)).count();
        match u64::try_from(unreadable) {
            Ok(0) => Ok(()),
            count => Err(Unfinished::Unreadable(count.unwrap_or(u64::MAX).saturating_mul(PAGE))),
        }
    }

    fn survey(&self) -> Result<PageSurvey, Unfinished> {
        let survey = self.memory.survey().map_err(|_| Unfinished::Stopped)?;
        if survey.cut_short { Err(Unfinished::TooScattered) } else { Ok(survey) }
    }

    fn scan(&mut self, search: &mut LeakScan, range: &PageRange) -> Result<(), Unfinished> {
        let words = if range.code { PointerAlignment::Anywhere } else { PointerAlignment::Aligned };
        let overlap = if range.code { OVERLAP } else { 0 };
        let mut at = range.start;
        while at < range.end {
            let begun = Instant::now();
            let length = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
            if self.memory.read(at, &mut self.chunk[..length]) {
                search.scan(Address(at), &self.chunk[..length], words);
            } else {
                self.look_by_page(search, at, length, words);
            }
            at += length as u64;
            if at < range.end {
                at -= overlap;
            }
            if !self.pace.rest(begun.elapsed()) {
                return Err(Unfinished::Stopped);
            }
        }
        Ok(())
    }

    /// Where some pages are gone, the others still count.
    fn look_by_page(
        &mut self,
        search: &mut LeakScan,
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
                true => search.scan(Address(page), part, words),
                false => self.missed.push(page),
            }
            page = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak_scan::{Blocks, SearchedBlock};
    use crate::os::Process;

    /// What is looked for in the memory of this process: one block on its heap.
    fn job(most_bytes: u64, kept: &[u8]) -> Job {
        let memory = Pages::open(&Process::open(std::process::id()).unwrap()).unwrap();
        let start = Address(u64::try_from(kept.as_ptr() as usize).unwrap());
        let block =
            SearchedBlock { start, size: u64::try_from(kept.len()).unwrap(), site: 1, born_ns: 0 };
        let pace = Arc::new(PassPace::gentle());
        pace.hurry();
        Job {
            search: LeakScan::new(Blocks::new(vec![block])),
            memory,
            most_bytes,
            pace,
            turn: None,
        }
    }

    #[test]
    fn what_is_kept_is_found() {
        let kept = vec![1; 5000];
        let Whole { search, memory } = *job(u64::MAX, &kept).run().map_err(|_| ()).unwrap();
        assert_eq!(search.finish(&memory.present(), |_| false).unreachable, [false]);
    }

    #[test]
    fn nothing_is_claimed_of_what_was_not_all_seen() {
        let kept = vec![1; 5000];
        let too_large = job(4096, &kept).run().err().unwrap();
        assert!(matches!(too_large, Unfinished::TooLarge(bytes) if bytes > 4096));
        assert_eq!(too_large.to_tell(), Some(NoSearch::TooLarge));
        let stopped = job(u64::MAX, &kept);
        stopped.pace.stop();
        assert_eq!(stopped.run().err().unwrap(), Unfinished::Stopped);
    }
}
