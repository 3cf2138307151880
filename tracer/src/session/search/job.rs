//! A search on a thread of its own, so that the recorder can go on reading.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::super::malloc::MallocSource;
use super::super::shared::Turn;
use super::lost::LostJob;
use super::pass::{LostRanges, Pass, PassPace, Unfinished};
use crate::leak_scan::LeakScan;
use crate::os;
use crate::os::pages::Pages;

/// What a complete pass has read.
pub struct Whole {
    /// The references.
    pub search: LeakScan,
    /// For the next pass.
    pub memory: Pages,
    /// What is lost: the same for the next pass.
    pub ranges: Arc<LostRanges>,
}

/// How a pass ended.
pub type Scanned = Result<Box<Whole>, Unfinished>;

/// A pass to be made.
pub struct Job {
    pub search: LeakScan,
    pub memory: Pages,
    /// Says what is free.
    pub malloc: Option<Arc<MallocSource>>,
    pub most_bytes: u64,
    /// Small objects, which are looked for first.
    pub lost: Option<LostJob>,
    /// Small objects that are known to be lost, where none are looked for.
    pub ranges: Arc<LostRanges>,
    pub pace: Arc<PassPace>,
    /// Given back with the end of the pass, unless another one has it, too.
    pub turn: Option<Turn>,
}

impl Job {
    /// Begins it; without a thread there is no result. One that is awaited by the target makes no way for others.
    pub fn start(self, is_awaited: bool) -> oneshot::Receiver<Scanned> {
        let (sender, receiver) = oneshot::channel();
        let work = move || {
            if !is_awaited {
                os::usage::yield_to_others();
            }
            // The receiver may be gone.
            let _ = sender.send(self.run());
        };
        // A failure drops the sender, which the receiver notices.
        let _ = std::thread::Builder::new().name("leakspy-search".to_owned()).spawn(work);
        receiver
    }

    fn run(self) -> Scanned {
        let Self { mut search, memory, malloc, most_bytes, lost, ranges, pace, turn: _turn } = self;
        let malloc = malloc.as_deref();
        // Where nothing else is looked for, what kept it from an end is the word on the search.
        let nothing = search.blocks().all().is_empty();
        let ended = lost.map(|lost| lost.run(&pace, malloc, most_bytes).map(Arc::new));
        let ranges = match ended {
            Some(Err(reason)) if nothing => return Err(reason),
            Some(Ok(found)) => found,
            _ => ranges,
        };
        if !nothing {
            Pass::new(&memory, &pace, malloc, &ranges).whole(&mut search, most_bytes)?;
        }
        Ok(Box::new(Whole { search, memory, ranges }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak_scan::{Blocks, SearchedBlock};
    use crate::model::{Address, NoSearch};
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
            malloc: None,
            most_bytes,
            lost: None,
            ranges: Arc::default(),
            pace,
            turn: None,
        }
    }

    #[test]
    fn what_is_kept_is_found() {
        let kept = vec![1; 5000];
        let Whole { search, memory, .. } = *job(u64::MAX, &kept).run().map_err(|_| ()).unwrap();
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
