//! What a process that is no target pays while leakspy watches another, before and after mappings by system
//! calls are counted, and what the target pays for that (`docs/ledger.md`). As root:
//! `cargo build --release && cargo run --release --example bystander -- [LEAKSPY [ROUNDS]]`.

#![allow(clippy::print_stdout, reason = "a command for people")]
#![allow(unsafe_code, reason = "system calls are what is measured")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

const PAGE: usize = 4096;
/// Pages that are touched again and again.
const PAGES: usize = 256;
/// Pairs of mmap and munmap in a turn.
const PAIRS: usize = 5_000;
/// Short turns, of which the fastest counts: the machine does other things, too.
const TURNS: usize = 20;

/// What the target maps by system calls when it is told to, bytes: enough to be noticed.
const GROWTH: usize = 24 << 20;
/// Pairs of malloc and free in a turn of the target.
const BLOCKS: usize = 5_000;

/// What is measured in this process, which is no target.
const HERE: [&str; 3] = ["mmap and munmap", "page fault", "malloc and free"];
/// In the target.
const THERE: &str = "malloc and free of the target";

/// A measured moment.
struct Moment {
    here: [f64; 3],
    there: f64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "target") {
        return be_target();
    }
    let leakspy = arguments.first().map_or("target/release/leakspy", String::as_str);
    let rounds: usize = arguments.get(1).map_or(Ok(11), |rounds| rounds.parse())?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bystander.leakspy").display().to_string();
    let (mut without, mut attached, mut counting) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut target = Target::start()?;
        without.push(moment(&mut target)?);
        let mut watch = Watch::start(leakspy, target.process.0.id(), &file)?;
        attached.push(moment(&mut target)?);
        target.ask("grow")?;
        // From now on mappings by system calls are counted.
        watch.hear(|line| line.contains("that no call explains, so "))?;
        counting.push(moment(&mut target)?);
    }
    for (number, name) in HERE.into_iter().chain([THERE]).enumerate() {
        let of = |moments: &[Moment]| median(moments, |moment| moment.value(number));
        let (without, attached, counting) = (of(&without), of(&attached), of(&counting));
        let (off, on) = (attached / without, counting / without);
        println!(
            "{name}: {without:.0} ns without, {attached:.0} ns attached ({off:.3}), {counting:.0} ns \
             while system calls are counted ({on:.3})"
        );
    }
    Ok(())
}

impl Moment {
    fn value(&self, number: usize) -> f64 {
        self.here.get(number).copied().unwrap_or(self.there)
    }
}

fn moment(target: &mut Target) -> Result<Moment> {
    Ok(Moment { here: measure()?, there: target.ask("measure")?.trim().parse()? })
}

/// Obeys line after line.
fn be_target() -> Result<()> {
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            "grow" => println!("{}", grow()?),
            _ => println!("{}", best(|| time(BLOCKS, pair), BLOCKS)?),
        }
    }
    Ok(())
}

/// Maps memory and touches it, past the C library's `mmap`. Gives the address.
fn grow() -> Result<usize> {
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: as in `map`.
    let area = unsafe {
        libc::syscall(libc::SYS_mmap, std::ptr::null_mut::<u8>(), GROWTH, protection, flags, -1, 0)
    };
    let area = usize::try_from(area)?;
    for page in (area..area + GROWTH).step_by(PAGE) {
        // SAFETY: inside that mapping, of which nobody has a reference.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(page).write_volatile(1) };
    }
    Ok(area)
}

/// malloc and free.
fn pair() -> Result<()> {
    // SAFETY: a new block, which is freed at once.
    unsafe { libc::free(std::hint::black_box(libc::malloc(100))) };
    Ok(())
}

/// A process that can be watched.
struct Target {
    process: Killed,
    said: BufReader<ChildStdout>,
}

impl Target {
    fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("target")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(process.stdout.take().context("no standard output")?);
        Ok(Self { process: Killed(process), said })
    }

    fn ask(&mut self, what: &str) -> Result<String> {
        let input = self.process.0.stdin.as_mut().context("no standard input")?;
        writeln!(input, "{what}")?;
        let mut answer = String::new();
        self.said.read_line(&mut answer)?;
        Ok(answer)
    }
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

/// A leakspy.
struct Watch {
    _process: Killed,
    said: Lines<BufReader<ChildStderr>>,
}

impl Watch {
    /// One that has attached.
    fn start(leakspy: &str, pid: u32, file: &str) -> Result<Self> {
        let mut process = Command::new(leakspy)
            .args(["record", "--force", "-p", &pid.to_string(), "-o", file])
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {leakspy}"))?;
        let said = BufReader::new(process.stderr.take().context("no standard error")?).lines();
        let mut watch = Self { _process: Killed(process), said };
        watch.hear(|line| line.starts_with("recording"))?;
        Ok(watch)
    }

    fn hear(&mut self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let heard = self.said.by_ref().map_while(Result::ok).any(|line| wanted(&line));
        ensure!(heard, "leakspy has ended before it said so");
        Ok(())
    }
}

fn median(moments: &[Moment], value: impl Fn(&Moment) -> f64) -> f64 {
    let mut values: Vec<f64> = moments.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of each of [`HERE`], nanoseconds.
fn measure() -> Result<[f64; 3]> {
    let area = map(PAGES * PAGE)?;
    let mapped = best(|| time(PAIRS, || unmap(map(2 * PAGE)?, 2 * PAGE)), PAIRS)?;
    let fault = best(|| time(60, || touch(area)), 60 * PAGES)?;
    unmap(area, PAGES * PAGE)?;
    Ok([mapped, fault, best(|| time(20 * BLOCKS, pair), 20 * BLOCKS)?])
}

/// Of one call, in the fastest of many turns of so many.
fn best(turn: impl Fn() -> Result<f64>, calls: usize) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..TURNS {
        best = best.min(turn()? / calls as f64);
    }
    Ok(best)
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
