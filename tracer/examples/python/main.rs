//! Holds the modules `python` and `heap` against live interpreters, and saves those for their
//! tests. Called by `src/python/fixtures/make.py`, which starts the interpreters.
#![allow(clippy::print_stdout, reason = "a program that is run by hand")]

mod heap;
mod image;
mod lines;
mod process;

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use leakspy::python::Collector;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["save", pid, answer, image] => image::save(pid, answer, image),
        ["heap", pid, answer, image] => heap::save(pid, answer, image),
        ["lines", tables] => lines::check(tables),
        ["attach", pid, times] => attach_often(pid, times.parse()?),
        ["collections", pid] => collections(pid),
        _ => bail!(
            "usage: python save|heap PID ANSWER IMAGE | lines TABLES | attach PID TIMES | collections PID"
        ),
    }
}

/// Attaches again and again to a process that does not stand still; it must be understood every
/// time.
fn attach_often(pid: &str, times: u32) -> Result<()> {
    let (process, symbols) = process::open(pid)?;
    let memory = process.memory();
    let first = process::attach(memory, &symbols)?;
    let (started, mut refused, mut frames, mut threads) = (Instant::now(), Vec::new(), 0, 0);
    for _ in 0..times {
        match process::attach(memory, &symbols) {
            Ok(python) => {
                ensure!(python.walk == first.walk, "{python:#?} is not {first:#?}");
                frames += python.checked.frames;
                threads += python.threads.len();
            }
            Err(refusal) => refused.push(refusal),
        }
    }
    let each = started.elapsed() / times;
    let version = first.version;
    println!(
        "{version}: {times} times, {threads} threads, {frames} frames, {each:?} each, {:?}",
        first.slot
    );
    ensure!(refused.is_empty(), "refused {} times, such as: {}", refused.len(), refused[0]);
    Ok(())
}

/// Prints how often the collector has run over everything: the last number of `gc.get_stats()`.
fn collections(pid: &str) -> Result<()> {
    let (process, symbols) = process::open(pid)?;
    let python = process::attach(process.memory(), &symbols)?;
    let collector = Collector::find(process.memory(), &python).context("no collector found")?;
    let count = collector.full_collections(process.memory()).context("it cannot be read")?;
    println!("{count}");
    Ok(())
}
