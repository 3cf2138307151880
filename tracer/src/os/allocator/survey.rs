//! Who defines the functions, and to whom calls are bound; and what follows from that.

use leakspy_ebpf::wire::key::Function;

use super::{Absence, Other};
use crate::elf::{Symbol, SymbolKind, SymbolTables};
use crate::model::{Address, Memory};
use crate::os::Modules;

/// Names under which the functions are called. `mmap64` is what programs with large-file support
/// call; it is the same code in the C library, but not in every library that replaces it.
const NAMES: [(Function, &str); 14] = [
    (Function::Malloc, "malloc"),
    (Function::Calloc, "calloc"),
    (Function::Realloc, "realloc"),
    (Function::Reallocarray, "reallocarray"),
    (Function::PosixMemalign, "posix_memalign"),
    (Function::AlignedAlloc, "aligned_alloc"),
    (Function::Memalign, "memalign"),
    (Function::Valloc, "valloc"),
    (Function::Pvalloc, "pvalloc"),
    (Function::Free, "free"),
    (Function::Mmap, "mmap"),
    (Function::Munmap, "munmap"),
    (Function::Mremap, "mremap"),
    (Function::Mmap, "mmap64"),
];
/// Only the C library defines it.
const LIBC_MARK: &str = "__libc_start_main";

/// Everything needed to choose; indices are those of modules.
#[derive(Clone, Debug, Default)]
pub(super) struct AllocatorSurvey {
    pub main: Option<usize>,
    pub main_is_static: bool,
    pub libc: Option<usize>,
    /// For each module, what it defines.
    pub definitions: Vec<Vec<(Function, Symbol)>>,
    pub bound: Vec<Bound>,
}

/// A slot that has been filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub function: Function,
    pub importer: usize,
    /// The module that the slot points into, and where.
    pub module: usize,
    pub vaddr: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SurveyRefusal {
    None,
    Several(Vec<usize>),
}

impl AllocatorSurvey {
    pub(super) fn of_modules(modules: &Modules, memory: &impl Memory) -> Self {
        let mut survey = Self {
            main: modules.main(),
            definitions: vec![Vec::new(); modules.list().len()],
            ..Self::default()
        };
        for index in modules.in_search_order() {
            survey.examine(index, modules, memory);
        }
        survey
    }

    fn examine(&mut self, index: usize, modules: &Modules, memory: &impl Memory) {
        let Some(module) = modules.get(index) else { return };
        let file = &module.file;
        let is_static = Some(index) == self.main && file.is_static().unwrap_or(false);
        self.main_is_static |= is_static;
        // Names of the full table mean something to the linker only in a static executable; in
        // others a local `malloc` may be anything.
        let tables = if is_static { SymbolTables::All } else { SymbolTables::Dynamic };
        let names: Vec<&'static str> = NAMES.iter().map(|(_, name)| *name).collect();
        let wanted: Vec<&'static str> = names.iter().copied().chain([LIBC_MARK]).collect();
        let (Ok(symbols), Ok(slots)) = (file.symbols(&wanted, tables), file.slots(&names)) else {
            return;
        };
        let defined = NAMES.iter().zip(&symbols);
        self.definitions[index] =
            defined.filter_map(|((function, _), symbol)| Some((*function, (*symbol)?))).collect();
        if symbols[NAMES.len()].is_some() && self.libc.is_none() {
            self.libc = Some(index);
        }
        for slot in slots {
            let target = module.address(slot.vaddr).and_then(|address| memory.pointer(address));
            self.bound.extend(target.and_then(|target| {
                let (module, vaddr) = resolve(modules, target)?;
                let function = NAMES[slot.name].0;
                Some(Bound { function, importer: index, module, vaddr })
            }));
        }
    }

    pub(super) fn is_static(&self) -> bool {
        self.main_is_static
    }

    /// The module that serves `malloc`: the one that calls are bound to; else the one that the
    /// dynamic linker would choose, when that is beyond doubt.
    pub(super) fn choose_malloc(&self) -> Result<usize, SurveyRefusal> {
        if let Some(module) = self.bound_to(Function::Malloc) {
            return Ok(module);
        }
        if let Some(main) = self.main.filter(|main| self.defines(*main, Function::Malloc)) {
            return Ok(main);
        }
        let all =
            (0..self.definitions.len()).filter(|index| self.defines(*index, Function::Malloc));
        let (libc, others): (Vec<usize>, Vec<usize>) =
            all.partition(|index| Some(*index) == self.libc);
        match (others.as_slice(), libc.as_slice()) {
            ([only], _) | ([], [only]) => Ok(*only),
            ([], _) => Err(SurveyRefusal::None),
            (several, _) => Err(SurveyRefusal::Several(several.to_vec())),
        }
    }

    /// The definitions of a function that serve the process, given who serves `malloc`: one of a
    /// heap function. Of a mapping function all that are in use: an allocator's own, if it has one,
    /// and the C library's, which also maps for itself.
    pub(super) fn providers(
        &self,
        function: Function,
        malloc: usize,
    ) -> Result<Vec<(usize, Symbol)>, Absence> {
        let preferred = [self.bound_to(function), Some(malloc), self.libc].into_iter().flatten();
        let mut modules: Vec<usize> =
            preferred.filter(|index| self.defines(*index, function)).collect();
        if modules.is_empty() {
            modules.push(self.only_definer(function)?);
        }
        if !function.maps() {
            modules.truncate(1);
        }
        modules.sort_unstable();
        modules.dedup();
        let all = modules.into_iter().flat_map(|module| {
            self.definitions_of(module, function).map(move |symbol| (module, symbol))
        });
        let usable: Vec<(usize, Symbol)> = all
            .filter(|(_, s)| matches!(s.kind, SymbolKind::Function | SymbolKind::Untyped))
            .collect();
        if usable.is_empty() { Err(Absence::Indirect) } else { Ok(usable) }
    }

    /// Implementations in use beside those in `chosen`.
    pub(super) fn others(&self, function: Function, chosen: &[usize]) -> Vec<Other> {
        let counts = self.callers(function).into_iter();
        counts
            .filter(|(module, _)| !chosen.contains(module))
            .map(|(module, callers)| Other { function, module, callers })
            .collect()
    }

    /// Modules into which slots of others point without being the function that the slot is for.
    pub(super) fn hooks(&self) -> Vec<usize> {
        let foreign = self.bound.iter().filter(|bound| {
            // Slots can point to the executable's own linkage table, which stands for the function.
            bound.module != bound.importer
                && Some(bound.module) != self.main
                && !self.is_true(bound)
        });
        let mut modules: Vec<usize> = foreign.map(|bound| bound.module).collect();
        modules.sort_unstable();
        modules.dedup();
        modules
    }

    /// The module that the executable is bound to, or most modules when it is not.
    fn bound_to(&self, function: Function) -> Option<usize> {
        let of_main = self.bound.iter().find(|bound| {
            bound.function == function && Some(bound.importer) == self.main && self.is_true(bound)
        });
        if let Some(bound) = of_main {
            return Some(bound.module);
        }
        let counts = self.callers(function);
        let most = counts.iter().map(|(_, callers)| *callers).max()?;
        counts.into_iter().find(|(_, callers)| *callers == most).map(|(module, _)| module)
    }

    /// For each module that calls are bound to, how many modules call it.
    fn callers(&self, function: Function) -> Vec<(usize, usize)> {
        let mut pairs: Vec<(usize, usize)> = self
            .bound
            .iter()
            .filter(|bound| bound.function == function && self.is_true(bound))
            .map(|bound| (bound.module, bound.importer))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let modules = pairs.chunk_by(|one, next| one.0 == next.0);
        modules.map(|callers| (callers[0].0, callers.len())).collect()
    }

    fn only_definer(&self, function: Function) -> Result<usize, Absence> {
        let mut all = (0..self.definitions.len()).filter(|index| self.defines(*index, function));
        let first = all.next().ok_or(Absence::NotProvided)?;
        all.next().map_or(Ok(first), |_| Err(Absence::Several))
    }

    fn is_true(&self, bound: &Bound) -> bool {
        self.definitions_of(bound.module, bound.function).any(|symbol| symbol.vaddr == bound.vaddr)
    }

    fn defines(&self, module: usize, function: Function) -> bool {
        self.definitions_of(module, function).next().is_some()
    }

    fn definitions_of(
        &self,
        module: usize,
        function: Function,
    ) -> impl Iterator<Item = Symbol> + '_ {
        let definitions = self.definitions.get(module).into_iter().flatten();
        definitions.filter(move |(defined, _)| *defined == function).map(|(_, symbol)| *symbol)
    }
}

fn resolve(modules: &Modules, target: Address) -> Option<(usize, u64)> {
    let index = modules.at(target)?;
    Some((index, modules.get(index)?.vaddr(target)?))
}
