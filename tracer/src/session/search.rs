//! When leak scans run, and what follows from their results.
//!
//! The target runs on while it is read, so that a pointer can move from memory that was not read
//! yet to memory that was read already. Hence: only old blocks are searched for; what became
//! resident during a pass is read once more at its end; blocks that were freed meanwhile count as
//! roots; and two whole passes must both find no pointer. A pass that could not read everything
//! proves nothing.

mod job;
mod lost;
mod pass;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::malloc::MallocSource;
use super::shared::Turn;
pub use job::Scanned;
use job::{Job, Whole};
use lost::{LostJob, SharedLost};
pub use pass::Unfinished;
use pass::{LostRanges, PassPace};

use crate::leak_scan::{
    Blocks, LeakScan, ScanOutcome, SearchedBlock, SiteUnreachable, object_at, tally,
};
use crate::model::{Address, ArenaPoint, ArenaUse, LostMemory, Memory};
use crate::os::pages::Pages;

/// How the memory of the target is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRules {
    /// Whether it is.
    pub wanted: bool,
    /// Only blocks older than this are looked for; by default 20 s, and a third of the recording.
    pub age: Option<Duration>,
    /// More resident memory than this, in bytes, is not searched.
    pub most_bytes: u64,
    /// When there are searches before the end: after these times, and then every so often.
    pub times: (Vec<Duration>, Duration),
}

impl Default for SearchRules {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            wanted: true,
            age: None,
            most_bytes: 2 << 30,
            times: (vec![minutes(1), minutes(5), minutes(30)], minutes(6 * 60)),
        }
    }
}

/// Younger blocks are not looked for.
const YOUNGEST: Duration = Duration::from_secs(20);
/// Most blocks that are looked for at once; the rest is memory like any other.
const BLOCKS: usize = 1 << 20;
/// Most small objects that are looked for with them.
const RETAINERS: usize = 1 << 16;
/// Sites with fewer old blocks are not judged.
const FEWEST: u64 = 8;
/// Blocks of one site that each thread may hold in nothing but registers.
const BY_REGISTERS: u64 = 2;

/// What is to be looked for.
pub struct SearchWanted {
    blocks: Vec<SearchedBlock>,
}

impl SearchWanted {
    /// Of blocks in any order those that are old and whose sites keep enough of them; nothing when
    /// there are none. Registers are not read, so that a block which a thread keeps while it waits
    /// in the kernel can seem unreachable: a site must have more blocks than threads could keep so.
    pub fn choose(blocks: Vec<SearchedBlock>, threads: usize) -> Option<Self> {
        let at_least = at_least(threads);
        let any = !tally(blocks.iter().map(|block| (block, false)), at_least).is_empty();
        any.then_some(Self { blocks })
    }
}

/// Fewer objects than this could be held by registers alone.
fn at_least(threads: usize) -> u64 {
    let threads = u64::try_from(threads).unwrap_or(u64::MAX);
    FEWEST.max(threads.saturating_mul(BY_REGISTERS).saturating_add(1))
}

/// The searches of one recording.
pub struct PointerSearch {
    rules: SearchRules,
    /// Searches that were due so far.
    begun: usize,
    next: Duration,
    running: Option<Running>,
    /// Small objects, of a process with Python.
    lost: Option<SharedLost>,
    /// Says what is free.
    malloc: Option<Arc<MallocSource>>,
    /// Whether the target stands still, and waits for the end of searches.
    still: bool,
}

/// A search at work.
struct Running {
    at_least: u64,
    /// Whether small objects that alone lead to a block are looked for as well: from the second
    /// pass on.
    with_retainers: bool,
    /// What the pass before found unreachable, by address and birth; `None` when it searched for
    /// other blocks.
    unreachable: Option<HashSet<Identity>>,
    pace: Arc<PassPace>,
    turn: Turn,
    result: oneshot::Receiver<Scanned>,
}

/// What follows from a pass.
pub enum SearchStep {
    /// Another pass runs.
    Goes,
    /// What was found out of each site.
    Found(Vec<SiteUnreachable>),
    /// Nothing is proved.
    Unfinished(Unfinished),
}

impl PointerSearch {
    /// None yet.
    pub fn new(rules: SearchRules) -> Self {
        let next = rules.times.0.first().copied().unwrap_or(rules.times.1);
        Self { rules, begun: 0, next, running: None, lost: None, malloc: None, still: false }
    }

    /// With small objects of the process with Python, if there is one.
    pub fn with_python(self, pid: Option<u32>) -> Self {
        let wanted = self.rules.wanted;
        Self { lost: pid.filter(|_| wanted).map(SharedLost::new), ..self }
    }

    /// With what says which memory is free, where that can be read.
    pub fn with_malloc(self, malloc: Option<Arc<MallocSource>>) -> Self {
        Self { malloc, ..self }
    }

    /// Takes down which small objects there are so long after the start: later searches know by that which
    /// are old.
    pub fn take_down(&mut self, since_start: Duration, turn: Turn) {
        if let Some(lost) = &mut self.lost {
            lost.take_down(since_start, self.rules.most_bytes, turn);
        }
    }

    /// Whether it is time for that.
    pub fn may_take_down(&self, since_start: Duration) -> bool {
        self.lost.as_ref().is_some_and(|lost| lost.is_due(since_start))
    }

    /// How full the arenas were at the last search, once; and what they retained until then.
    pub fn arenas(&self) -> Option<(ArenaUse, Vec<ArenaPoint>)> {
        self.lost.as_ref()?.arenas()
    }

    /// What the last search found of small objects, once.
    pub fn found_lost(&self) -> Option<LostMemory> {
        self.lost.as_ref()?.found()
    }

    /// Whether one should begin, so long after the start.
    pub fn is_due(&self, since_start: Duration) -> bool {
        self.rules.wanted && since_start >= self.next
    }

    /// One that was due so long after the start begins now, or is left out because the one before
    /// it still runs.
    pub fn count(&mut self, since_start: Duration) {
        self.begun += 1;
        let (first, every) = &self.rules.times;
        self.next = first.get(self.begun).copied().unwrap_or(since_start + *every);
    }

    /// Whether there should be one at the end.
    pub fn is_wanted(&self) -> bool {
        self.rules.wanted
    }

    /// Whether one is at work.
    pub fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// How old blocks must be, so long after the start. A third of the time, because a cache that
    /// fills once keeps its blocks as long as a leak at first.
    pub fn age(&self, since_start: Duration) -> Duration {
        self.rules.age.unwrap_or(YOUNGEST.max(since_start / 3))
    }

    /// Most blocks it can take.
    pub fn room(&self) -> usize {
        BLOCKS
    }

    /// Begins one, so long after the start, of a process with so many threads, for `wanted` and for small objects;
    /// none when there are neither.
    pub fn begin(
        &mut self,
        now: Duration,
        threads: usize,
        wanted: Option<SearchWanted>,
        memory: Pages,
        turn: Turn,
    ) {
        let at_least = at_least(threads);
        let lost =
            self.lost.as_ref().map(|lost| lost.job(now, self.age(now), at_least, self.still));
        if lost.is_none() && wanted.is_none() {
            return;
        }
        let blocks = wanted.map_or_else(Vec::new, |wanted| wanted.blocks);
        let pace = Arc::new(PassPace::gentle());
        let search = LeakScan::new(Blocks::new(blocks));
        let result = self.start(search, memory, lost, Arc::default(), (&pace, &turn));
        let (with_retainers, unreachable) = (false, None);
        self.running = Some(Running { at_least, with_retainers, unreachable, pace, turn, result });
    }

    fn start(
        &self,
        search: LeakScan,
        memory: Pages,
        lost: Option<LostJob>,
        ranges: Arc<LostRanges>,
        (pace, turn): (&Arc<PassPace>, &Turn),
    ) -> oneshot::Receiver<Scanned> {
        let (pace, turn) = (Arc::clone(pace), Some(Arc::clone(turn)));
        let (malloc, most_bytes) = (self.malloc.clone(), self.rules.most_bytes);
        let job = Job { search, memory, malloc, most_bytes, lost, ranges, pace, turn };
        job.start(self.still)
    }

    /// The user waits for the result: no more rests.
    pub fn hurry(&self) {
        if let Some(running) = &self.running {
            running.pace.hurry();
        }
    }

    /// Ends one without a result.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.pace.stop();
        }
    }

    /// The target is to stand still: what is known of it only while it runs is found out now.
    pub fn before_standstill(&self) {
        if let Some(lost) = &self.lost {
            lost.open();
        }
    }

    /// The target stands still from now on: nothing moves, so that one pass is enough, and searches make no way for
    /// others, since it waits for their end.
    pub fn stands_still(&mut self) {
        self.still = true;
    }

    /// Waits for the end of a pass; for ever when none runs.
    pub async fn scanned(&mut self) -> Scanned {
        match &mut self.running {
            Some(running) => (&mut running.result).await.unwrap_or(Err(Unfinished::Stopped)),
            None => std::future::pending().await,
        }
    }

    /// Goes on after a pass. `live` says of blocks by address when they were born, as of now.
    pub fn go_on(
        &mut self,
        scanned: Scanned,
        live: impl FnOnce(&Blocks) -> HashMap<u64, u64>,
    ) -> SearchStep {
        let Some(running) = self.running.take() else { return SearchStep::Found(Vec::new()) };
        let Whole { search, memory, ranges } = match scanned {
            Ok(whole) => *whole,
            Err(reason) => return SearchStep::Unfinished(reason),
        };
        let live = live(search.blocks());
        let present = memory.present();
        let source: &dyn Memory = &present;
        let gone = |block: &SearchedBlock| match block.is_retainer() {
            true => object_at(source, block.start) != Some((block.start, block.size)),
            false => live.get(&block.start.0) != Some(&block.born_ns),
        };
        let outcome = search.finish(source, gone);
        if outcome.doubtful_bytes > 0 {
            return SearchStep::Unfinished(Unfinished::Swapped(outcome.doubtful_bytes));
        }
        let numbered =
            outcome.blocks.all().iter().copied().zip(outcome.unreachable.iter().copied());
        let found = numbered.filter(|(block, _)| !gone(block)).collect();
        let retainers = match running.with_retainers {
            true => Vec::new(),
            false => retainers(&outcome, source),
        };
        self.judge(running, (memory, ranges), found, retainers)
    }

    /// What follows from a pass: that it was enough, or another one.
    fn judge(
        &mut self,
        running: Running,
        memory: (Pages, Arc<LostRanges>),
        found: Vec<(SearchedBlock, bool)>,
        retainers: Vec<SearchedBlock>,
    ) -> SearchStep {
        let blocks = found.iter().map(|(block, _)| *block);
        if !retainers.is_empty() {
            let wider = Running { with_retainers: true, ..running };
            return self.again(blocks.chain(retainers).collect(), memory, wider);
        }
        let of_sites = found.iter().filter(|(block, _)| !block.is_retainer());
        if let Some(before) = &running.unreachable {
            let both = of_sites.map(|(block, unreachable)| {
                (block, *unreachable && before.contains(&identity(block)))
            });
            return SearchStep::Found(tally(both, running.at_least));
        }
        let unreachable = of_sites.clone().filter(|(_, unreachable)| *unreachable);
        let unreachable: HashSet<Identity> =
            unreachable.map(|(block, _)| identity(block)).collect();
        if unreachable.is_empty() || self.still {
            let of_sites = of_sites.map(|(block, unreachable)| (block, *unreachable));
            return SearchStep::Found(tally(of_sites, running.at_least));
        }
        let same = Running { unreachable: Some(unreachable), with_retainers: true, ..running };
        self.again(blocks.collect(), memory, same)
    }

    fn again(
        &mut self,
        blocks: Vec<SearchedBlock>,
        (memory, ranges): (Pages, Arc<LostRanges>),
        running: Running,
    ) -> SearchStep {
        let search = LeakScan::new(Blocks::new(blocks));
        let result = self.start(search, memory, None, ranges, (&running.pace, &running.turn));
        self.running = Some(Running { result, ..running });
        SearchStep::Goes
    }
}

/// What tells a block from the next one at its address.
type Identity = (Address, u64);

fn identity(block: &SearchedBlock) -> Identity {
    (block.start, block.born_ns)
}

/// The small objects that are all that leads to a block from outside.
fn retainers(outcome: &ScanOutcome, memory: &dyn Memory) -> Vec<SearchedBlock> {
    let places = outcome.sole.iter().flatten().take(RETAINERS);
    let objects = places.filter_map(|place| object_at(memory, *place));
    objects.map(|(start, size)| SearchedBlock::retainer(start, size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64) -> SearchedBlock {
        SearchedBlock {
            start: Address(0x1000 + 64 * number),
            size: 64,
            site: number / 8,
            born_ns: number,
        }
    }

    #[test]
    fn searches_come_less_and_less_often() {
        let mut search = PointerSearch::new(SearchRules::default());
        let minutes = [0, 1, 2, 5, 6, 30, 31, 389, 390, 391, 750];
        let due = minutes.map(|minute| {
            let now = Duration::from_secs(60 * minute);
            let due = search.is_due(now);
            if due {
                search.count(now);
            }
            due
        });
        let wanted = [0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1].map(|due| due == 1);
        assert_eq!(due, wanted);
        let off = PointerSearch::new(SearchRules { wanted: false, ..SearchRules::default() });
        assert!(!off.is_due(Duration::from_secs(3600)) && !off.is_wanted());
    }

    #[test]
    fn blocks_must_have_outlived_a_third_of_the_time() {
        let search = PointerSearch::new(SearchRules::default());
        let ages = [10, 60, 600].map(|seconds| search.age(Duration::from_secs(seconds)).as_secs());
        assert_eq!(ages, [20, 20, 200]);
    }

    #[test]
    fn a_few_blocks_for_each_thread_prove_nothing() {
        let eight: Vec<SearchedBlock> = (0..8).map(block).collect();
        assert!(SearchWanted::choose(eight[..7].to_vec(), 1).is_none());
        assert!(SearchWanted::choose(eight.clone(), 3).is_some());
        assert!(SearchWanted::choose(eight, 4).is_none());
    }
}
