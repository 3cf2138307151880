//! Targets that are attached through the library, by trace events, with nothing that follows them.

use anyhow::{Context, Result, ensure};
use leakspy::model::AttachMethod;
use leakspy::os::{self, Modules, Process, allocator};
use leakspy::probe::plan::Plan;
use leakspy::probe::{
    AttachRequest, Capacity, FileProbes, GuardProgram, Kernel, Placed, SharedTargets,
};
use leakspy_ebpf::wire::target::ProgramTarget;

use crate::native;
use crate::tracer::binary;
use crate::workload::Workload;

/// What a target may take of the tables.
const SHARE: Capacity = Capacity { live_blocks: 1 << 12, sites: 1 << 10, ring_bytes: 1 << 20 };
/// What `pairs.c` asks for.
const PAIR_BYTES: u64 = 12345;

/// A target that makes pairs of malloc and free when it is told to.
pub struct Pairs {
    /// It.
    pub workload: Workload,
    /// Its probes and numbers.
    pub placed: Placed,
    /// They keep the files open that probes are in.
    _modules: Modules,
}

/// A kernel side for so many targets.
pub fn kernel(targets: u32) -> Result<SharedTargets> {
    let program = GuardProgram { path: binary()?.to_path_buf(), ..GuardProgram::this() };
    Ok(SharedTargets::new(&program, targets, SHARE)?)
}

impl Pairs {
    /// Starts one and counts from now on.
    pub fn start(kernel: &mut SharedTargets) -> Result<Self> {
        let workload = Workload::native(&native::program("pairs")?, &[])?;
        let process = Process::select(&workload.pid().to_string())?;
        let modules = Modules::of_process(&process)?;
        let tgid = os::privilege::host_pid(&process).context("the kernel's process id")?;
        let request = AttachRequest {
            pid: process.pid(),
            files: &probes(&process, &modules)?,
            target: ProgramTarget {
                tgid,
                task_fsbase: os::btf::task_fsbase()?,
                ..ProgramTarget::default()
            },
            method: AttachMethod::Trace,
            capacity: SHARE,
            in_place: &|| Ok(()),
        };
        let placed = kernel.attach(&request)?;
        placed.tables.set_recording(true)?;
        Ok(Self { workload, placed, _modules: modules })
    }

    /// Makes so many pairs.
    pub fn make(&mut self, pairs: u64) -> Result<()> {
        self.workload.command(&pairs.to_string()).map(|_| ())
    }

    /// Exactly so many were seen so far, each once.
    pub fn were_seen(&self, pairs: u64) -> Result<()> {
        let sites = self.placed.tables.sites()?;
        let mut ours = sites.iter().filter(|(_, totals)| {
            totals.allocated_count > 0
                && totals.allocated_count.checked_mul(PAIR_BYTES) == Some(totals.allocated_bytes)
        });
        let (_, totals) = ours.next().context("no site of pairs")?;
        let seen = (totals.allocated_count, totals.freed_count, totals.freed_bytes);
        ensure!(seen == (pairs, pairs, pairs * PAIR_BYTES), "{seen:?} of {pairs} pairs");
        Ok(())
    }
}

/// Probes on the allocator of a process.
fn probes(process: &Process, modules: &Modules) -> Result<Vec<FileProbes>> {
    let allocator = allocator::locate(process.pid(), modules, process.memory())?;
    let code: Vec<_> = allocator.located.iter().map(|one| (one.module, one.vaddr)).collect();
    let plan = Plan::new(&allocator, &modules.code_around(&code), os::privilege::kernel_release()?);
    Ok(plan.files(None, modules))
}
