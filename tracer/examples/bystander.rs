//! What a process that is no target pays while leakspy watches another (`docs/ledger.md`). As root:
//! `cargo build --release && cargo run --release --example bystander -- [LEAKSPY [ROUNDS]]`.

#![allow(clippy::print_stdout, reason = "a command for people")]
#![allow(unsafe_code, reason = "system calls are what is measured")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

const PAGE: usize = 4096;
/// Pages that are touched again and again.
const PAGES: usize = 256;
/// Pairs of mmap and munmap in a turn.
const PAIRS: usize = 5_000;
/// Short turns, of which the fastest counts: the machine does other things, too.
const TURNS: usize = 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let leakspy = arguments.first().map_or("target/release/leakspy", String::as_str);
    let rounds: usize = arguments.get(1).map_or(Ok(11), |rounds| rounds.parse())?;
    let target = Killed(Command::new("sleep").arg("100000").spawn()?);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bystander.leakspy").display().to_string();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        without.push(measure()?);
        let _watch = watch(leakspy, target.0.id(), &file)?;
        with.push(measure()?);
    }
    for (what, name) in ["mmap and munmap", "page fault"].into_iter().enumerate() {
        let (without, with) = (median(&without, what), median(&with, what));
        let more = 100.0 * (with / without - 1.0);
        println!("{name}: {without:.0} ns without, {with:.0} ns with ({more:+.1} %)");
    }
    Ok(())
}

/// A process that goes when this does.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A leakspy that has attached.
fn watch(leakspy: &str, pid: u32, file: &str) -> Result<Killed> {
    let mut watch = Command::new(leakspy)
        .args(["record", "--force", "-p", &pid.to_string(), "-o", file])
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {leakspy}"))?;
    let said = BufReader::new(watch.stderr.take().context("no standard error")?);
    let watch = Killed(watch);
    let attached = said.lines().map_while(Result::ok).any(|line| line.starts_with("recording"));
    ensure!(attached, "{leakspy} has not attached");
    Ok(watch)
}

fn median(runs: &[[f64; 2]], what: usize) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(|run| run[what]).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of a pair of mmap and munmap, and of a page fault, nanoseconds.
fn measure() -> Result<[f64; 2]> {
    let area = map(PAGES * PAGE)?;
    let mut best = [f64::INFINITY; 2];
    for _ in 0..TURNS {
        best[0] = best[0].min(time(PAIRS, || unmap(map(2 * PAGE)?, 2 * PAGE))? / PAIRS as f64);
        best[1] = best[1].min(time(60, || touch(area))? / (60 * PAGES) as f64);
    }
    unmap(area, PAGES * PAGE)?;
    Ok([best[0], best[1]])
}

/// CPU time of so many calls, nanoseconds.
fn time(calls: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let begun = leakspy::os::clock::own_cpu_ns();
    for _ in 0..calls {
        work()?;
    }
    Ok((leakspy::os::clock::own_cpu_ns() - begun) as f64)
}

fn map(bytes: usize) -> Result<*mut u8> {
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, where the kernel likes; nothing else is changed.
    let area = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    ensure!(area != libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
    Ok(area.cast())
}

fn unmap(area: *mut u8, bytes: usize) -> Result<()> {
    // SAFETY: a whole mapping of `map`, of which nobody has a reference.
    let failed = unsafe { libc::munmap(area.cast(), bytes) } != 0;
    ensure!(!failed, "munmap: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Gives the pages back and touches each.
fn touch(area: *mut u8) -> Result<()> {
    // SAFETY: the whole mapping of `measure`, of which nobody has a reference.
    let failed = unsafe { libc::madvise(area.cast(), PAGES * PAGE, libc::MADV_DONTNEED) } != 0;
    ensure!(!failed, "madvise: {}", std::io::Error::last_os_error());
    for page in 0..PAGES {
        // SAFETY: inside that mapping.
        unsafe { area.add(page * PAGE).write_volatile(1) };
    }
    Ok(())
}
