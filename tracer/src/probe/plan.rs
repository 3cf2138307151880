//! Which probes a target gets: pure, from what was found in it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;
use std::os::fd::AsRawFd;

use leakspy_ebpf::wire::key::Function;

use super::attach::FileProbes;
use super::placement::{self, Execution, FunctionCode, Placement, PlacementRefusal};
use crate::model::{Address, KernelRelease};
use crate::os::Modules;
use crate::os::allocator::{Absence, Allocator, Located};
use crate::os::module::ModuleCode;

/// One place that gets a breakpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Index of the module.
    pub module: usize,
    /// Where the probed instruction lies in the module's file.
    pub file_offset: u64,
    /// Its address in the target.
    pub address: Address,
    /// How far it is from the function's entry, bytes.
    pub displacement: u64,
    /// What a hit costs.
    pub kind: Execution,
    /// The instruction, for people.
    pub instruction: String,
}

/// A probe on a traced function. Its return may be probed too: the function is one of [`Function`],
/// and only those make points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbePoint {
    /// Which function; events are accounted as calls of it.
    pub function: Function,
    /// Further names of the same code.
    pub also: Vec<Function>,
    /// Where.
    pub spot: Spot,
    /// The number of the allocator, if a library has it for itself.
    pub library: Option<u32>,
}

impl ProbePoint {
    /// Whether its return is of interest.
    pub fn returns(&self) -> bool {
        !self.function.releases()
    }
}

/// Why calls of a function will not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCovered {
    /// It is not there.
    Absent(Absence),
    /// It cannot be probed.
    Unplaceable(PlacementRefusal),
    /// Its code could not be read from the module's file.
    NoCode,
}

impl From<PlacementRefusal> for NotCovered {
    fn from(refusal: PlacementRefusal) -> Self {
        Self::Unplaceable(refusal)
    }
}

/// All probes on allocation functions, and what is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// One for each address.
    pub points: Vec<ProbePoint>,
    /// Functions whose calls are not seen.
    pub not_covered: Vec<(Function, NotCovered)>,
}

/// Why a return probe was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no return probe on {name:?}: only the allocation functions themselves are safe; elsewhere one kills \
     targets that switch stacks (greenlet) or unwind them (exceptions)"
)]
pub struct ReturnRefused {
    /// What was asked for.
    pub name: String,
}

/// The function of this name whose return may be probed. There is no other way from a name to a
/// return probe.
pub fn return_probed(name: &str) -> Result<Function, ReturnRefused> {
    let mut allowed = Function::ALL.into_iter().filter(|function| !function.releases());
    allowed
        .find(|function| function.symbol() == name)
        .ok_or_else(|| ReturnRefused { name: name.to_owned() })
}

fn cookie(function: Function) -> u64 {
    u64::from(function as u32)
}

impl Plan {
    /// Places a probe on each function. Functions at one address are one piece of code under
    /// several names: it gets one probe, in the name of the first.
    pub fn new(allocator: &Allocator, code: &[ModuleCode], kernel: KernelRelease) -> Self {
        let mut plan = Self::of(&allocator.located, code, kernel);
        let absent = allocator.absent.iter();
        plan.not_covered
            .extend(absent.map(|(function, reason)| (*function, NotCovered::Absent(*reason))));
        plan.not_covered.sort_by_key(|(function, _)| *function);
        plan
    }

    /// The probes by file, with the one on `code_dealloc`. The files stay open as long as `modules`.
    pub fn files(&self, code_dealloc: Option<&Spot>, modules: &Modules) -> Vec<FileProbes> {
        let points = self.points.iter().map(|point| (point.library, point.spot.module));
        let dealloc = code_dealloc.map(|spot| (None, spot.module));
        let places: BTreeSet<(Option<u32>, usize)> = points.chain(dealloc).collect();
        let file = |place| self.file(code_dealloc, modules, place);
        places.into_iter().filter_map(file).collect()
    }

    /// Adds the probes on an allocator that a library has for itself.
    pub fn add_library(&mut self, library: u32, own: Self) {
        let numbered = |point| ProbePoint { library: Some(library), ..point };
        self.points.extend(own.points.into_iter().map(numbered));
    }

    fn file(
        &self,
        code_dealloc: Option<&Spot>,
        modules: &Modules,
        (library, index): (Option<u32>, usize),
    ) -> Option<FileProbes> {
        let module = modules.get(index)?;
        let here = |point: &&ProbePoint| point.spot.module == index && point.library == library;
        let here = self.points.iter().filter(here);
        let points = |returns: bool| {
            let wanted = here.clone().filter(|point| point.returns() == returns);
            wanted.map(|point| (point.spot.file_offset, cookie(point.function))).collect()
        };
        let dealloc = code_dealloc.filter(|spot| spot.module == index && library.is_none());
        Some(FileProbes {
            file: module.file.descriptor().as_raw_fd(),
            shown_path: module.path.to_string_lossy().into_owned(),
            library,
            alloc: points(true),
            free: points(false),
            code_dealloc: dealloc.map(|spot| spot.file_offset),
        })
    }

    /// The same for the functions of an allocator in a library.
    pub fn of(functions: &[Located], code: &[ModuleCode], kernel: KernelRelease) -> Self {
        let mut plan = Self::default();
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        for located in functions {
            let same = |draft: &&mut Draft<'_>| draft.located.address == located.address;
            if let Some(first) = drafts.iter_mut().find(same) {
                if first.located.function != located.function {
                    first.also.push(located.function);
                }
                continue;
            }
            match Draft::new(located, code, kernel) {
                Ok(draft) => drafts.push(draft),
                Err(reason) => plan.not_covered.push((located.function, reason)),
            }
        }
        for code in code {
            withdraw_entered(&mut drafts, code, kernel);
        }
        for draft in drafts {
            match draft.finish() {
                Ok(point) => plan.points.push(point),
                Err((function, reason)) => plan.not_covered.push((function, reason)),
            }
        }
        plan
    }

    /// Whether every block whose begin is seen has an end that is seen, as far as probes go: none of
    /// the functions that release could not be placed.
    pub fn sees_releases(&self) -> bool {
        let heap = |function: &Function| !function.maps();
        let releases = |function: &Function| {
            heap(function)
                && (function.releases()
                    || matches!(function, Function::Realloc | Function::Reallocarray))
        };
        let places = || self.points.iter().map(|point| &point.function);
        places().any(|function| heap(function) && function.releases())
            && places().any(|function| heap(function) && !function.releases())
            && !self.not_covered.iter().any(|(function, _)| releases(function))
    }
}

/// Places a probe at the entry of a function of any name, by the same rules. It can have no return
/// probe. `vaddr` is in `code`'s module; `arguments` integer arguments are read.
pub fn entry_spot(
    code: &ModuleCode,
    vaddr: u64,
    size: Option<u64>,
    arguments: usize,
    kernel: KernelRelease,
) -> Result<Spot, NotCovered> {
    let function = function_code(code, vaddr, size, arguments).ok_or(NotCovered::NoCode)?;
    let placement = placement::place(&function, kernel)?;
    let entered = entered(code, &[range(vaddr, &placement)]);
    let placement = match entered[0] {
        true => placement::at_entry(&function, kernel)?,
        false => placement,
    };
    spot(code, vaddr, placement).ok_or(NotCovered::NoCode)
}

/// A point that may still have to move back to its entry.
struct Draft<'a> {
    located: &'a Located,
    also: Vec<Function>,
    code: &'a ModuleCode,
    function: FunctionCode<'a>,
    placement: Result<Placement, PlacementRefusal>,
}

impl<'a> Draft<'a> {
    fn new(
        located: &'a Located,
        code: &'a [ModuleCode],
        kernel: KernelRelease,
    ) -> Result<Self, NotCovered> {
        let arguments = located.function.arguments();
        let code = code
            .iter()
            .filter(|code| code.module == located.module)
            .find_map(|code| {
                Some((code, function_code(code, located.vaddr, located.size, arguments)?))
            })
            .ok_or(NotCovered::NoCode)?;
        let (code, function) = code;
        let placement = Ok(placement::place(&function, kernel)?);
        Ok(Self { located, also: Vec::new(), code, function, placement })
    }

    fn finish(self) -> Result<ProbePoint, (Function, NotCovered)> {
        let function = self.located.function;
        let placement = self.placement.map_err(|refusal| (function, refusal.into()))?;
        let spot =
            spot(self.code, self.located.vaddr, placement).ok_or((function, NotCovered::NoCode))?;
        Ok(ProbePoint { function, also: self.also, spot, library: None })
    }
}

/// Moves probes back to the entry when some branch of the module leads between it and them.
fn withdraw_entered(drafts: &mut [Draft<'_>], code: &ModuleCode, kernel: KernelRelease) {
    let here = |draft: &Draft<'_>| std::ptr::eq(draft.code, code);
    let ranges: Vec<Range<u64>> = drafts
        .iter()
        .map(|draft| match &draft.placement {
            Ok(placement) if here(draft) => range(draft.located.vaddr, placement),
            _ => 0..0,
        })
        .collect();
    for (draft, entered) in drafts.iter_mut().zip(entered(code, &ranges)) {
        if entered {
            draft.placement = placement::at_entry(&draft.function, kernel);
        }
    }
}

/// Where no branch may lead: after the entry, up to the probe.
fn range(entry: u64, placement: &Placement) -> Range<u64> {
    let end = entry.saturating_add(placement.offset).saturating_add(1);
    entry.saturating_add(1)..end
}

fn entered(code: &ModuleCode, ranges: &[Range<u64>]) -> Vec<bool> {
    let (places, wanted): (Vec<usize>, Vec<Range<u64>>) =
        ranges.iter().cloned().enumerate().filter(|(_, range)| !range.is_empty()).unzip();
    let mut entered = vec![false; ranges.len()];
    let found = placement::entered_from_outside(code.vaddr, &code.bytes, &wanted);
    for (place, found) in places.into_iter().zip(found) {
        entered[place] = found;
    }
    entered
}

fn function_code<'a>(
    code: &'a ModuleCode,
    vaddr: u64,
    size: Option<u64>,
    arguments: usize,
) -> Option<FunctionCode<'a>> {
    let into = usize::try_from(vaddr.checked_sub(code.vaddr)?).ok()?;
    let bytes = code.bytes.get(into..).filter(|bytes| !bytes.is_empty())?;
    Some(FunctionCode { entry: vaddr, bytes, size, arguments })
}

fn spot(code: &ModuleCode, vaddr: u64, placement: Placement) -> Option<Spot> {
    let vaddr = vaddr.checked_add(placement.offset)?;
    Some(Spot {
        module: code.module,
        file_offset: code.file_offset.checked_add(vaddr.checked_sub(code.vaddr)?)?,
        address: Address(code.bias.checked_add(vaddr)?),
        displacement: placement.offset,
        kind: placement.kind,
        instruction: placement.instruction,
    })
}
