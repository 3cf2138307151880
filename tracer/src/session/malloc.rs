//! Readings of what the C library's malloc has, now and then during a recording.
//!
//! They are made on a thread of their own, since a large heap takes a while. The target runs on; see
//! `glibc` for how a reading is checked.

use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::target::TracedTarget;
use crate::glibc::{self, MainArena, ResidentMemory};
use crate::model::{Address, MallocPoint, Memory};
use crate::os::pages::Pages;
use crate::os::{self, Mapping};

/// Readings are so far apart at least.
const BETWEEN: Duration = Duration::from_secs(5);
/// They take no more than one part in so many of the time, and are one part in so many of the time since the start
/// apart: a week has some 1,500 of them.
const SHARE: u32 = 100;
const APART: u32 = 200;

/// The readings of one recording.
#[derive(Default)]
pub struct MallocReadings {
    source: Option<Arc<Source>>,
    next: Duration,
    running: Option<JoinHandle<Reading>>,
}

/// What came of a reading, and how long it took.
struct Reading {
    point: Option<MallocPoint>,
    at: Duration,
    took: Duration,
}

/// What readings are made of.
struct Source {
    pid: u32,
    pages: Pages,
    main: MainArena,
}

impl MallocReadings {
    /// None yet; there will be none where malloc is not glibc's, or cannot be read.
    pub fn new(target: &TracedTarget) -> Self {
        Self { source: Source::of(target).map(Arc::new), ..Self::default() }
    }

    /// Begins a reading, if one is due so long after the start.
    pub fn begin(&mut self, now: Duration) {
        if now < self.next || self.running.is_some() {
            return;
        }
        let Some(source) = self.source.clone() else { return };
        let work = move || {
            os::usage::yield_to_others();
            source.read(now)
        };
        let spawned = std::thread::Builder::new().name("leakspy-malloc".to_owned()).spawn(work);
        self.running = spawned.ok();
        self.next = now + BETWEEN.max(now / APART);
    }

    /// A reading that is complete; with `wait` one that is to be.
    pub fn take(&mut self, wait: bool) -> Option<MallocPoint> {
        let running = self.running.take_if(|running| wait || running.is_finished())?;
        let reading = running.join().ok()?;
        self.next = self.next.max(reading.at + reading.took.saturating_mul(SHARE));
        reading.point
    }

    /// The last readings; there are none after it.
    pub fn last(&mut self, now: Duration) -> Vec<MallocPoint> {
        let before = self.take(true);
        self.next = Duration::ZERO;
        self.begin(now);
        self.source = None;
        before.into_iter().chain(self.take(true)).collect()
    }
}

impl Source {
    fn of(target: &TracedTarget) -> Option<Self> {
        let (pages, _) = target.pages().ok()?;
        let data = data(&target.mappings()?, target.allocator_inode()?);
        let main = glibc::find(pages.memory(), &data)?;
        tracing::debug!("malloc's main arena is at {:#x}", main.address.0);
        Some(Self { pid: target.pid(), pages, main })
    }

    fn read(&self, at: Duration) -> Reading {
        let begun = Instant::now();
        let point = self.point(at.as_secs_f64());
        let took = begun.elapsed();
        tracing::debug!("read malloc in {took:?}: {point:?}");
        Reading { point, at, took }
    }

    fn point(&self, t: f64) -> Option<MallocPoint> {
        let mappings = self.pages.mappings()?;
        let brk = mappings.iter().find(|mapping| mapping.path == "[heap]").map(Mapping::range);
        let malloc = glibc::read(self, self.main, brk)?;
        let rss_anon_bytes = os::usage::resident(self.pid).ok()?.anonymous;
        Some(MallocPoint { t, rss_anon_bytes, malloc })
    }
}

impl Memory for Source {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.pages.memory().read(address, into)
    }
}

impl ResidentMemory for Source {
    fn resident(&self, range: Range<u64>) -> Option<Vec<Range<u64>>> {
        self.pages.resident(range)
    }
}

/// Writable data of a mapped file: what is the file's, and what follows without one.
fn data(mappings: &[Mapping], inode: (u64, (u32, u32))) -> Vec<Range<u64>> {
    let mut data: Vec<Range<u64>> = Vec::new();
    for mapping in mappings.iter().filter(|mapping| mapping.writable && !mapping.shared) {
        let follows = data.last().is_some_and(|last| last.end == mapping.start.0);
        let is_anonymous = mapping.inode == 0 && mapping.path.is_empty();
        if (mapping.inode, mapping.device) == inode || follows && is_anonymous {
            data.push(mapping.range());
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    /// glibc says itself what it has, of this very process.
    #[cfg(target_env = "gnu")]
    #[test]
    fn readings_agree_with_what_malloc_says_itself() {
        let target = TracedTarget::open(&std::process::id().to_string());
        let Some(source) = target.ok().and_then(|target| Source::of(&target)) else {
            panic!("no main arena in this process");
        };
        let retains: Vec<Vec<u8>> = (0..20_000).map(|size| vec![1; 300 + size % 3000]).collect();
        let kept: Vec<&Vec<u8>> = retains.iter().step_by(7).collect();
        let point = source.point(0.0).expect("a reading");
        // SAFETY: takes nothing, and returns numbers.
        let own = unsafe { libc::mallinfo2() };
        eprintln!("{point:?}\n{} {} {} {}", own.arena, own.uordblks, own.fordblks, own.keepcost);
        assert!(!kept.is_empty());
    }
}
