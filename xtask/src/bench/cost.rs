//! What processes use, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::command::{command, output};

/// Seconds of processor time of a process so far, user and system.
///
/// # Errors
/// It is gone.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = proc_file(pid, "stat")?;
    // The name in brackets may hold anything, so count from the last bracket.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let numbers: Vec<f64> = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    match numbers[..] {
        [user, system] => Ok((user + system) / ticks_per_second()?),
        _ => bail!("/proc/{pid}/stat makes no sense: {stat}"),
    }
}

/// The same of a process and all that it started and that still run.
pub fn cpu_seconds_of_tree(pid: u32) -> f64 {
    tree(pid).into_iter().filter_map(|pid| cpu_seconds(pid).ok()).sum()
}

/// Most resident memory of a process so far, MiB.
pub fn peak_mib(pid: u32) -> Option<f64> {
    let status = proc_file(pid, "status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Memory of the maps of eBPF that a process and what it started hold open, MiB: each map once.
pub fn map_mib(pid: u32) -> f64 {
    let mut maps: BTreeMap<u64, f64> = BTreeMap::new();
    for pid in tree(pid) {
        let Ok(infos) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else { continue };
        for info in infos.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()) {
            let field = |name: &str| {
                info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            };
            if let (Some(id), Some(bytes)) = (field("map_id:"), field("memlock:")) {
                maps.insert(id, bytes as f64);
            }
        }
    }
    maps.values().sum::<f64>() / f64::from(1 << 20)
}

/// Processes that a process started.
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

fn tree(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        all.extend(children(pid));
        next += 1;
    }
    all
}

fn ticks_per_second() -> Result<f64> {
    static TICKS: OnceLock<f64> = OnceLock::new();
    if let Some(ticks) = TICKS.get() {
        return Ok(*ticks);
    }
    let ticks = output(command("getconf").arg("CLK_TCK"))?.trim().parse().context("CLK_TCK")?;
    Ok(*TICKS.get_or_init(|| ticks))
}

fn proc_file(pid: u32, name: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{name}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let own = std::process::id();
        assert!(cpu_seconds(own).expect("of this process") <= cpu_seconds_of_tree(own) + 0.1);
        assert!(peak_mib(own).expect("of this process") > 1.0);
        assert!(cpu_seconds(u32::MAX).is_err() && peak_mib(u32::MAX).is_none());
        assert_eq!(tree(u32::MAX), [u32::MAX]);
    }
}
