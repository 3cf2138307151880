//! What a trap costs on this machine, measured on a function of our own: the kernel's way into a program and back,
//! and a program that finds nothing to do.

use std::os::fd::AsRawFd;

use leakspy_ebpf::wire::key::{Function, cookie};
use leakspy_ebpf::wire::name;
use leakspy_ebpf::wire::target::ProgramLayout;

use super::attach::group;
use super::error::ProbeError;
use super::guard::{Guard, LinkRequest};
use super::load::Loaded;
use crate::model::AttachMethod;
use crate::os;

/// Hits: a millisecond of them.
const HITS: u32 = 1500;
/// No target has this number.
const OWN: u32 = u32::MAX;

/// Nanoseconds of a hit. A return costs less: four fifths of that where it was compared.
///
/// # Errors
/// The kernel places no probe in this process, or it cannot be said where.
pub fn measure(
    guard: &mut Guard,
    loaded: &mut Loaded,
    method: AttachMethod,
    layout: &ProgramLayout,
) -> Result<f64, ProbeError> {
    let kind = method.kind();
    let failed = |source| ProbeError::Kernel { what: "measure a trap", source };
    let (file, offset) = os::own::place(probed as *const () as u64).map_err(failed)?;
    let link = LinkRequest {
        program: loaded.program(name::PROGRAM_FREE, kind.attach_type(), layout)?,
        file: file.as_raw_fd(),
        offsets: vec![offset],
        cookies: vec![cookie(Function::Free as u32, 0)],
        pid: std::process::id(),
        kind,
        at_return: false,
    };
    let without = hits();
    guard.link(group(OWN, None), link).map_err(|source| failed(kind.understood(source)))?;
    let with = hits();
    guard.release(group(OWN, None)).map_err(failed)?;
    Ok((with - without).max(0.0) / f64::from(HITS))
}

/// Nanoseconds of this thread for so many calls, the least of some turns: what else happens only adds.
fn hits() -> f64 {
    let turn = || {
        let begun = os::clock::thread_cpu_ns();
        (0..HITS).for_each(|_| probed());
        os::clock::thread_cpu_ns().saturating_sub(begun)
    };
    let least = (0..3).map(|_| turn()).min().unwrap_or(0);
    std::time::Duration::from_nanos(least).as_secs_f64() * 1e9
}

/// Its first instruction is one that the kernel emulates (`push %rbp`).
#[unsafe(naked)]
extern "C" fn probed() {
    core::arch::naked_asm!("push rbp", "pop rbp", "ret")
}
