//! Where the probes of a target go.

use std::ops::Range;

use leakspy_ebpf::wire::key::Function;

use super::error::SessionError;
use super::interpreter::FoundInterpreter;
use crate::model::{Address, KernelRelease, NotSeen, Note};
use crate::os::allocator::{self, Absence, Allocator, InLibrary};
use crate::os::{self, Modules, Process};
use crate::probe::FileProbes;
use crate::probe::placement::PlacementRefusal;
use crate::probe::plan::{self, NotCovered, Plan, Spot};

/// All probes of one target.
pub struct Probing {
    /// Probes on allocation functions, and what is left out.
    pub plan: Plan,
    /// The probe on `code_dealloc`.
    pub code_dealloc: Option<Spot>,
    /// Path of the library that serves malloc.
    pub allocator: String,
    /// Code of functions that map, as addresses of the target.
    pub mapping_code: Vec<(Function, Range<u64>)>,
    /// Allocators that libraries have for themselves, as far as their calls are seen.
    pub in_libraries: Vec<TracedLibrary>,
    /// What cannot be seen.
    pub notes: Vec<Note>,
}

/// An allocator that a library has for itself, whose calls are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedLibrary {
    /// What the allocator is called.
    pub allocator: String,
    /// Path of the library in the target.
    pub path: String,
    /// Addresses of its probed instructions.
    pub probed: Vec<u64>,
}

/// Decides on the probes.
///
/// # Errors
/// The process has no allocator that can be traced.
pub fn make(
    process: &Process,
    modules: &Modules,
    found: &FoundInterpreter,
) -> Result<Probing, SessionError> {
    let kernel = os::privilege::kernel_release()?;
    let allocator = allocator::locate(process.pid(), modules, process.memory())?;
    let functions: Vec<(usize, u64)> =
        allocator.located.iter().map(|located| (located.module, located.vaddr)).collect();
    let plan = Plan::new(&allocator, &modules.code_around(&functions), kernel);
    if plan.points.is_empty() {
        return Err(SessionError::NothingToTrace { pid: process.pid() });
    }
    let mut notes = uncovered(&plan, &allocator, modules);
    let malloc = modules.get(allocator.module).and_then(allocator::named::of);
    notes.extend(malloc.map(|(name, version)| Note::MallocNotRead { name: name.into(), version }));
    let mut plan = plan;
    let mut in_libraries = Vec::new();
    for in_library in allocator.in_libraries.iter().filter(|one| !one.of_python) {
        let number = u32::try_from(in_libraries.len()).unwrap_or(u32::MAX);
        let (note, traced) = trace_library(number, in_library, &mut plan, modules, kernel);
        notes.push(note);
        in_libraries.extend(traced);
    }
    if let Some(module) = found.module
        && allocator::is_mimalloc(process.pid(), modules, module, process.memory())
    {
        notes.push(Note::PythonAllocator { allocator: "mimalloc".to_owned() });
    }
    let dealloc = found.python.as_ref().and_then(|python| python.code_dealloc);
    let code_dealloc = dealloc.and_then(|address| dealloc_spot(modules, address, kernel));
    if dealloc.is_some() && code_dealloc.is_none() {
        notes.push(Note::CodeEndsNotSeen);
    }
    let mapping_code = mapping_code(&allocator);
    let allocator = path(modules, allocator.module);
    Ok(Probing { plan, code_dealloc, allocator, mapping_code, in_libraries, notes })
}

/// Adds the probes on an allocator that a library has for itself, where they would see all of it.
fn trace_library(
    number: u32,
    in_library: &InLibrary,
    plan: &mut Plan,
    modules: &Modules,
    kernel: KernelRelease,
) -> (Note, Option<TracedLibrary>) {
    let functions: Vec<(usize, u64)> =
        in_library.located.iter().map(|located| (located.module, located.vaddr)).collect();
    let own = Plan::of(&in_library.located, &modules.code_around(&functions), kernel);
    let path = path(modules, in_library.module);
    let allocator = in_library.kind.name.to_owned();
    if !own.sees_releases() {
        return (Note::AllocatorMapped { allocator, path }, None);
    }
    let probed = own.points.iter().map(|point| point.spot.address.0).collect();
    plan.add_library(number, own);
    let note = Note::AllocatorTraced { allocator: allocator.clone(), path: path.clone() };
    (note, Some(TracedLibrary { allocator, path, probed }))
}

/// Where the functions are that map or unmap by a system call of their own.
fn mapping_code(allocator: &Allocator) -> Vec<(Function, Range<u64>)> {
    /// Of a function whose size is not known, bytes; glibc's `munmap` has 37.
    const SIZE: u64 = 64;
    let located = allocator.located.iter().filter(|located| located.function.maps());
    located
        .map(|located| {
            let (start, size) = (located.address.0, located.size.unwrap_or(SIZE));
            (located.function, start..start.saturating_add(size))
        })
        .collect()
}

fn dealloc_spot(modules: &Modules, address: Address, kernel: KernelRelease) -> Option<Spot> {
    let index = modules.at(address)?;
    let module = modules.get(index)?;
    let vaddr = module.vaddr(address)?;
    let code = modules.code_around(&[(index, vaddr)]);
    let size = module.function_size(vaddr);
    code.iter().find_map(|code| plan::entry_spot(code, vaddr, size, 1, kernel).ok())
}

/// Functions whose absence nobody would notice otherwise. Those that no library provides are called
/// by nobody.
fn uncovered(plan: &Plan, allocator: &Allocator, modules: &Modules) -> Vec<Note> {
    let mut notes = Vec::new();
    for (function, reason) in &plan.not_covered {
        let reason = not_seen(reason);
        if reason != NotSeen::NotProvided {
            notes.push(Note::FunctionNotSeen { function: function.symbol().to_owned(), reason });
        }
    }
    for &hook in &allocator.hooks {
        notes.push(Note::AllocatorHooked { path: path(modules, hook) });
    }
    for other in &allocator.others {
        notes.push(Note::OtherAllocator {
            function: other.function.symbol().to_owned(),
            path: path(modules, other.module),
            callers: u64::try_from(other.callers).unwrap_or(u64::MAX),
        });
    }
    notes
}

fn not_seen(reason: &NotCovered) -> NotSeen {
    match reason {
        NotCovered::Absent(Absence::NotProvided) => NotSeen::NotProvided,
        NotCovered::Absent(Absence::Several) => NotSeen::Several,
        NotCovered::Absent(Absence::Indirect) => NotSeen::Indirect,
        NotCovered::Unplaceable(PlacementRefusal::NotCode) => NotSeen::NotCode,
        NotCovered::Unplaceable(PlacementRefusal::Unsafe { instruction }) => {
            NotSeen::Unsafe { instruction: instruction.clone() }
        }
        NotCovered::NoCode => NotSeen::NoCode,
    }
}

fn path(modules: &Modules, index: usize) -> String {
    let path = modules.get(index).map(|module| module.path.to_string_lossy().into_owned());
    path.unwrap_or_default()
}

impl Probing {
    /// Every place that gets a breakpoint, and whose it is.
    pub fn spots(&self) -> impl Iterator<Item = (&'static str, &Spot)> {
        let points = self.plan.points.iter();
        let points = points.map(|point| (point.function.symbol(), &point.spot));
        points.chain(self.code_dealloc.iter().map(|spot| ("code_dealloc", spot)))
    }

    /// Start and length of the code of a function that maps, zeros where it is not known.
    pub fn code_of(&self, function: Function) -> (u64, u64) {
        let code = self.mapping_code.iter().find(|(known, _)| *known == function);
        code.map_or((0, 0), |(_, code)| (code.start, code.end - code.start))
    }

    /// The same by file.
    pub fn files(&self, modules: &Modules) -> Vec<FileProbes> {
        self.plan.files(self.code_dealloc.as_ref(), modules)
    }
}
