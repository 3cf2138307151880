//! Puts the probes in, in the best way that the kernel has, and takes them out.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeScope};
use leakspy_ebpf::wire::name;

use super::bpf::{self, ATTACH_MULTI, ATTACH_SESSION, Multi};
use super::error::ProbeError;
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
    /// How we open it: `/proc/self/fd/N` of the inode that the target maps.
    pub open_path: String,
    /// How the target calls it, for messages.
    pub shown_path: String,
    /// Allocation functions: file offset and cookie.
    pub alloc: Vec<(u64, u64)>,
    /// Functions that only release: file offset and cookie.
    pub free: Vec<(u64, u64)>,
    /// File offset in `code_dealloc`, if this file holds the interpreter.
    pub code_dealloc: Option<u64>,
}

/// Probes in place; dropping it takes them out, those on allocations first.
pub struct Attached {
    /// How they were attached.
    pub method: Method,
    // Fields drop in this order.
    alloc: Vec<OwnedFd>,
    free: Vec<OwnedFd>,
    _programs: Vec<OwnedFd>,
}

impl Attached {
    /// Takes out the probes on allocations, then those on releases.
    pub fn detach(&mut self) {
        self.alloc.clear();
        self.free.clear();
    }
}

/// Attaches everything by one method. Releases are attached before allocations, so that no block can be
/// recorded whose release would be missed.
///
/// # Errors
/// [`ProbeError::is_unsupported`] when the kernel does not have the method.
pub fn attach(
    loaded: &mut Loaded,
    files: &[FileProbes],
    pid: u32,
    method: Method,
) -> Result<Attached, ProbeError> {
    match method {
        Method::Session | Method::Multi => attach_multi(loaded, files, pid, method),
        Method::Perf => attach_perf(loaded, files, pid),
    }
}

fn attach_multi(
    loaded: &Loaded,
    files: &[FileProbes],
    pid: u32,
    method: Method,
) -> Result<Attached, ProbeError> {
    let free = loaded.program(name::PROGRAM_FREE, ATTACH_MULTI)?;
    let code = loaded.program(name::PROGRAM_CODE_DEALLOC, ATTACH_MULTI)?;
    let mut attached =
        Attached { method, alloc: Vec::new(), free: Vec::new(), _programs: Vec::new() };
    let link =
        |program: &OwnedFd, file: &FileProbes, points: &[(u64, u64)], attach_type, at_return| {
            link_file(program, file, points, pid, attach_type, at_return)
        };
    for file in files {
        attached.free.extend(link(&free, file, &file.free, ATTACH_MULTI, false)?);
        let point: Vec<(u64, u64)> = file.code_dealloc.iter().map(|&offset| (offset, 0)).collect();
        attached.free.extend(link(&code, file, &point, ATTACH_MULTI, false)?);
    }
    if method == Method::Session {
        let session = loaded.program(name::PROGRAM_ALLOC_SESSION, ATTACH_SESSION)?;
        for file in files {
            attached.alloc.extend(link(&session, file, &file.alloc, ATTACH_SESSION, false)?);
        }
        attached._programs.push(session);
    } else {
        let entry = loaded.program(name::PROGRAM_ALLOC, ATTACH_MULTI)?;
        let returned = loaded.program(name::PROGRAM_ALLOC_RETURN, ATTACH_MULTI)?;
        for file in files {
            attached.alloc.extend(link(&returned, file, &file.alloc, ATTACH_MULTI, true)?);
            attached.alloc.extend(link(&entry, file, &file.alloc, ATTACH_MULTI, false)?);
        }
        attached._programs.extend([entry, returned]);
    }
    attached._programs.extend([free, code]);
    Ok(attached)
}

fn link_file(
    program: &OwnedFd,
    file: &FileProbes,
    points: &[(u64, u64)],
    pid: u32,
    attach_type: u32,
    at_return: bool,
) -> Result<Option<OwnedFd>, ProbeError> {
    if points.is_empty() {
        return Ok(None);
    }
    let failed = |source| ProbeError::Attach { path: file.shown_path.clone(), source };
    let path =
        CString::new(file.open_path.as_str()).map_err(|error| failed(io::Error::other(error)))?;
    let (offsets, cookies): (Vec<u64>, Vec<u64>) = points.iter().copied().unzip();
    let multi =
        Multi { path: &path, offsets: &offsets, cookies: &cookies, pid, attach_type, at_return };
    bpf::link_multi(program.as_fd(), &multi).map(Some).map_err(failed)
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
    Ok(Attached {
        method: Method::Perf,
        alloc: Vec::new(),
        free: Vec::new(),
        _programs: Vec::new(),
    })
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
            .attach(point, Path::new(&file.open_path), UProbeScope::OneProcess(process))
            .map_err(|error| failed(io::Error::other(error)))?;
    }
    Ok(())
}
