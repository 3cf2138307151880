//! One loaded ELF file, and where it lies in the target.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::code::CodeFile;

/// A module for as long as the capture lasts, also after the target has unloaded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(pub u32);

/// One ELF file as the target has it loaded.
#[derive(Clone)]
pub struct ModuleImage {
    /// Path as the target sees it; only shown.
    pub path: String,
    /// Path that this process can open for symbols, such as `/proc/self/fd/7`; never shown.
    pub open: PathBuf,
    /// What to add (wrapping) to an address of the file to get one of the target.
    pub bias: u64,
    /// Executable mappings of the file, as addresses of the target.
    pub executable: Vec<Range<u64>>,
    /// What is in it, which other targets may share.
    pub code: Arc<CodeFile>,
}

impl ModuleImage {
    /// The address in the file for one in the target.
    pub fn svma(&self, address: u64) -> u64 {
        address.wrapping_sub(self.bias)
    }

    /// Whether `address` of the target is executable and from this file.
    pub fn executes(&self, address: u64) -> bool {
        self.executable.iter().any(|range| range.contains(&address))
    }

    /// First to last executable address.
    pub(super) fn span(&self) -> Range<u64> {
        let start = self.executable.iter().map(|range| range.start).min().unwrap_or(0);
        let end = self.executable.iter().map(|range| range.end).max().unwrap_or(0);
        start..end
    }
}
