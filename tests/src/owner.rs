//! Whose eBPF programs are loaded: what we started carries a mark in its environment, and so does
//! what it started in turn (the guard). Others may use leakspy on this machine while tests run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::kernel;

/// The variable that holds the mark.
const MARK: &str = "LEAKSPY_TESTS_RUN";

/// The mark of this test program, like that of no other one.
fn mark() -> &'static str {
    static OWN: OnceLock<String> = OnceLock::new();
    OWN.get_or_init(|| {
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}", std::process::id(), began.as_nanos())
    })
}

/// Makes what `command` will start known as ours, unless it is to be known as another's.
pub fn claim(command: &mut Command) {
    if command.get_envs().all(|(name, _)| name != MARK) {
        command.env(MARK, mark());
    }
}

/// Makes what `command` will start look like a stranger's.
pub fn disown(command: &mut Command) {
    command.env_remove(MARK);
}

/// Waits until no link probes the process, and no program called like leakspy's is left that was
/// not there `before` and that nobody else holds.
pub fn await_nothing_left(pid: u32, before: &BTreeMap<u32, String>) -> Result<()> {
    kernel::await_no_links(pid)?;
    kernel::await_empty("programs", || programs_left(before))
}

/// Ids of the programs called like leakspy's that were not there `before` and that nobody else
/// holds: held by what we started, or by nobody.
pub fn programs_left(before: &BTreeMap<u32, String>) -> Result<Vec<u32>> {
    let mut left: Vec<u32> = kernel::programs()?.into_keys().collect();
    left.retain(|id| !before.contains_key(id));
    if !left.is_empty() {
        let foreign = held_by_others()?;
        left.retain(|id| !foreign.contains(id));
    }
    Ok(left)
}

/// Ids of the programs that are held by descriptors of processes that are known to be another's.
fn held_by_others() -> Result<BTreeSet<u32>> {
    let mut held = BTreeSet::new();
    for process in fs::read_dir("/proc").context("list processes")? {
        let process = process?.path();
        let is_number = |name: &str| name.bytes().all(|letter| letter.is_ascii_digit());
        if process.file_name().and_then(|name| name.to_str()).is_some_and(is_number)
            && is_another_s(&process)
        {
            held.extend(programs_of(&process.join("fdinfo")));
        }
    }
    Ok(held)
}

/// A process that is about to end has no environment any more, and might be ours.
fn is_another_s(process: &Path) -> bool {
    let ours = format!("{MARK}={}", mark());
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    !environment.is_empty()
        && environment.split(|byte| *byte == 0).all(|variable| variable != ours.as_bytes())
}

/// Ids that the descriptors of one process name; none where it has gone meanwhile.
fn programs_of(folder: &Path) -> Vec<u32> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    texts.flat_map(|text| text.lines().filter_map(program_id).collect::<Vec<u32>>()).collect()
}

/// The descriptor of a program says `prog_id`, and so does that of a link.
fn program_id(line: &str) -> Option<u32> {
    line.strip_prefix("prog_id:")?.trim().parse().ok()
}
