//! How long the programs of a target run, as the kernel measures it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use leakspy_ebpf::wire::name;
use leakspy_ebpf::wire::target::ProgramLayout;

use super::bpf;
use super::error::ProbeError;
use super::guard::LinkKind;
use super::kernel::{ProgramTimes, RunTime};
use super::load::Loaded;
use crate::model::AttachMethod;

/// The programs of a target, which it shares with others that have the same interpreter.
pub struct TimedPrograms {
    alloc: Vec<OwnedFd>,
    free: OwnedFd,
    /// While this is open, the kernel times them.
    timing: Mutex<Option<OwnedFd>>,
}

impl TimedPrograms {
    /// Those that an attach by this method has loaded.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new(
        loaded: &mut Loaded,
        method: AttachMethod,
        layout: &ProgramLayout,
    ) -> Result<Self, ProbeError> {
        let kind = method.kind();
        let mut program = |name, kind: LinkKind| loaded.share(name, kind.attach_type(), layout);
        let alloc = match method {
            AttachMethod::Session => vec![program(name::PROGRAM_ALLOC_SESSION, LinkKind::Session)?],
            _ => vec![
                program(name::PROGRAM_ALLOC, kind)?,
                program(name::PROGRAM_ALLOC_RETURN, kind)?,
            ],
        };
        let free = program(name::PROGRAM_FREE, kind)?;
        Ok(Self { alloc, free, timing: Mutex::new(None) })
    }

    /// Begins to time them, or ends it.
    ///
    /// # Errors
    /// The kernel cannot, or does not allow it.
    pub fn time(&self, on: bool) -> Result<(), ProbeError> {
        let failed = |source| ProbeError::Kernel { what: "time programs", source };
        let timing = if on { Some(bpf::enable_stats().map_err(failed)?) } else { None };
        *self.timing.lock().unwrap_or_else(PoisonError::into_inner) = timing;
        Ok(())
    }

    /// What they took while they were timed.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn times(&self) -> Result<ProgramTimes, ProbeError> {
        let failed = |source| ProbeError::Kernel { what: "read the time of programs", source };
        let alloc = sum(self.alloc.iter().map(AsFd::as_fd)).map_err(failed)?;
        let free = sum([self.free.as_fd()].into_iter()).map_err(failed)?;
        Ok(ProgramTimes { alloc, free })
    }
}

fn sum<'a>(mut programs: impl Iterator<Item = BorrowedFd<'a>>) -> io::Result<RunTime> {
    programs.try_fold(RunTime::default(), |sum, program| {
        let (ns, runs) = bpf::run_time(program)?;
        Ok(RunTime { ns: sum.ns.saturating_add(ns), runs: sum.runs.saturating_add(runs) })
    })
}
