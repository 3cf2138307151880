//! Symbols: by name, and all names of one address.

use std::collections::HashSet;

use object::LittleEndian as LE;
use object::elf::{self, Sym64};
use object::pod;
use object::read::ReadRef;
use object::read::elf::Sym as _;

use super::{Elf, Headers, TablePlace, tag};

/// Which tables a snapshot-up searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SymbolTables {
    /// What the dynamic linker sees; survives `strip`.
    Dynamic,
    /// That, and then the full table, if it was not stripped.
    All,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// Data.
    Object,
    /// A resolver that picks the real function at load time (`STT_GNU_IFUNC`); its address is not
    /// the function's.
    Indirect,
    /// No type, as hand-written assembly leaves it.
    Untyped,
}

/// A defined symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Virtual address in the file.
    pub vaddr: u64,
    /// Bytes, or 0 when the file does not say.
    pub size: u64,
    /// What it is.
    pub kind: SymbolKind,
}

/// One symbol table and its names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RawSymbols<'data> {
    entries: &'data [Sym64<LE>],
    names: &'data [u8],
}

impl<'data> RawSymbols<'data> {
    fn new(entries: &'data [u8], names: &'data [u8]) -> Option<Self> {
        let count = entries.len() / size_of::<Sym64<LE>>();
        let (entries, _) = pod::slice_from_bytes(entries, count).ok()?;
        Some(Self { entries, names })
    }

    pub(super) fn entries(&self) -> &'data [Sym64<LE>] {
        self.entries
    }

    /// The name of an entry, without its terminator.
    pub(super) fn name(&self, entry: &Sym64<LE>) -> &'data [u8] {
        let tail = usize::try_from(entry.st_name(LE))
            .ok()
            .and_then(|at| self.names.get(at..))
            .unwrap_or(&[]);
        let end = tail.iter().position(|byte| *byte == 0).unwrap_or(tail.len());
        &tail[..end]
    }

    /// The name, when it has at most `longest` bytes and is not mangled.
    fn short_name(&self, entry: &Sym64<LE>, longest: usize) -> Option<&'data str> {
        let tail = self.names.get(usize::try_from(entry.st_name(LE)).ok()?..)?;
        if tail.starts_with(b"_Z") || tail.starts_with(b"_R") {
            return None;
        }
        let length = tail.iter().take(longest + 1).position(|byte| *byte == 0)?;
        std::str::from_utf8(&tail[..length]).ok()
    }

    /// Compares without looking for the end of the name first: most names differ early.
    pub(super) fn is_named(&self, entry: &Sym64<LE>, name: &[u8]) -> bool {
        usize::try_from(entry.st_name(LE))
            .ok()
            .and_then(|at| self.names.get(at..))
            .and_then(|tail| tail.strip_prefix(name))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    pub(super) fn defines_any(&self) -> bool {
        self.entries.iter().any(|entry| defined(entry).is_some())
    }

    fn find(&self, wanted: &[&str], found: &mut [Option<Symbol>]) {
        let mut missing = found.iter().filter(|slot| slot.is_none()).count();
        for entry in self.entries {
            if missing == 0 {
                return;
            }
            let Some(symbol) = defined(entry) else { continue };
            for (name, slot) in wanted.iter().zip(found.iter_mut()) {
                if slot.is_none() && self.is_named(entry, name.as_bytes()) {
                    *slot = Some(symbol);
                    missing -= 1;
                }
            }
        }
    }
}

/// The symbol of an entry that is defined here and has an address.
fn defined(entry: &Sym64<LE>) -> Option<Symbol> {
    if entry.st_shndx(LE) == elf::SHN_UNDEF || entry.st_value(LE) == 0 {
        return None;
    }
    let kind = match entry.st_type() {
        elf::STT_FUNC => SymbolKind::Function,
        elf::STT_OBJECT => SymbolKind::Object,
        elf::STT_GNU_IFUNC => SymbolKind::Indirect,
        elf::STT_NOTYPE => SymbolKind::Untyped,
        // Thread-local offsets, sections and file names are not addresses.
        _ => return None,
    };
    Some(Symbol { vaddr: entry.st_value(LE), size: entry.st_size(LE), kind })
}

impl<'data, R: ReadRef<'data>> Elf<R> {
    /// The symbols of these names that are defined here, in the same order.
    pub fn symbols(&self, names: &[&str], tables: SymbolTables) -> Vec<Option<Symbol>> {
        let mut found = vec![None; names.len()];
        self.dynamic_symbol_table().find(names, &mut found);
        if tables == SymbolTables::All && found.iter().any(Option::is_none) {
            self.full_symbol_table().find(names, &mut found);
        }
        found
    }

    /// The functions defined here whose names are wanted, from all tables, each name once. Asked are
    /// names of up to `longest` bytes that C could have: those of C++ and Rust begin with `_Z` or `_R`.
    pub fn functions(
        &self,
        longest: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(String, Symbol)> {
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        for table in [self.dynamic_symbol_table(), self.full_symbol_table()] {
            for entry in table.entries {
                let code = defined(entry).filter(|symbol| symbol.kind == SymbolKind::Function);
                let name = table.short_name(entry, longest).filter(|name| wanted(name));
                let (Some(symbol), Some(name)) = (code, name) else { continue };
                if known.insert(name) {
                    found.push((name.to_owned(), symbol));
                }
            }
        }
        found
    }

    /// One defined symbol by name, in all tables.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols(&[name], SymbolTables::All).pop().flatten()
    }

    /// Every name of a virtual address, dynamic names first, without repetition.
    pub fn names_at(&self, vaddr: u64) -> Vec<String> {
        let mut names = Vec::new();
        for table in [self.dynamic_symbol_table(), self.full_symbol_table()] {
            for entry in table.entries {
                if defined(entry).is_some_and(|symbol| symbol.vaddr == vaddr) {
                    let name = String::from_utf8_lossy(table.name(entry)).into_owned();
                    if !name.is_empty() && !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        names
    }

    // Tables are read when asked for, not when the headers are parsed: most files of a process are
    // asked for one table and many for none.
    pub(super) fn dynamic_symbol_table(&self) -> RawSymbols<'data> {
        self.symbol_table(self.dynamic_symbols)
    }

    fn full_symbol_table(&self) -> RawSymbols<'data> {
        self.symbol_table(self.full_symbols)
    }

    fn symbol_table(&self, places: Option<(TablePlace, TablePlace)>) -> RawSymbols<'data> {
        let read = || {
            let (entries, names) = places?;
            RawSymbols::new(self.table(entries)?, self.table(names)?)
        };
        read().unwrap_or_default()
    }
}

impl Headers {
    pub(super) fn find_full_symbols(&self) -> Option<(TablePlace, TablePlace)> {
        self.symbol_section(elf::SHT_SYMTAB.0)
    }

    pub(super) fn find_dynamic_symbols(&self) -> Option<(TablePlace, TablePlace)> {
        self.symbol_section(elf::SHT_DYNSYM.0).or_else(|| self.symbols_of_loader())
    }

    fn symbol_section(&self, kind: u32) -> Option<(TablePlace, TablePlace)> {
        let entries = self.sections.iter().find(|section| section.kind == kind)?;
        let names = self.sections.get(usize::try_from(entries.link).ok()?)?;
        let place = |section: &super::Section| TablePlace {
            offset: section.file_offset,
            size: section.size,
        };
        Some((place(entries), place(names)))
    }

    /// The dynamic symbols without section headers. The dynamic table does not say how many there
    /// are; every linker puts the names right after them, which bounds their number.
    fn symbols_of_loader(&self) -> Option<(TablePlace, TablePlace)> {
        let (symbols, names) = (self.dynamic_value(tag::SYMTAB)?, self.dynamic_value(tag::STRTAB)?);
        let entries = TablePlace {
            offset: self.file_offset(symbols)?,
            size: names.checked_sub(symbols).filter(|size| *size > 0)?,
        };
        let names =
            TablePlace { offset: self.file_offset(names)?, size: self.dynamic_value(tag::STRSZ)? };
        Some((entries, names))
    }
}
