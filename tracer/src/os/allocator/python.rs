//! Whether an interpreter takes its objects from mimalloc: CPython from 3.13 on has it beside pymalloc
//! (`PYTHONMALLOC=mimalloc`), and without the GIL nothing else.

use std::fs;

use crate::elf::SymbolTables;
use crate::model::{Address, Memory};
use crate::os::{Module, Modules, procfs};

/// The interpreter's state, which has the table of its allocators
/// (`Include/internal/pycore_pymem.h`, `_pymem_allocators`).
const RUNTIME: &str = "_PyRuntime";
/// What is in that table when mimalloc serves (`Objects/obmalloc.c`).
const ENTRY: &str = "_PyObject_MiMalloc";
/// Most bytes of the state that are searched; it has some hundred kilobytes.
const RUNTIME_LIMIT: u64 = 4 << 20;
/// What the environment says of it.
const SETTING: &[u8] = b"PYTHONMALLOC=mimalloc";

/// Whether it does. Asked is the table of allocators; the environment only where the interpreter's
/// file does not say where its functions are.
pub fn is_mimalloc(pid: u32, modules: &Modules, module: usize, memory: &impl Memory) -> bool {
    let Some(module) = modules.get(module) else { return false };
    match by_table(module, memory) {
        Some(answer) => answer,
        None => fs::read(procfs::path(pid, "environ")).is_ok_and(|text| is_set(&text)),
    }
}

/// `None` when the file does not name the functions.
fn by_table(module: &Module, memory: &impl Memory) -> Option<bool> {
    let symbols = module.file.symbols(&[RUNTIME, ENTRY], SymbolTables::All).ok()?;
    let [runtime, entry] = <[_; 2]>::try_from(symbols).ok()?;
    let (runtime, entry) = (runtime?, module.address(entry?.vaddr)?);
    let length = usize::try_from(runtime.size.min(RUNTIME_LIMIT)).ok()?;
    let bytes = memory.bytes(module.address(runtime.vaddr)?, length)?;
    Some(holds(&bytes, entry))
}

fn holds(table: &[u8], entry: Address) -> bool {
    let (words, _) = table.as_chunks::<8>();
    words.iter().any(|word| u64::from_le_bytes(*word) == entry.0)
}

/// Whether an environment, its variables ended by zeros, asks for mimalloc.
fn is_set(environment: &[u8]) -> bool {
    environment.split(|byte| *byte == 0).any(|variable| {
        variable.strip_prefix(SETTING).is_some_and(|rest| rest.is_empty() || rest == b"_debug")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_who_serves() {
        let mut table = [1_u64, 2, 0x7000_1230, 4].map(u64::to_le_bytes).concat();
        assert!(holds(&table, Address(0x7000_1230)));
        assert!(!holds(&table, Address(0x7000_1231)));
        table.truncate(20);
        assert!(!holds(&table, Address(0x7000_1230)));
    }

    #[test]
    fn the_environment_asks_for_it_or_not() {
        assert!(is_set(b"A=1\0PYTHONMALLOC=mimalloc\0B=2\0"));
        assert!(is_set(b"PYTHONMALLOC=mimalloc_debug"));
        for other in [&b"PYTHONMALLOC=malloc\0"[..], b"XPYTHONMALLOC=mimalloc\0", b""] {
            assert!(!is_set(other));
        }
    }
}
