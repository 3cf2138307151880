//! Allocators that libraries bring along for themselves: `malloc` of the process is another one.

use leakspy_ebpf::wire::key::Function;

use super::Located;
use crate::elf::Symbol;
use crate::model::library_allocator::{LibraryAllocator, brought};
use crate::os::Modules;

/// A function that every CPython exports; an allocator beside it is the interpreter's own.
const OF_PYTHON: &str = "PyObject_Malloc";

/// An allocator in a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InLibrary {
    /// Which one.
    pub kind: &'static LibraryAllocator,
    /// Index of the module.
    pub module: usize,
    /// Whether the library is CPython.
    pub of_python: bool,
    /// Functions that can be traced, none where that would not be safe.
    pub located: Vec<Located>,
}

/// All of them, without what serves `malloc` itself (`served`: addresses that are traced anyway).
pub(super) fn find(modules: &Modules, served: &[Located]) -> Vec<InLibrary> {
    let of_module = |index| in_module(modules, index, served);
    modules.in_search_order().flat_map(of_module).collect()
}

fn in_module(modules: &Modules, index: usize, served: &[Located]) -> Vec<InLibrary> {
    let Some(module) = modules.get(index) else { return Vec::new() };
    let symbols = module.file.of_allocators().unwrap_or_default();
    let names: Vec<&str> = symbols.iter().map(|(name, _)| name.as_str()).collect();
    let brought = brought(&names);
    if brought.is_empty() {
        return Vec::new();
    }
    let of_python = module
        .file
        .symbols(&[OF_PYTHON], crate::elf::SymbolTables::Dynamic)
        .is_ok_and(|found| found.iter().any(Option::is_some));
    let mut all = Vec::new();
    for (kind, prefix) in brought {
        let traced = if of_python { Vec::new() } else { functions(kind, prefix, &symbols) };
        let mut located: Vec<Located> = traced
            .into_iter()
            .filter_map(|(function, symbol)| super::at(modules, function, index, symbol))
            .collect();
        let serves = |one: &Located| served.iter().any(|known| known.address == one.address);
        if located.iter().any(serves) {
            // It serves the process; this is what it has beyond the functions of C.
            located.retain(|one| !serves(one));
        } else if prefix.is_empty() && defines_malloc(&symbols) {
            // A bystander: loaded, and nobody calls it by these names.
            continue;
        }
        all.push(InLibrary { kind, module: index, of_python, located });
    }
    all
}

fn defines_malloc(symbols: &[(String, Symbol)]) -> bool {
    symbols.iter().any(|(name, _)| name == "malloc")
}

fn functions(
    kind: &LibraryAllocator,
    prefix: &str,
    symbols: &[(String, Symbol)],
) -> Vec<(Function, Symbol)> {
    let named = symbols.iter().filter_map(|(name, symbol)| {
        let function = kind.function(name.strip_prefix(prefix)?)?;
        Some((function, *symbol))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::SymbolKind;
    use crate::model::library_allocator::LIBRARY_ALLOCATORS;

    #[test]
    fn functions_are_those_of_the_prefix() {
        let symbol = |vaddr| Symbol { vaddr, size: 8, kind: SymbolKind::Function };
        let symbols = [
            ("_rjem_malloc".to_owned(), symbol(1)),
            ("je_arrow_malloc".to_owned(), symbol(2)),
            ("_rjem_sdallocx".to_owned(), symbol(3)),
            ("_rjem_mallctl".to_owned(), symbol(4)),
        ];
        let found = functions(&LIBRARY_ALLOCATORS[0], "_rjem_", &symbols);
        assert_eq!(found, [(Function::Malloc, symbol(1)), (Function::Free, symbol(3))]);
    }
}
