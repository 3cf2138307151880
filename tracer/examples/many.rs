//! What a malloc/free pair costs while other processes that share its libc are attached and stand
//! still (`docs/many-targets.md`). As root:
//! `cargo run --release --example many -- [WAY [NUMBER OF OTHERS [ROUNDS]]]`.

#![allow(clippy::print_stdout, reason = "a command for people")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use leakspy::model::AttachMethod;
use leakspy::os::{self, Modules, Process, allocator};
use leakspy::probe::plan::Plan;
use leakspy::probe::{
    AttachRequest, Capacity, FileProbes, GuardProgram, Kernel, Placed, SharedTargets,
    serve_inherited,
};
use leakspy::report::method::method as name;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::target::ProgramTarget;

/// Pairs that are timed at once: short, because on a busy machine a longer run is interrupted.
const PAIRS: u32 = 500;
const RUNS: u32 = 400;
const WAYS: [AttachMethod; 4] =
    [AttachMethod::Session, AttachMethod::Multi, AttachMethod::Perf, AttachMethod::Trace];

fn main() -> Result<()> {
    if GuardProgram::is_asked_for(std::env::args_os()) {
        return Ok(serve_inherited()?);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "worker") {
        return work();
    }
    let wanted = |way: &&AttachMethod| {
        arguments.first().is_none_or(|asked| name(**way).contains(asked.as_str()))
    };
    let mut numbers = arguments.iter().skip(1).map(|number| number.parse());
    let others: usize = numbers.next().transpose()?.unwrap_or(50);
    let rounds: usize = numbers.next().transpose()?.unwrap_or(5);
    for way in WAYS.iter().filter(wanted) {
        compare(*way, others, rounds)?;
    }
    Ok(())
}

/// One target alone and one of many, in turn: the medians, and how many times the first the second is.
fn compare(way: AttachMethod, others: usize, rounds: usize) -> Result<()> {
    let (mut alone, mut among) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(measure(way, 0)?);
        among.push(measure(way, others)?);
    }
    let median = |runs: &[Costs], what: usize| {
        let mut values: Vec<f64> = runs.iter().map(|run| run.0[what]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!("{}, alone and with {others} others, medians of {rounds}:", name(way));
    for (number, what) in WHAT.iter().enumerate() {
        let (alone, among) = (median(&alone, number), median(&among, number));
        let more = 100.0 * (among / alone - 1.0);
        if more.is_finite() {
            println!("  {what:42} {alone:8.2} {among:8.2} {more:+5.0} %");
        }
    }
    Ok(())
}

/// Answers each line with the nanoseconds of processor time that a pair took.
fn work() -> Result<()> {
    println!("ready");
    for line in std::io::stdin().lines() {
        line?;
        let best = (0..RUNS).map(|_| run()).min().unwrap_or(0);
        println!("{}", best / u64::from(PAIRS));
    }
    Ok(())
}

fn run() -> u64 {
    let begun = os::clock::own_cpu_ns();
    for _ in 0..PAIRS {
        // SAFETY: allocates and frees.
        unsafe { libc::free(std::hint::black_box(libc::malloc(100))) };
    }
    os::clock::own_cpu_ns().saturating_sub(begun)
}

struct Worker {
    process: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ask = process.stdin.take().context("no standard input")?;
        let answer = BufReader::new(process.stdout.take().context("no standard output")?);
        let mut worker = Self { process, ask, answer };
        worker.line()?;
        Ok(worker)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        Ok(line)
    }

    fn pair_ns(&mut self) -> Result<u64> {
        self.ask.write_all(b"\n")?;
        Ok(self.line()?.trim().parse()?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An attached worker. The modules keep the files open that probes are in.
struct Attached {
    worker: Worker,
    placed: Placed,
    _modules: Modules,
}

/// What is measured, in this order.
const WHAT: [&str; 8] = [
    "pair, attached first, µs",
    "pair, attached in the middle, µs",
    "pair, attached last, µs",
    "pair, attached first, after a while, µs",
    "bringing one to the front, µs",
    "attach, each, ms",
    "detach, each but the last, ms",
    "detach, the last, ms",
];

/// As [`WHAT`] says.
struct Costs([f64; WHAT.len()]);

fn measure(way: AttachMethod, others: usize) -> Result<Costs> {
    let program = GuardProgram { path: std::env::current_exe()?, ..GuardProgram::this() };
    let share = Capacity { live_blocks: 1 << 16, sites: 1 << 12, ..Capacity::default() };
    let mut kernel = SharedTargets::new(&program, u32::try_from(others + 1)?, share)?;
    let workers = (0..=others).map(|_| Worker::start()).collect::<Result<Vec<_>>>()?;
    let begun = Instant::now();
    let mut targets = Vec::new();
    for worker in workers {
        targets.push(attach(&mut kernel, worker, way, share)?);
    }
    let attach = milliseconds(begun) / count(&targets);
    // What came before must not count as work of the targets.
    kernel.arrange();
    let [first, middle, last] = [0, others / 2, others].map(|index| targets[index].pair());
    // The first works, and the others do not.
    kernel.arrange();
    targets[0].pair()?;
    kernel.arrange();
    let later = targets[0].pair()?;
    let move_one = time_moves(&mut kernel, way, &targets)?;
    let mut detached = Vec::new();
    for target in &targets {
        let begun = Instant::now();
        target.placed.tables.set_recording(false)?;
        kernel.detach(target.placed.slot)?;
        detached.push(milliseconds(begun));
    }
    let final_one = detached.pop().unwrap_or_default();
    let detach = detached.iter().sum::<f64>() / f64::max(detached.len() as f64, 1.0);
    Ok(Costs([first?, middle?, last?, later, move_one, attach, detach, final_one]))
}

/// Microseconds that it takes to bring a target to the front, where there is a front.
fn time_moves(kernel: &mut SharedTargets, way: AttachMethod, targets: &[Attached]) -> Result<f64> {
    if way != AttachMethod::Trace {
        return Ok(0.0);
    }
    let begun = Instant::now();
    for target in targets {
        kernel.bring_to_front(target.placed.slot)?;
    }
    Ok(milliseconds(begun) * 1000.0 / count(targets))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn count(targets: &[Attached]) -> f64 {
    targets.len() as f64
}

impl Attached {
    /// Microseconds that a pair takes it. All of them must have been seen.
    fn pair(&mut self) -> Result<f64> {
        let before = self.placed.tables.counters()?;
        let nanoseconds = self.worker.pair_ns()?;
        let after = self.placed.tables.counters()?;
        let seen = |counter: Counter| after[counter as usize] - before[counter as usize];
        if seen(Counter::FreeRecorded) < u64::from(PAIRS * RUNS) {
            bail!("calls are missing: {} of {}", seen(Counter::FreeRecorded), PAIRS * RUNS);
        }
        Ok(nanoseconds as f64 / 1000.0)
    }
}

fn attach(
    kernel: &mut SharedTargets,
    worker: Worker,
    method: AttachMethod,
    capacity: Capacity,
) -> Result<Attached> {
    let process = Process::select(&worker.process.id().to_string())?;
    let modules = Modules::of_process(&process)?;
    let files = probes(&process, &modules)?;
    let tgid = os::privilege::host_pid(&process).unwrap_or(0);
    let target =
        ProgramTarget { tgid, task_fsbase: os::btf::task_fsbase()?, ..ProgramTarget::default() };
    let pid = process.pid();
    let request =
        AttachRequest { pid, files: &files, target, method, capacity, in_place: &|| Ok(()) };
    let placed = kernel.attach(&request)?;
    placed.tables.set_recording(true)?;
    Ok(Attached { worker, placed, _modules: modules })
}

/// Probes on the allocator of a process.
fn probes(process: &Process, modules: &Modules) -> Result<Vec<FileProbes>> {
    let allocator = allocator::locate(process.pid(), modules, process.memory())?;
    let code: Vec<_> = allocator.located.iter().map(|one| (one.module, one.vaddr)).collect();
    let plan = Plan::new(&allocator, &modules.code_around(&code), os::privilege::kernel_release()?);
    Ok(plan.files(None, modules))
}
