//! Puts the probes in, in the best way that the kernel has, and takes them out.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeScope};
use leakspy_ebpf::wire::name;

use super::bpf::{ATTACH_MULTI, ATTACH_SESSION};
use super::error::ProbeError;
use super::guard::{Group, Guard, LinkRequest};
use super::load::Loaded;

/// How probes are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Session links: the entry decides whether the return is seen (kernel 6.13 on).
    Session,
    /// Multi links for entries and returns (kernel 6.10 on).
    Multi,
    /// Perf events (any kernel; needs CAP_SYS_ADMIN).
    Perf,
}

impl Method {
    /// Best first.
    pub const ALL: [Self; 3] = [Self::Session, Self::Multi, Self::Perf];

    /// What it needs, as advice.
    pub const fn floor(self) -> &'static str {
        match self {
            Self::Session => "a kernel from 6.13 on has it; without it returns cost more",
            Self::Multi => "a kernel from 6.10 on has it",
            Self::Perf => "a kernel from 5.15 on with perf events has it",
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "uprobe session links",
            Self::Multi => "uprobe multi links",
            Self::Perf => "perf events",
        }
    }
}

/// Probes in one file.
#[derive(Clone, Debug)]
pub struct FileProbes {
    /// The inode that the target maps, as an open descriptor of this process.
    pub file: RawFd,
    /// How the target calls it, for messages.
    pub shown_path: String,
    /// Allocation functions: file offset and cookie.
    pub alloc: Vec<(u64, u64)>,
    /// Functions that only release: file offset and cookie.
    pub free: Vec<(u64, u64)>,
    /// File offset in `code_dealloc`, if this file holds the interpreter.
    pub code_dealloc: Option<u64>,
}

/// Probes in place, held by the guard or (perf events) by the loaded programs.
pub struct Attached {
    // Links refer to them; kept for as long as the probes are in place.
    _programs: Vec<OwnedFd>,
}

/// Attaches everything by one method, with links in a group of the guard. Releases are attached before allocations, so that no block can be
/// recorded whose release would be missed; the guard takes them out the other way round.
///
/// # Errors
/// [`ProbeError::is_unsupported`] when the kernel does not have the method. No probe is left in place.
pub fn attach(
    loaded: &mut Loaded,
    (guard, group): (&mut Guard, Group),
    files: &[FileProbes],
    pid: u32,
    method: Method,
) -> Result<Attached, ProbeError> {
    let attached = match method {
        Method::Session | Method::Multi => {
            attach_multi(loaded, Links { guard, group, pid }, files, method)
        }
        Method::Perf => attach_perf(loaded, files, pid),
    };
    if attached.is_err() {
        // A guard that is gone has no links.
        let _ = guard.release(group);
    }
    attached
}

fn attach_multi(
    loaded: &Loaded,
    mut links: Links<'_>,
    files: &[FileProbes],
    method: Method,
) -> Result<Attached, ProbeError> {
    let free = loaded.program(name::PROGRAM_FREE, ATTACH_MULTI)?;
    let code = loaded.program(name::PROGRAM_CODE_DEALLOC, ATTACH_MULTI)?;
    for file in files {
        links.make(&free, file, &file.free, ATTACH_MULTI, false)?;
        let point: Vec<(u64, u64)> = file.code_dealloc.iter().map(|&offset| (offset, 0)).collect();
        links.make(&code, file, &point, ATTACH_MULTI, false)?;
    }
    let mut programs = vec![free, code];
    if method == Method::Session {
        let session = loaded.program(name::PROGRAM_ALLOC_SESSION, ATTACH_SESSION)?;
        for file in files {
            links.make(&session, file, &file.alloc, ATTACH_SESSION, false)?;
        }
        programs.push(session);
    } else {
        let entry = loaded.program(name::PROGRAM_ALLOC, ATTACH_MULTI)?;
        let returned = loaded.program(name::PROGRAM_ALLOC_RETURN, ATTACH_MULTI)?;
        for file in files {
            links.make(&returned, file, &file.alloc, ATTACH_MULTI, true)?;
            links.make(&entry, file, &file.alloc, ATTACH_MULTI, false)?;
        }
        programs.extend([entry, returned]);
    }
    Ok(Attached { _programs: programs })
}

/// Links on one process.
struct Links<'a> {
    guard: &'a mut Guard,
    group: Group,
    pid: u32,
}

impl Links<'_> {
    fn make(
        &mut self,
        program: &OwnedFd,
        file: &FileProbes,
        points: &[(u64, u64)],
        attach_type: u32,
        at_return: bool,
    ) -> Result<(), ProbeError> {
        if points.is_empty() {
            return Ok(());
        }
        let (offsets, cookies) = points.iter().copied().unzip();
        let (program, file_fd) = (program.as_raw_fd(), file.file);
        let pid = self.pid;
        let request =
            LinkRequest { program, file: file_fd, offsets, cookies, pid, attach_type, at_return };
        let path = &file.shown_path;
        self.guard
            .link(self.group, request)
            .map_err(|source| ProbeError::Attach { path: path.clone(), source })
    }
}

/// aya keeps the links of this method; they go with `loaded`.
fn attach_perf(
    loaded: &mut Loaded,
    files: &[FileProbes],
    pid: u32,
) -> Result<Attached, ProbeError> {
    for file in files {
        perf_points(loaded, name::PROGRAM_FREE, file, &file.free, pid)?;
        let code: Vec<(u64, u64)> = file.code_dealloc.iter().map(|&offset| (offset, 0)).collect();
        perf_points(loaded, name::PROGRAM_CODE_DEALLOC, file, &code, pid)?;
    }
    for file in files {
        perf_points(loaded, name::PROGRAM_ALLOC_RETURN, file, &file.alloc, pid)?;
        perf_points(loaded, name::PROGRAM_ALLOC, file, &file.alloc, pid)?;
    }
    Ok(Attached { _programs: Vec::new() })
}

fn perf_points(
    loaded: &mut Loaded,
    program: &'static str,
    file: &FileProbes,
    points: &[(u64, u64)],
    pid: u32,
) -> Result<(), ProbeError> {
    if points.is_empty() {
        return Ok(());
    }
    let failed = |source| ProbeError::Attach { path: file.shown_path.clone(), source };
    let process = std::num::NonZeroU32::new(pid)
        .ok_or_else(|| failed(io::Error::from(io::ErrorKind::InvalidInput)))?;
    let uprobe = loaded.perf_program(program)?;
    for &(offset, cookie) in points {
        let point = UProbeAttachPoint {
            location: UProbeAttachLocation::AbsoluteOffset(offset),
            cookie: Some(cookie),
        };
        uprobe
            .attach(point, format!("/proc/self/fd/{}", file.file), UProbeScope::OneProcess(process))
            .map_err(|error| failed(io::Error::other(error)))?;
    }
    Ok(())
}
