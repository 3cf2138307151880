//! A live process: its memory, and where its interpreter's symbols are.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail};
use leakspy::model::{Address, Memory, RuntimeSymbols};
use object::{Object, ObjectSegment, ObjectSymbol};

/// Memory of a live process.
pub struct Process {
    memory: File,
}

impl Process {
    /// Needs the permission to trace it.
    pub fn open(pid: &str) -> Result<Self> {
        Ok(Self { memory: File::open(format!("/proc/{pid}/mem"))? })
    }
}

impl Memory for Process {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.memory.read_exact_at(into, address.0).is_ok()
    }
}

/// Dynamic symbols only, as in a stripped program.
pub fn find_symbols(pid: &str) -> Result<RuntimeSymbols> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [range, _, offset, _, _, _path] = fields[..] else { continue };
        if u64::from_str_radix(offset, 16)? != 0 {
            continue;
        }
        let (start, end) = range.split_once('-').context("no range")?;
        let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
        // Not by path: the process may have another root. The names there have no leading zeros.
        let mapped = format!("/proc/{pid}/map_files/{start:x}-{end:x}");
        let Ok(bytes) = fs::read(mapped) else { continue };
        let Ok(elf) = object::File::parse(&*bytes) else { continue };
        let first = elf.segments().map(|segment| segment.address()).min().unwrap_or(0) & !0xfff;
        let find = |name: &str| {
            let symbol = elf.dynamic_symbols().find(|symbol| symbol.name() == Ok(name))?;
            symbol.is_definition().then(|| Address(symbol.address() - first + start))
        };
        if find("PyCode_Type").is_some() {
            return Ok(RuntimeSymbols {
                runtime: find("_PyRuntime"),
                code_type: find("PyCode_Type"),
                version_word: find("Py_Version"),
                version_function: find("Py_GetVersion"),
                thread_state_function: find("PyGILState_GetThisThreadState"),
                version_text: None,
                interpreters_head: None,
                interpreters_head_function: find("PyInterpreterState_Head"),
                thread_current: find("_PyThreadState_Current"),
            });
        }
    }
    bail!("no file of process {pid} defines PyCode_Type")
}
