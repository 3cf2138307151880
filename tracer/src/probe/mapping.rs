//! Mappings that are made without the C library, seen where the kernel makes and ends them, while a target
//! needs it.
//!
//! Two tracepoints say enough: one when room was found for a mapping, one before an address space is
//! locked to end one. System calls that do neither never come there, and in processes that are no
//! targets the programs end at once. (Programs at the kernel's own functions would see the result, too, but
//! not every kernel allows them. Nothing of the kind runs in one task only: those of perf events on tracepoints run in
//! all, and breakpoints on the kernel's code, which are of a task, are four, need kprobes, and run where
//! tables cannot be written for sure.)

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use leakspy_ebpf::wire::name;

use super::bpf;
use super::error::ProbeError;

/// The programs and their tracepoints (`include/trace/events/mmap.h` and `mmap_lock.h`); what ends a
/// mapping first.
const TRACEPOINTS: [(&str, &CStr); 2] = [
    (name::PROGRAM_MAPPING_ENDS, c"mmap_lock_start_locking"),
    (name::PROGRAM_MAPPING_BEGINS, c"vm_unmapped_area"),
];

/// Links at the tracepoints; they go when this is dropped, or its process ends.
pub struct MappingLinks(#[expect(dead_code, reason = "held until it is dropped")] Vec<OwnedFd>);

/// Links the programs, each as `load` loads it.
pub fn link(
    mut load: impl FnMut(&'static str) -> Result<OwnedFd, ProbeError>,
) -> Result<MappingLinks, ProbeError> {
    let failed = |source| ProbeError::Kernel { what: "see system calls that map", source };
    let links = TRACEPOINTS.into_iter().map(|(program, tracepoint)| {
        bpf::link_tracepoint(load(program)?.as_fd(), tracepoint).map_err(failed)
    });
    Ok(MappingLinks(links.collect::<Result<_, _>>()?))
}
