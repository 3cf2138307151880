//! Which code really serves `malloc` and its family in a process.
//!
//! The truth is in the slots through which modules call imported functions: the dynamic linker has
//! filled them, whatever was preloaded or linked. A slot counts only when the address in it is that
//! of a symbol of the right name: slots that are not bound yet point back into their own module,
//! and tools that hook functions by rewriting slots point into themselves, while the allocator
//! behind them stays the same.

mod library;
pub mod named;
mod python;
mod survey;

#[cfg(test)]
mod tests;

use leakspy_ebpf::wire::key::Function;

use super::{Modules, OsError};
use crate::elf::Symbol;
use crate::model::{Address, Memory};
pub use library::InLibrary;
pub use python::is_mimalloc;
use survey::{AllocatorSurvey, SurveyRefusal};

/// Where the code of a traced function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Which function.
    pub function: Function,
    /// Index of the module that provides it.
    pub module: usize,
    /// Its virtual address in that module's file.
    pub vaddr: u64,
    /// Bytes of code, when the file says.
    pub size: Option<u64>,
    /// Its address in the target.
    pub address: Address,
}

/// Why a function is not traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// No module has it.
    NotProvided,
    /// Several have it, and no call tells which is meant.
    Several,
    /// Its symbol is a resolver.
    Indirect,
}

/// An implementation that some modules use although the process at large uses another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// Which function.
    pub function: Function,
    /// The module that provides this one.
    pub module: usize,
    /// How many modules are bound to it.
    pub callers: usize,
}

/// Everything found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocator {
    /// The module that serves `malloc`.
    pub module: usize,
    /// Functions that can be traced, in the order of [`Function::ALL`]. One function can have
    /// several implementations in use at once (mappings), and one implementation several names.
    pub located: Vec<Located>,
    /// Functions that cannot, with the reason.
    pub absent: Vec<(Function, Absence)>,
    /// Further implementations in use; their calls are not seen.
    pub others: Vec<Other>,
    /// Modules that have put themselves between callers and the allocator.
    pub hooks: Vec<usize>,
    /// Allocators that libraries have for themselves.
    pub in_libraries: Vec<InLibrary>,
}

/// Why no allocator can be traced.
#[derive(Debug, thiserror::Error)]
pub enum AllocatorError {
    /// The executable is all there is, and says nothing.
    #[error(
        "process {pid} runs a static executable without a symbol table, so its malloc cannot be found: \
         use a build that is not stripped"
    )]
    StaticStripped {
        /// The target.
        pid: u32,
    },
    /// There is none.
    #[error("process {pid} has no malloc: no loaded module provides one")]
    NoMalloc {
        /// The target.
        pid: u32,
    },
    /// There are several, and nothing tells them apart.
    #[error("process {pid} has several mallocs, and no call tells which serves it: {modules}")]
    Several {
        /// The target.
        pid: u32,
        /// Paths of the modules.
        modules: String,
    },
    /// The target could not be examined.
    #[error(transparent)]
    Os(#[from] OsError),
}

/// Finds the implementations that process `pid` uses.
pub fn locate(
    pid: u32,
    modules: &Modules,
    memory: &impl Memory,
) -> Result<Allocator, AllocatorError> {
    let survey = AllocatorSurvey::of_modules(modules, memory);
    let chosen = survey.choose_malloc().map_err(|refusal| match refusal {
        SurveyRefusal::None if survey.is_static() => AllocatorError::StaticStripped { pid },
        SurveyRefusal::None => AllocatorError::NoMalloc { pid },
        SurveyRefusal::Several(indices) => {
            AllocatorError::Several { pid, modules: paths(modules, &indices) }
        }
    })?;
    let mut allocator = Allocator {
        module: chosen,
        located: Vec::new(),
        absent: Vec::new(),
        others: Vec::new(),
        hooks: survey.hooks(),
        in_libraries: Vec::new(),
    };
    for function in Function::ALL {
        match survey.providers(function, chosen) {
            Ok(providers) => {
                let modules_of: Vec<usize> = providers.iter().map(|(module, _)| *module).collect();
                allocator.others.extend(survey.others(function, &modules_of));
                let providers = providers.into_iter();
                allocator
                    .located
                    .extend(providers.filter_map(|(m, s)| at(modules, function, m, s)));
            }
            Err(absence) => allocator.absent.push((function, absence)),
        }
    }
    allocator.in_libraries = library::find(modules, &allocator.located);
    Ok(allocator)
}

fn at(modules: &Modules, function: Function, module: usize, symbol: Symbol) -> Option<Located> {
    let loaded = modules.get(module)?;
    let size = Some(symbol.size).filter(|size| *size > 0);
    let size = size.or_else(|| loaded.function_size(symbol.vaddr));
    let (vaddr, address) = (symbol.vaddr, loaded.address(symbol.vaddr)?);
    Some(Located { function, module, vaddr, size, address })
}

fn paths(modules: &Modules, indices: &[usize]) -> String {
    let paths = indices.iter().filter_map(|index| modules.get(*index));
    // Debug escapes what a terminal would obey.
    paths.map(|module| format!("{:?}", module.path)).collect::<Vec<_>>().join(", ")
}
