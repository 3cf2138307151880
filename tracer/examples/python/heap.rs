//! Saves the memory that reading a heap touches: all of it, the ways to what is asked for, sessions
//! and pools.
//!
//! The file is that of [`super::image`], compressed (zlib); its header has the ranges of memory
//! that were there, too.

use std::cell::RefCell;
use std::fs;
use std::io::Write;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use leakspy::heap::{self, Budget, Cache, Depth, Heap, Mapped, Ranges, Refcount, Retainers, View};
use leakspy::model::{Address, Memory};
use leakspy::os::Process;
use leakspy::os::pages::Pages;
use leakspy::python::{Collector, Python};
use serde_json::{Value, json};

use crate::{image, process};

/// Bytes of a pool's header that are read.
const POOL_HEADER: u64 = 48;
/// The smallest pool.
const POOL: usize = 4096;

/// Reads the heap of process `pid` as the tests do, and saves what that reads as `path`.
pub fn save(pid: &str, answer: &str, path: &str) -> Result<()> {
    let answer: Value = serde_json::from_str(&fs::read_to_string(answer)?)?;
    let (process, symbols) = process::open(pid)?;
    let pages = Pages::open(&process)?;
    let reads = RefCell::default();
    let (ranges, arenas) = ranges(&process, &pages)?;
    let recorder = Recorder { memory: pages.memory(), reads: &reads };
    let python = process::attach(&recorder, &symbols)?;
    let collector = Collector::find(&recorder, &python).context("no collector found")?;
    let objects = read(&pages, &reads, &ranges, &python, &collector, &answer)?;
    headers_of_pools(&reads, &arenas);

    let mut header = image::header(&symbols, &answer);
    header["there"] = json!(ranges.there);
    header["files"] = json!(ranges.files);
    let pages = Read { memory: pages.memory(), reads: joined(&reads.borrow()) };
    let image = image::image(&pages, &whole_pages(&pages.reads), &header)?;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&image)?;
    let packed = packed.finish()?;
    fs::write(path, &packed)?;
    println!(
        "{}: {objects} objects, {} bytes, {} packed",
        python.version,
        image.len(),
        packed.len()
    );
    Ok(())
}

/// A memory, and what was read of it.
struct Recorder<'a> {
    memory: &'a dyn Memory,
    reads: &'a RefCell<Vec<(u64, u64)>>,
}

impl Memory for Recorder<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let read = self.memory.read(address, into);
        if read {
            self.reads.borrow_mut().push((address.0, address.0 + into.len() as u64));
        }
        read
    }
}

/// What was read of a memory, and zeros elsewhere: few ranges, of which the gaps take no room when
/// packed.
struct Read<'a> {
    memory: &'a dyn Memory,
    /// By address, none touches the next.
    reads: Vec<(u64, u64)>,
}

impl Memory for Read<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        into.fill(0);
        let end = address.0 + into.len() as u64;
        let first = self.reads.partition_point(|read| read.1 <= address.0);
        let inside = self.reads[first..].iter().take_while(|read| read.0 < end);
        inside.map(|read| (read.0.max(address.0), read.1.min(end))).all(|(from, to)| {
            let at = |place: u64| usize::try_from(place - address.0).unwrap_or(usize::MAX);
            self.memory.read(Address(from), &mut into[at(from)..at(to)])
        })
    }
}

/// Ranges by address, those that touch as one.
fn joined(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in sorted {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// The pages that ranges touch.
fn whole_pages(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    const PAGE: u64 = 4096;
    let pages = ranges.iter().map(|(start, end)| (start & !(PAGE - 1), end.next_multiple_of(PAGE)));
    joined(&pages.collect::<Vec<_>>())
}

/// Memory that is there, and those parts of it that no file was mapped to.
fn ranges(process: &Process, pages: &Pages) -> Result<(Ranges, Vec<(u64, u64)>)> {
    let survey = pages.survey()?;
    let there: Vec<(u64, u64)> =
        survey.ranges.iter().map(|range| (range.start, range.end)).collect();
    let mappings = process.mappings()?;
    let of_file = |path: &str| path.starts_with('/') && !path.starts_with("/dev");
    let (of_files, others): (Vec<_>, Vec<_>) = mappings
        .iter()
        .filter(|mapping| mapping.readable && !mapping.shared)
        .partition(|mapping| of_file(&mapping.path.to_string_lossy()));
    let files = of_files.iter().map(|mapping| (mapping.start.0, mapping.end.0)).collect();
    let anonymous =
        |start: u64| others.iter().any(|mapping| (mapping.start.0..mapping.end.0).contains(&start));
    let arenas = there.iter().copied().filter(|(start, _)| anonymous(*start)).collect();
    Ok((Ranges { there, files, ..Ranges::default() }, arenas))
}

/// How many objects there are.
fn read(
    pages: &Pages,
    reads: &RefCell<Vec<(u64, u64)>>,
    ranges: &Ranges,
    python: &Python,
    collector: &Collector,
    answer: &Value,
) -> Result<usize> {
    let survey = || ranges.clone();
    let cache = Cache::new(pages.memory(), &survey);
    let budget = Budget::for_heap_bytes(cache.size());
    let mapped = Mapped::new(ranges.there.iter().chain(&ranges.files).copied());
    // Above the cache, which reads more than is wanted.
    let recorder = Recorder { memory: &cache, reads };
    let view = View {
        memory: &recorder,
        layout: &python.layout,
        objects: heap::objects(python.version).context("objects of this version")?,
        refcount: Refcount::for_minor(python.version.minor),
        mapped: &mapped,
        budget: &budget,
    };
    let mut roots = heap::frames(&view, python);
    let more: Vec<Address> =
        roots.iter().flat_map(|root| &root.edges).map(|edge| edge.to).collect();
    let depth = Depth { graph: true, sums: true, pools: true, ..Depth::default() };
    let mut found = heap::read_heap(&view, &cache, collector.heads(), &more, depth);
    heap::without_names(&found, &view, &mut roots);
    heap::name_threads(&view, &found, &mut roots);
    let frames = std::mem::replace(&mut roots, heap::modules(&view, &found));
    roots.extend(frames);
    let held = Retainers::new(&view, &found, roots.clone(), python.code_type);
    for asked in answer["asked"].as_array().context("nothing is asked for")? {
        tell(&view, &found, &held, asked.as_str().unwrap_or_default())?;
    }
    drop(held);
    let sessions = heap::sessions(&view, &mut found, roots, python.code_type);
    println!("{sessions:?}\n{:?}\n{:?}", found.pools, found.skipped);
    Ok(found.objects.len())
}

fn tell(view: &View<'_>, found: &Heap, held: &Retainers<'_>, asked: &str) -> Result<()> {
    let subject = heap::find(view, found, asked)?;
    let objects: Vec<(u32, u64)> = subject.objects.iter().map(|&number| (number, 1)).collect();
    let (groups, _) = held.groups(&objects, 50);
    if objects.len() < 20 {
        println!("{asked}: {groups:?}");
    }
    Ok(())
}

/// Every place where a pool may be, in ranges of which anything was read.
fn headers_of_pools(reads: &RefCell<Vec<(u64, u64)>>, arenas: &[(u64, u64)]) {
    let mut reads = reads.borrow_mut();
    for (start, end) in arenas {
        if reads.iter().any(|read| (start..end).contains(&&read.0)) {
            let first = start.next_multiple_of(POOL as u64);
            let places = (first..end.saturating_sub(POOL_HEADER)).step_by(POOL);
            reads.extend(places.map(|at| (at, at + POOL_HEADER)));
        }
    }
}
