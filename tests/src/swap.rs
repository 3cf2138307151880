//! Swap for the tests that need some: the machine's own, else a compressed disk in memory for as long
//! as the tests run.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const SIZE: &str = "/sys/block/zram0/disksize";
const RESET: &str = "/sys/block/zram0/reset";
const DEVICE: &str = "/dev/zram0";

/// Swap that can be used.
#[derive(Debug)]
pub struct Swap {
    /// Whether it is to be taken away again.
    ours: bool,
}

impl Swap {
    /// Sees to it that there is some.
    pub fn on() -> Result<Self> {
        let ready = fs::read_to_string("/proc/swaps").is_ok_and(|text| text.lines().count() > 1);
        if ready {
            return Ok(Self { ours: false });
        }
        match fs::read_to_string(SIZE) {
            Ok(size) if size.trim() == "0" => {}
            _ => bail!("no swap, and no unused {DEVICE} for some: swapon, or modprobe zram"),
        }
        fs::write(SIZE, "1G").with_context(|| format!("write {SIZE}"))?;
        let swap = Self { ours: true };
        run("mkswap")?;
        run("swapon")?;
        Ok(swap)
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        if self.ours {
            // What was swapped out is brought back; if that fails, the machine has more swap than
            // before.
            let _ = run("swapoff");
            let _ = fs::write(RESET, "1");
        }
    }
}

/// Bytes of a process that are swapped out.
pub fn swapped(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSwap:"));
    let number = line.and_then(|text| text.trim().strip_suffix("kB")).context("VmSwap")?;
    Ok(number.trim().parse::<u64>().context("VmSwap")? << 10)
}

fn run(program: &str) -> Result<()> {
    let output = Command::new(program).arg(DEVICE).output().with_context(|| program.to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {DEVICE}: {said}");
    Ok(())
}
