//! Puts the probes in, in the best way that the kernel has, and takes them out.

use std::io;
use std::os::fd::RawFd;

use leakspy_ebpf::wire::key::cookie;
use leakspy_ebpf::wire::name;
use leakspy_ebpf::wire::target::ProgramLayout;

use super::error::ProbeError;
use super::guard::{Guard, LinkGroup, LinkKind, LinkRequest};
use super::load::Loaded;
use crate::model::AttachMethod;

impl AttachMethod {
    /// Best first, for one target.
    pub const ALL: [Self; 3] = [Self::Session, Self::Multi, Self::Perf];
    /// Best first, for several: the kernel asks every link of the others at each hit of a file that
    /// they share.
    pub const OF_SEVERAL: [Self; 4] = [Self::Trace, Self::Session, Self::Multi, Self::Perf];

    /// Best first, for so many targets.
    pub const fn of(targets: u32) -> &'static [Self] {
        if targets > 1 { &Self::OF_SEVERAL } else { &Self::ALL }
    }

    /// The probes on what is not an allocation function.
    pub(super) const fn kind(self) -> LinkKind {
        match self {
            Self::Session | Self::Multi => LinkKind::Multi,
            Self::Perf => LinkKind::Perf,
            Self::Trace => LinkKind::Trace,
        }
    }

    /// Whether the probes are gone once the target's first thread is: the kernel looks for the memory
    /// of the task that a perf event was opened for, finds none, and takes the breakpoints out
    /// (`kernel/trace/trace_uprobe.c`, `__uprobe_perf_filter`).
    pub const fn ends_with_leader(self) -> bool {
        matches!(self, Self::Perf | Self::Trace)
    }
}

/// Probes in one file, of the process's own allocator or of that of one library.
#[derive(Clone, Debug)]
pub struct FileProbes {
    /// The inode that the target maps, as an open descriptor of this process.
    pub file: RawFd,
    /// How the target calls it, for messages.
    pub shown_path: String,
    /// The number of the allocator, if a library has it for itself: its probes can go before others.
    pub library: Option<u32>,
    /// Allocation functions: file offset and cookie.
    pub alloc: Vec<(u64, u64)>,
    /// Functions that only release: file offset and cookie.
    pub free: Vec<(u64, u64)>,
    /// File offset in `code_dealloc`, if this file holds the interpreter.
    pub code_dealloc: Option<u64>,
}

/// Where links go, and what for.
pub struct Links<'a> {
    /// What makes and holds them.
    pub guard: &'a mut Guard,
    /// Of which target, by a number of its own.
    pub target: u32,
    /// In which process.
    pub pid: u32,
    /// The slot of the target.
    pub slot: u32,
    /// What its interpreter is like.
    pub layout: ProgramLayout,
}

/// The links of a target that are released together.
pub fn group(target: u32, library: Option<u32>) -> LinkGroup {
    u64::from(target) << 32 | library.map_or(0, |library| u64::from(library) + 1)
}

/// One more than the highest number of a library's allocator.
pub fn libraries(files: &[FileProbes]) -> u32 {
    files.iter().filter_map(|file| file.library).max().map_or(0, |last| last.saturating_add(1))
}

/// Releases all links of a target that has probes on so many libraries' allocators.
///
/// # Errors
/// The guard is gone, and the links with it.
pub fn release(guard: &mut Guard, target: u32, libraries: u32) -> io::Result<()> {
    let mut groups = (0..libraries).map(Some).chain([None]);
    groups.try_for_each(|library| guard.release(group(target, library)))
}

/// Attaches everything by one method. Releases are attached before allocations, so that no block
/// can be recorded whose release would be missed; the guard takes them out the other way round.
///
/// # Errors
/// [`ProbeError::is_unsupported`] when the kernel does not have the method. No probe is left in
/// place.
pub fn attach(
    loaded: &mut Loaded,
    mut links: Links<'_>,
    files: &[FileProbes],
    method: AttachMethod,
) -> Result<(), ProbeError> {
    let attached = links.attach(loaded, files, method);
    if attached.is_err() {
        // A guard that is gone has no links.
        let _ = release(links.guard, links.target, libraries(files));
    }
    attached
}

impl Links<'_> {
    fn attach(
        &mut self,
        loaded: &mut Loaded,
        files: &[FileProbes],
        method: AttachMethod,
    ) -> Result<(), ProbeError> {
        let kind = method.kind();
        let layout = self.layout;
        let mut program = |name, kind: LinkKind| loaded.program(name, kind.attach_type(), &layout);
        let free = program(name::PROGRAM_FREE, kind)?;
        let code = program(name::PROGRAM_CODE_DEALLOC, kind)?;
        for file in files {
            self.make(free, file, &file.free, kind, false)?;
            let point: Vec<_> = file.code_dealloc.iter().map(|&offset| (offset, 0)).collect();
            self.make(code, file, &point, kind, false)?;
        }
        if method == AttachMethod::Session {
            let session = program(name::PROGRAM_ALLOC_SESSION, LinkKind::Session)?;
            for file in files {
                self.make(session, file, &file.alloc, LinkKind::Session, false)?;
            }
            return Ok(());
        }
        let entry = program(name::PROGRAM_ALLOC, kind)?;
        let returned = program(name::PROGRAM_ALLOC_RETURN, kind)?;
        for file in files {
            self.make(returned, file, &file.alloc, kind, true)?;
            self.make(entry, file, &file.alloc, kind, false)?;
        }
        Ok(())
    }

    /// Asks for probes at all points: the numbers of their functions become cookies.
    fn make(
        &mut self,
        program: RawFd,
        file: &FileProbes,
        points: &[(u64, u64)],
        kind: LinkKind,
        at_return: bool,
    ) -> Result<(), ProbeError> {
        if points.is_empty() {
            return Ok(());
        }
        // Trace events are shared: the programs find the slot by process.
        let slot = if kind == LinkKind::Trace { 0 } else { self.slot };
        let (offsets, cookies) =
            points.iter().map(|&(offset, function)| (offset, cookie(0, slot) | function)).unzip();
        let (file_fd, pid) = (file.file, self.pid);
        let link = LinkRequest { program, file: file_fd, offsets, cookies, pid, kind, at_return };
        let failed = |source| ProbeError::Attach { path: file.shown_path.clone(), source };
        let group = group(self.target, file.library);
        self.guard.link(group, link).map_err(|source| failed(kind.understood(source)))
    }
}
