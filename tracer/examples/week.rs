//! A week of a large server in a few minutes: what its recording takes on disk, in memory, and of a
//! core.
//!
//! `cargo run --release -p leakspy --example week [FILE [STEP_SECONDS]]`
//!
//! 20,000 sites, of which 2,000 allocate and free between any two ticks, 50 leak, and the others
//! hold what they allocated when they were new. A tick is a minute by default: the histories are as
//! long as those of ticks of a second, because old ticks thin out, and a minute is as much work for
//! the recorder as any tick with a snapshot. The file is read by a process of its own, so that its
//! memory is counted for itself.
#![allow(clippy::print_stdout)]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use leakspy::aggregate::Accumulator;
use leakspy::history::{Sink, SiteRetained, SiteRow, SiteTotals, SnapshotRow, Tick};
use leakspy::model::{Amount, Capture, Domain, Frame, ProcessPoint, Target};
use leakspy::os::usage;
use leakspy::store::{Overwrite, Reader, StoreError, Writer};

const SITES: usize = 20_000;
const ACTIVE: usize = 2_000;
const LEAKING: usize = 50;
const WEEK: u64 = 7 * 24 * 3600;
const SECOND: u64 = 1_000_000_000;
/// Blocks that an active site has in use.
const IN_USE: usize = 20;
/// Bytes of a block.
const SIZE: u64 = 512;

/// One site of the pretended server.
#[derive(Default)]
struct Site {
    totals: SiteTotals,
    /// Births of its live blocks, nanoseconds.
    live: VecDeque<u64>,
    kept: Vec<u64>,
}

impl Site {
    fn allocate(&mut self, now: u64) {
        let allocated = &mut self.totals.totals.allocated;
        *allocated = allocated.plus(Amount::block(SIZE));
        self.live.push_back(now);
    }

    fn free(&mut self) {
        self.live.pop_front();
        let freed = &mut self.totals.totals.freed;
        *freed = freed.plus(Amount::block(SIZE));
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["read", file] => read(Path::new(file)),
        [] => everything(Path::new("week.leakspy"), 60),
        [file] => everything(Path::new(file), 60),
        [file, step, ..] => everything(Path::new(file), step.parse().expect("STEP in seconds")),
    }
}

fn everything(file: &Path, step: u64) {
    write(file, step).expect("the recording can be written");
    let size = fs::metadata(file).expect("the recording").len();
    println!("file after the end        {:>8.1} MiB", mib(size));
    let program: PathBuf = env::current_exe().expect("this program");
    let status = Command::new(program).arg("read").arg(file).status().expect("a reader");
    assert!(status.success(), "the reader failed");
}

fn write(file: &Path, step: u64) -> Result<(), StoreError> {
    let mut writer = Writer::create(file, Overwrite::Always, None)?;
    writer.begin(&target(), &capture(), 1.0)?;
    let (mut sites, mut accumulator) = (sites(&mut writer)?, Accumulator::default());
    let ticks = WEEK / step;
    let (mut largest, mut longest, begun) = (0, 0.0_f64, Instant::now());
    let before = usage::own().expect("own usage").cpu_ns;
    let mut pretending = 0.0;
    for number in 1..=ticks {
        let now = number * step * SECOND;
        let pretended = Instant::now();
        live(&mut sites, number, now - SECOND);
        pretending += pretended.elapsed().as_secs_f64();
        let begun = Instant::now();
        tick(&mut writer, &mut accumulator, &sites, now, number % 10 == 0)?;
        longest = longest.max(begun.elapsed().as_secs_f64());
        if number % 500 == 0 {
            largest = largest.max(on_disk(file));
        }
    }
    let cpu = (usage::own().expect("own usage").cpu_ns - before) as f64 / 1e9 - pretending;
    largest = largest.max(on_disk(file));
    writer.finish(&capture())?;
    println!(
        "ticks                     {ticks:>8}, {step} s apart, in {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    println!("files while it ran        {:>8.1} MiB at most", mib(largest));
    println!("peak memory of the writer {:>8.1} MiB", mib(peak()));
    println!("CPU per tick with a look  {:>8.1} ms", cpu * 1e3 / ticks as f64);
    println!("longest tick              {:>8.1} ms", longest * 1e3);
    Ok(())
}

fn tick(
    writer: &mut Writer,
    accumulator: &mut Accumulator,
    sites: &[Site],
    now: u64,
    write_cohorts: bool,
) -> Result<(), StoreError> {
    let mut snapshot = accumulator.snapshot(now, u64::MAX).expect("time has passed");
    for site in sites {
        snapshot.allocated(site.totals.key, site.totals.totals.allocated);
    }
    for site in sites {
        for &born in site.live.iter().chain(&site.kept) {
            snapshot.block(site.totals.key, Amount::block(SIZE), born);
        }
    }
    let blocks = snapshot.finish();
    let retained = accumulator.retained().map(|retained| SiteRetained {
        key: retained.site,
        age: retained.age,
        blocks: retained.amount,
    });
    let retained: Vec<SiteRetained> = retained.collect();
    if write_cohorts {
        accumulator.changed(|key, cohorts, lifetimes| writer.life(key, cohorts, lifetimes))?;
    }
    let totals: Vec<SiteTotals> = sites.iter().map(|site| site.totals).collect();
    let process = ProcessPoint {
        t: (now / SECOND) as f64,
        live_bytes: blocks * SIZE,
        rss_bytes: Some(1 << 30),
        rss_anon_bytes: Some(1 << 29),
        ..ProcessPoint::default()
    };
    let snapshot = Some(SnapshotRow { blocks, retained: &retained });
    writer.tick(&Tick { process, counters: &[], sites: &totals, keep_history: true, snapshot })
}

/// The sites with their stacks of 25 lines from 5,000.
fn sites(writer: &mut Writer) -> Result<Vec<Site>, StoreError> {
    let frame = |number: usize| {
        let line = u32::try_from(number % 5_000).unwrap_or(0);
        Frame::python(
            format!("function_{}", line % 800),
            format!("/srv/app/module_{}.py", line % 90),
            Some(line),
        )
    };
    let mut sites = Vec::with_capacity(SITES);
    for number in 0..SITES {
        // Half of the stack is the same for all; the innermost line is the site's own.
        let mut stack: Vec<Frame> =
            (0..24).map(|depth| frame((depth / 12) * (number / 4) + depth)).collect();
        stack.push(Frame::python("innermost", "/srv/app/sites.py", u32::try_from(number).ok()));
        let key = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writer.site(&SiteRow {
            key,
            domain: Domain::Malloc,
            size_class: SIZE,
            allocator: "malloc",
            stack: &stack.into(),
            notes: &[],
        })?;
        let mut site = Site { totals: SiteTotals { key, ..Default::default() }, ..Site::default() };
        if number >= ACTIVE {
            (0..3).for_each(|_| site.allocate(SECOND));
        }
        sites.push(site);
    }
    Ok(sites)
}

/// What happens in one tick: other sites are busy in other hours, 2,000 at any time.
fn live(sites: &mut [Site], number: u64, now: u64) {
    let shift = usize::try_from(number / 400).unwrap_or(0) * 100;
    for index in 0..ACTIVE {
        let site = &mut sites[(index + shift) % SITES];
        for _ in 0..5 {
            site.allocate(now);
        }
        while site.live.len() > IN_USE {
            site.free();
        }
        if index < LEAKING
            && number.is_multiple_of(10)
            && let Some(born) = site.live.pop_back()
        {
            site.kept.push(born);
        }
    }
}

fn read(file: &Path) {
    let begun = Instant::now();
    let document = Reader::open(file).and_then(|reader| reader.document()).expect("a document");
    println!(
        "reading the present       {:>8.1} s, {:.1} MiB",
        begun.elapsed().as_secs_f64(),
        mib(peak())
    );
    drop(document);
    let begun = Instant::now();
    let document =
        Reader::open(file).and_then(|reader| reader.document_with_history()).expect("a document");
    println!(
        "reading the history       {:>8.1} s, {:.1} MiB",
        begun.elapsed().as_secs_f64(),
        mib(peak())
    );
    let sites = &document.history.sites;
    let all = |count: fn(&leakspy::model::SiteHistory) -> usize| -> usize {
        sites.iter().map(count).sum()
    };
    println!(
        "sites {}, sums {}, aged {}, cohorts {}, process {}",
        sites.len(),
        all(|site| site.sums.len()),
        all(|site| site.retained.len()),
        all(|site| site.cohorts.len()),
        document.history.process.len()
    );
}

fn on_disk(file: &Path) -> u64 {
    ["", "-wal", "-shm"]
        .iter()
        .filter_map(|suffix| fs::metadata(format!("{}{suffix}", file.display())).ok())
        .map(|metadata| metadata.len())
        .sum()
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}

fn target() -> Target {
    Target {
        pid: 1,
        comm: "server".into(),
        exe: "/usr/bin/python3".into(),
        started: 1,
        python: None,
        limit_bytes: None,
    }
}

fn capture() -> Capture {
    Capture {
        started: 1,
        seconds: WEEK as f64,
        mode: "exact".into(),
        budget: None,
        cost_ratio: None,
        notes: Vec::new(),
    }
}
