//! Which module holds a CPython interpreter: told by what it contains, never by its name.

use super::{Mapping, Module, Modules};
use crate::elf::{Segment, Symbol, SymbolTables};
use crate::model::{Address, Memory, RuntimeSymbols};

/// Symbols of interest.
const NAMES: [&str; 8] = [
    RUNTIME,
    THREAD_CURRENT,
    "PyCode_Type",
    "Py_Version",
    "Py_GetVersion",
    "PyGILState_GetThisThreadState",
    "PyInterpreterState_Head",
    "_PyEval_EvalFrameDefault",
];
/// The interpreter's state, from 3.7 on.
const RUNTIME: &str = "_PyRuntime";
/// A variable of its own up to 3.6, a part of the runtime afterwards.
const THREAD_CURRENT: &str = "_PyThreadState_Current";
/// First bytes of `_PyRuntime` from CPython 3.13 on (`Include/internal/pycore_debug_offsets.h`).
const COOKIE: &[u8; 8] = b"xdebugpy";
/// Bytes read at once when writable data is searched.
const CHUNK: u64 = 1 << 20;
/// Most bytes of one module's writable data that are searched.
const SEARCH_LIMIT: u64 = 64 << 20;

/// How a runtime was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// The symbol `_PyRuntime`, or the variables that came before it (3.6).
    Symbol,
    /// The section `.PyRuntime` (CPython 3.10 on; survives stripping).
    Section,
    /// The mark at the start of `_PyRuntime` (3.13 on), in the target's memory.
    Cookie,
}

/// The code of one function in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRange {
    /// First instruction.
    pub address: Address,
    /// Bytes; 0 when unknown.
    pub size: u64,
}

/// A place where an interpreter may live. A process can hold several (an executable with a static
/// one that also loads `libpython`), of which only one has been started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Index of the module.
    pub module: usize,
    /// What the module `python` needs.
    pub symbols: RuntimeSymbols,
    /// The evaluation loop, when it is exported. Compilers may have split parts of it off.
    pub evaluation: Option<CodeRange>,
    /// Why we believe it.
    pub found_by: FoundBy,
}

/// Candidates, best first: symbols before sections before marks, and among equals the executable
/// first. Empty when the process holds no CPython. Which of several is alive only the runtime
/// itself can tell: try them in order.
pub fn find(modules: &Modules, memory: &impl Memory) -> Vec<Interpreter> {
    let search = |tables| {
        let found = modules.in_search_order();
        found.filter_map(|index| by_file(modules.get(index)?, index, tables, memory)).collect()
    };
    // Full tables are large and rarely needed: a runtime that is not exported is an oddity.
    let mut found: Vec<Interpreter> = search(SymbolTables::Dynamic);
    if found.is_empty() {
        found = search(SymbolTables::All);
    }
    if found.is_empty() {
        let all = modules.in_search_order();
        found = all.filter_map(|index| by_cookie(modules.get(index)?, index, memory)).collect();
    }
    found.sort_by_key(|candidate| candidate.found_by);
    found
}

fn by_file(
    module: &Module,
    index: usize,
    tables: SymbolTables,
    memory: &impl Memory,
) -> Option<Interpreter> {
    let headers = module.file.headers().ok()?;
    let [runtime, current, code_type, word, version, state, head, evaluation] =
        <[_; NAMES.len()]>::try_from(module.file.symbols(&NAMES, tables).ok()?).ok()?;
    let address = |symbol: Option<Symbol>| symbol.and_then(|symbol| module.address(symbol.vaddr));
    let section = || module.address(headers.section(".PyRuntime")?.vaddr);
    let (runtime, found_by) = match (address(runtime), address(current)) {
        (None, None) => (Some(section()?), FoundBy::Section),
        (runtime, _) => (runtime, FoundBy::Symbol),
    };
    let mut symbols = RuntimeSymbols {
        runtime,
        code_type: address(code_type),
        version_word: address(word),
        version_function: address(version),
        version_text: None,
        thread_state_function: address(state),
        interpreters_head_function: address(head),
        thread_current: address(current),
    };
    if symbols.version_word.is_none() && symbols.version_function.is_none() {
        symbols.version_text = version_text(module, headers.segments(), memory);
    }
    let evaluation = evaluation.and_then(|symbol| {
        Some(CodeRange { address: module.address(symbol.vaddr)?, size: symbol.size })
    });
    Some(Interpreter { module: index, symbols, evaluation, found_by })
}

fn by_cookie(module: &Module, index: usize, memory: &impl Memory) -> Option<Interpreter> {
    let writable = module.mappings.iter().filter(|mapping| mapping.writable);
    let runtime = writable.map(Mapping::range).find_map(|range| {
        search(memory, range, COOKIE.len(), |bytes| {
            bytes.chunks_exact(COOKIE.len()).position(|word| word == COOKIE).map(|at| at * 8)
        })
    })?;
    let symbols = RuntimeSymbols { runtime: Some(runtime.0), ..RuntimeSymbols::default() };
    Some(Interpreter { module: index, symbols, evaluation: None, found_by: FoundBy::Cookie })
}

/// The text that `Py_GetVersion` made at start-up, from the module's writable data (it is a static
/// buffer there, `Python/getversion.c`).
fn version_text(module: &Module, segments: &[Segment], memory: &impl Memory) -> Option<String> {
    let mut writable = segments.iter().filter(|segment| segment.writable);
    writable.find_map(|segment| {
        let start = module.address(segment.vaddr)?.0;
        let range = start..start.checked_add(segment.memory_size)?;
        let found = search(memory, range, VERSION_BYTES, |bytes| {
            (0..bytes.len()).find(|at| version_at(&bytes[*at..]).is_some())
        })?;
        Some(found.1[..version_at(&found.1)?].iter().map(|byte| char::from(*byte)).collect())
    })
}

/// Longest text that `Py_GetVersion` makes: its buffer has 250 bytes.
const VERSION_BYTES: usize = 250;

/// Length of the version text at the start of `bytes`:
/// `3.8.18 (default, Nov 20 2026, 10:00:00) \n[GCC …]`, from the version to the end of the string.
fn version_at(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"3.")?;
    let text = &bytes[..bytes.iter().take(VERSION_BYTES).position(|byte| *byte == 0)?];
    if !rest.first()?.is_ascii_digit() || !text.iter().all(|b| matches!(b, b'\n' | b' '..=b'~')) {
        return None;
    }
    let open = text.windows(2).position(|window| window == b" (")?;
    let number = &text[..open];
    let is_number = number.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+'));
    let closed = text.windows(2).position(|window| window == b") ")?;
    let compiler = text[closed + 2..].strip_prefix(b"\n").unwrap_or(&text[closed + 2..]);
    (is_number && number.len() >= 4 && closed > open && compiler.first() == Some(&b'['))
        .then_some(text.len())
}

/// Looks through memory in chunks that overlap by `overlap` bytes. Parts that cannot be read are
/// passed over. Gives the address of the hit and what follows it.
fn search(
    memory: &impl Memory,
    range: std::ops::Range<u64>,
    overlap: usize,
    hit: impl Fn(&[u8]) -> Option<usize>,
) -> Option<(Address, Vec<u8>)> {
    let end = range.end.min(range.start.saturating_add(SEARCH_LIMIT));
    let mut at = range.start;
    while at < end {
        let wanted = (end - at).min(CHUNK + u64::try_from(overlap).ok()?);
        let bytes = memory.bytes(Address(at), usize::try_from(wanted).ok()?);
        if let Some((offset, mut bytes)) = bytes.and_then(|bytes| Some((hit(&bytes)?, bytes))) {
            let address = Address(at).offset(u64::try_from(offset).ok()?)?;
            return Some((address, bytes.split_off(offset)));
        }
        at = at.saturating_add(CHUNK);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Memory from address 0.
    struct Image(Vec<u8>);

    impl Memory for Image {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            let part = usize::try_from(address.0)
                .ok()
                .and_then(|at| self.0.get(at..at.checked_add(into.len())?));
            part.inspect(|part| into.copy_from_slice(part)).is_some()
        }
    }

    #[test]
    fn version_texts_of_all_ages_are_recognised() {
        for text in [
            "3.8.18 (default, Nov 20 2026, 22:10:05) \n[GCC 12.2.0]",
            "3.10.13 (main, Nov 20 2026, 22:10:05) [GCC 12.2.0]",
            "3.6.15+ (heads/x:abc, Nov 20 2026, 22:10:05) \n[Clang 14 (x)]",
        ] {
            let bytes = format!("{text}\0rest");
            assert_eq!(version_at(bytes.as_bytes()), Some(text.len()), "{text}");
        }
        for other in ["3.8.18\0", "3.8.18 (x) GCC\0", "3.8.18 (x) [no end", "3.x (default) [GCC]\0"]
        {
            assert_eq!(version_at(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_hit_across_two_chunks_is_found() {
        let chunk = usize::try_from(CHUNK).unwrap();
        for at in [0, chunk - 8, chunk - 1, chunk, 2 * chunk - 4] {
            let mut bytes = vec![0; 2 * chunk + 8];
            bytes[at..at + 8].copy_from_slice(COOKIE);
            let memory = Image(bytes);
            let end = u64::try_from(2 * chunk + 8).unwrap();
            let found = search(&memory, 0..end, 8, |bytes| {
                bytes.windows(8).position(|window| window == COOKIE)
            });
            assert_eq!(found.unwrap().0, Address(u64::try_from(at).unwrap()));
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = version_at(&bytes);
            let _ = version_at(&[b"3.1".as_slice(), &bytes].concat());
        }
    }
}
