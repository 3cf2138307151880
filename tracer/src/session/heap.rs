//! The Python heap of a process, read from outside.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::error::SessionError;
use super::interpreter;
use super::outside::{self, Searched};
use crate::heap::{
    self, Budget, Cache, Depth, Heap, Mapped, Named, ObjectLayout, Ranges, Refcount, View,
};
use crate::model::{
    Address, CensusTarget, HeapSnapshot, Memory, NoObjects, PointersIn, PythonTarget, SkippedPart,
};
use crate::os::pages::Pages;
use crate::os::pause::Pause;
use crate::os::{Life, Modules, Process};
use crate::python::{Collector, Python, runtime};

/// Times that the lists of interpreters are read before they count as broken: the process runs
/// meanwhile.
const ATTEMPTS: usize = 8;

/// How long the collector's lists are looked for, and the time between two tries: a full collection
/// of a large heap takes a second or two.
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_micros(300);

/// A process whose Python heap can be read.
pub struct HeapTarget {
    process: Process,
    pages: Pages,
    python: Python,
    objects: &'static ObjectLayout,
    collector: Collector,
}

/// One snapshot of a heap.
pub struct HeapReading<T> {
    /// What was made of it.
    pub value: T,
    /// How it was looked at, without sums.
    pub snapshot: HeapSnapshot,
}

/// What a snapshot reads of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadingWanted {
    /// Whether the process stands still meanwhile.
    pub pause: bool,
    /// What is to be known besides objects.
    pub depth: Depth,
}

impl HeapTarget {
    /// Opens a process by pid or unique name.
    ///
    /// # Errors
    /// There is none, it may not be read, or it is no Python whose objects are known.
    pub fn open(selector: &str) -> Result<Self, SessionError> {
        crate::os::privilege::raise_file_limit();
        let process = Process::select(selector)?;
        let modules = Modules::of_process(&process)?;
        let found = interpreter::find(&process, &modules);
        let pid = process.pid();
        let no_heap = |reason| SessionError::NoHeap { pid, reason };
        let missing = || match &found.refusal {
            Some(reason) => NoObjects::PythonNotUnderstood { reason: reason.into() },
            None => NoObjects::NotPython,
        };
        let python = found.python.ok_or_else(|| no_heap(missing()))?;
        let objects = heap::objects(python.version).ok_or_else(|| {
            no_heap(NoObjects::UnknownObjects { version: python.version.to_string() })
        })?;
        let pages = Pages::open(&process)?;
        let collector =
            collector(pages.memory(), &python).ok_or_else(|| no_heap(NoObjects::NoCollector))?;
        Ok(Self { process, pages, python, objects, collector })
    }

    /// What reports say of it.
    pub fn document(&self) -> CensusTarget {
        CensusTarget {
            pid: self.process.pid(),
            comm: self.process.comm().to_owned(),
            python: PythonTarget {
                version: self.python.version.to_string(),
                layout_source: self.python.layout_source.to_string(),
            },
        }
    }

    /// Whether it still runs the same program.
    pub fn is_there(&self) -> bool {
        matches!(self.process.life(), Life::Running | Life::LeaderExited)
    }

    /// `PyCode_Type`
    pub fn code_type(&self) -> Address {
        self.python.code_type
    }

    /// Full garbage collections of all interpreters, where they can be read.
    pub fn full_collections(&self) -> Option<u64> {
        self.collector.full_collections(self.pages.memory())
    }

    /// Reads the heap and has something made of it while what was read is at hand. The process goes
    /// on as soon as all was read and made.
    ///
    /// # Errors
    /// The process is gone, cannot be paused, its lists of objects cannot be found, or it has more
    /// objects than are wanted or than there is memory for here.
    pub fn snapshot<T>(
        &mut self,
        wanted: ReadingWanted,
        make: impl FnOnce(&View<'_>, &mut Heap, Vec<Named>) -> T,
    ) -> Result<HeapReading<T>, SessionError> {
        let begun = Instant::now();
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |at| at.as_secs_f64());
        let pause = wanted.pause.then(|| Pause::begin(&self.process)).transpose()?;
        self.refresh()?;
        let mapped = self.mapped()?;
        let survey = || self.ranges().unwrap_or_default();
        let cache = Cache::new(self.pages.memory(), &survey);
        let most = wanted.depth.most.min(room());
        let depth = Depth { most, ..wanted.depth };
        let found = self.read(&cache, &mapped, depth, make);
        let paused_seconds = pause.map(|pause| pause.end().as_secs_f64());
        let pid = self.process.pid();
        if !self.is_there() {
            return Err(crate::os::OsError::Vanished { pid }.into());
        }
        let (value, snapshot) = found.ok_or_else(|| SessionError::NoHeap {
            pid,
            reason: too_many(most, most < wanted.depth.most),
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(HeapReading {
            value,
            snapshot: HeapSnapshot { at, seconds, paused_seconds, snapshots: 1, ..snapshot },
        })
    }

    /// Has something made with the types of the heap, whose objects are not read; with it, the bytes of a pool
    /// of its allocator.
    ///
    /// # Errors
    /// The process is gone.
    pub fn types<T>(
        &self,
        make: impl FnOnce(&View<'_>, &Pages, u32) -> T,
    ) -> Result<T, SessionError> {
        let mapped = self.mapped()?;
        let survey = || self.ranges().unwrap_or_default();
        let cache = Cache::new(self.pages.memory(), &survey);
        let budget = Budget::for_heap_bytes(cache.size());
        Ok(make(&self.view(&cache, &mapped, &budget), &self.pages, self.objects.pool_size))
    }

    /// Where in its memory the addresses of objects are written; nothing where that cannot be said.
    pub fn pointers(&self, wanted: &[Address]) -> Option<Vec<Vec<PointersIn>>> {
        let survey = self.pages.survey().ok()?;
        let mappings = self.process.mappings().ok()?;
        let mappings = mappings.iter().filter(|mapping| mapping.readable && mapping.writable);
        let mut memory = Vec::new();
        for mapping in mappings {
            let path = mapping.path.to_string_lossy();
            let name = path.rsplit('/').next().unwrap_or_default();
            memory.extend(survey.ranges.iter().filter_map(|there| {
                let range = there.start.max(mapping.start.0)..there.end.min(mapping.end.0);
                (!range.is_empty()).then(|| Searched { range, name: name.to_owned() })
            }));
        }
        outside::pointers(wanted, &memory, |at, into| self.pages.read(at, into))
    }

    fn view<'a>(
        &'a self,
        memory: &'a dyn Memory,
        mapped: &'a Mapped,
        budget: &'a Budget,
    ) -> View<'a> {
        let refcount = Refcount::for_minor(self.python.version.minor);
        let layout = &self.python.layout;
        View { memory, layout, objects: self.objects, refcount, mapped, budget }
    }

    /// `None` when there are more objects than may be kept.
    fn read<T>(
        &self,
        cache: &Cache<'_>,
        mapped: &Mapped,
        depth: Depth,
        make: impl FnOnce(&View<'_>, &mut Heap, Vec<Named>) -> T,
    ) -> Option<(T, HeapSnapshot)> {
        let budget = Budget::for_heap_bytes(cache.size());
        let view = self.view(cache, mapped, &budget);
        let mut roots = heap::frames(&view, &self.python);
        let more: Vec<_> = roots.iter().flat_map(|root| &root.edges).map(|edge| edge.to).collect();
        let mut heap = heap::read_heap(&view, cache, self.collector.heads(), &more, depth);
        if heap.objects.is_full() {
            return None;
        }
        heap.refer_to(roots.iter().flat_map(|root| &root.edges).map(|edge| edge.to));
        if depth.graph {
            heap::without_names(&heap, &view, &mut roots);
            heap::name_threads(&view, &heap, &mut roots);
            // Modules come first: of two paths of equal length, the one from a module is found.
            let frames = std::mem::replace(&mut roots, heap::modules(&view, &heap));
            roots.extend(frames);
        }
        // What names paths reads large containers again and again, after all was read.
        let budget = Budget::for_heap_bytes(cache.size());
        let value = make(&self.view(cache, mapped, &budget), &mut heap, roots);
        Some((value, self.account(&heap)))
    }

    /// What was seen and what was left out.
    fn account(&self, heap: &Heap) -> HeapSnapshot {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let skipped = [
            (SkippedPart::TornLists, heap.skipped.torn_lists),
            (SkippedPart::References, heap.skipped.references),
            (SkippedPart::Sizes, heap.skipped.sizes),
            (SkippedPart::Pools, heap.skipped.pools),
        ];
        HeapSnapshot {
            interpreters: u32::try_from(self.python.interpreters.len()).unwrap_or(u32::MAX),
            bytes: heap.sums.iter().fold(0, |sum: u64, of| sum.saturating_add(of.bytes)),
            tracked_objects: count(heap.objects.tracked()),
            objects: count(heap.objects.len()),
            skipped: skipped.into_iter().filter(|(_, count)| *count > 0).collect(),
            ..HeapSnapshot::default()
        }
    }

    /// Lists interpreters and threads again.
    fn refresh(&mut self) -> Result<(), SessionError> {
        let memory = self.pages.memory();
        let layout = &self.python.layout;
        let list = || {
            let found = runtime::interpreters(memory, layout, self.python.interpreters_head)?;
            runtime::threads(memory, layout, &found).map(|threads| (found, threads))
        };
        let mut result = list();
        for _ in 1..ATTEMPTS {
            if result.is_ok() {
                break;
            }
            result = list();
        }
        if !self.is_there() {
            return Err(crate::os::OsError::Vanished { pid: self.process.pid() }.into());
        }
        let pid = self.process.pid();
        let (interpreters, threads) = result.map_err(|error| {
            let reason = NoObjects::NoThreads { detail: error.to_string() };
            SessionError::NoHeap { pid, reason }
        })?;
        (self.python.interpreters, self.python.threads) = (interpreters, threads);
        Ok(())
    }

    /// What the process has mapped.
    fn mapped(&self) -> Result<Mapped, SessionError> {
        let mappings = self.process.mappings()?;
        let readable = mappings.iter().filter(|mapping| mapping.readable);
        Ok(Mapped::new(readable.map(|mapping| (mapping.start.0, mapping.end.0))))
    }

    /// Where there is memory to read.
    fn ranges(&self) -> Option<Ranges> {
        let survey = self.pages.survey().ok()?;
        let there = survey.ranges.iter().map(|range| (range.start, range.end));
        let mappings = self.process.mappings().ok()?;
        let readable = mappings.iter().filter(|mapping| mapping.readable);
        let mapped = readable.map(|mapping| (mapping.start.0, mapping.end.0)).collect();
        let file = |path: &[u8]| path.starts_with(b"/") && !path.starts_with(b"/dev/");
        let files = mappings
            .iter()
            .filter(|mapping| mapping.readable && !mapping.shared)
            .filter(|mapping| file(mapping.path.as_encoded_bytes()))
            .map(|mapping| (mapping.start.0, mapping.end.0));
        Some(Ranges { there: joined(there), files: joined(files), mapped })
    }
}

/// Why a heap of more than `most` objects is not read: for want of memory here, or because more
/// were not wanted.
fn too_many(most: usize, for_want_of_memory: bool) -> NoObjects {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    match for_want_of_memory {
        true => NoObjects::NoMemory { most },
        false => NoObjects::TooMany { most },
    }
}

/// Objects that there is room for: half of the memory that this machine has left, at what the
/// largest snapshots take for each. A server that uses up the memory must not be killed for what
/// leakspy adds.
fn room() -> usize {
    const EACH: u64 = 160;
    let available = crate::os::usage::available().unwrap_or(u64::MAX);
    usize::try_from(available / 2 / EACH).unwrap_or(usize::MAX)
}

/// Finds the collector. It takes its own lists apart while it works, and they cannot be recognised
/// then, so this is tried for a while.
fn collector(memory: &dyn Memory, python: &Python) -> Option<Collector> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = Collector::find(memory, python);
        if found.is_some() || Instant::now() > until {
            return found;
        }
        std::thread::sleep(GLANCE);
    }
}

/// Ranges by address, neighbours as one.
fn joined(ranges: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => joined.push((start, end)),
        }
    }
    joined
}
