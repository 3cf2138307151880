//! What an ELF file says: symbols, segments, imports, function bounds. Pure: over bytes, however
//! they are obtained. Only little-endian 64-bit x86 files are accepted.
//!
//! The bytes come from a file that the target mapped, so they are hostile: every offset and length
//! is checked, every walk ends after at most one pass over its table, and a part that makes no
//! sense is treated as absent.

mod chunks;
mod import;
mod segment;
mod symbol;
mod unwind;

#[cfg(test)]
mod tests;

pub use chunks::{Chunks, Cursor, ReadAt, chunks};
pub use import::ImportSlot;
pub use segment::{Section, Segment};
pub use symbol::{Symbol, SymbolKind, SymbolTables};
pub use unwind::{Extent, UnwindPlaces, UnwindTables};

use std::ops::Deref;
use std::sync::Arc;

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64};
use object::read::ReadRef;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};

/// Most bytes of one table (symbols, strings, relocations) that are read: far above the largest
/// known, and a bound on what a damaged header can make us allocate.
const TABLE_LIMIT: u64 = 512 << 20;

/// Why a file cannot be read as ELF at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ElfError {
    /// The magic number is missing.
    #[error("not an ELF file")]
    NotElf,
    /// Another class, byte order or machine.
    #[error("an ELF file of another kind: only 64-bit x86 is supported")]
    Foreign,
    /// The headers contradict the file.
    #[error("damaged ELF file: {what}")]
    Damaged {
        /// Which part.
        what: &'static str,
        /// What the parser found.
        source: object::Error,
    },
}

/// What the headers of a file say. Those of one file can be shared by all who read its bytes.
#[derive(Clone, Debug)]
pub struct Headers {
    position_independent: bool,
    segments: Vec<Segment>,
    sections: Vec<Section>,
    dynamic: Vec<(u64, u64)>,
    interpreter: bool,
    unwind_header: Option<(u64, u64)>,
    notes: Vec<(u64, u64)>,
    dynamic_symbols: Option<(TablePlace, TablePlace)>,
    full_symbols: Option<(TablePlace, TablePlace)>,
}

/// One parsed ELF file over bytes that live elsewhere.
///
/// `R` is where the bytes come from: a slice, or a cache that reads a file chunk by chunk.
#[derive(Clone, Debug)]
pub struct Elf<R> {
    data: R,
    headers: Arc<Headers>,
}

impl<R> Deref for Elf<R> {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.headers
    }
}

/// Where a table lies in the file: offset and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TablePlace {
    offset: u64,
    size: u64,
}

impl Headers {
    /// Reads them. Missing or damaged section headers are no error: what the loader needs (segments
    /// and the dynamic table) is enough for most questions.
    pub fn parse<'data>(data: impl ReadRef<'data>) -> Result<Self, ElfError> {
        let header = file_header(data)?;
        let programs = header
            .program_headers(LE, data)
            .map_err(|source| ElfError::Damaged { what: "program headers", source })?;
        let mut headers = Self {
            position_independent: header.e_type(LE) == elf::ET_DYN,
            segments: segment::loaded(programs),
            sections: segment::sections(header, data),
            dynamic: Vec::new(),
            interpreter: programs.iter().any(|p| p.p_type(LE) == elf::PT_INTERP),
            unwind_header: None,
            notes: Vec::new(),
            dynamic_symbols: None,
            full_symbols: None,
        };
        for program in programs {
            headers.note_program(program, data);
        }
        headers.dynamic_symbols = headers.find_dynamic_symbols();
        headers.full_symbols = headers.find_full_symbols();
        Ok(headers)
    }

    fn note_program<'data>(
        &mut self,
        program: &elf::ProgramHeader64<LE>,
        data: impl ReadRef<'data>,
    ) {
        let place = (program.p_offset(LE), program.p_filesz(LE));
        match program.p_type(LE) {
            elf::PT_DYNAMIC => {
                // Entries after the terminator are not part of the table.
                if let Ok(Some(entries)) = program.dynamic(LE, data) {
                    self.dynamic = entries
                        .iter()
                        .map(|entry| (tag_number(entry.d_tag(LE)), entry.d_val(LE)))
                        .take_while(|(tag, _)| *tag != 0)
                        .collect();
                }
            }
            elf::PT_GNU_EH_FRAME => {
                self.unwind_header = Some((program.p_vaddr(LE), program.p_filesz(LE)));
            }
            elf::PT_NOTE => self.notes.push(place),
            _ => {}
        }
    }

    fn dynamic_value(&self, tag: u64) -> Option<u64> {
        self.dynamic.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
    }
}

impl<'data, R: ReadRef<'data>> Elf<R> {
    /// Reads the headers of these bytes.
    pub fn parse(data: R) -> Result<Self, ElfError> {
        Ok(Self::new(data, Arc::new(Headers::parse(data)?)))
    }

    /// Over bytes whose headers are read already.
    pub fn new(data: R, headers: Arc<Headers>) -> Self {
        Self { data, headers }
    }

    /// Whether no dynamic linker takes part: neither an interpreter nor needed libraries, and not a
    /// library itself (a static position-independent executable has relocations, but exports
    /// nothing).
    pub fn is_static(&self) -> bool {
        !self.interpreter && self.dynamic_value(tag::NEEDED).is_none() && !self.is_library()
    }

    fn is_library(&self) -> bool {
        self.dynamic_value(tag::SONAME).is_some()
            || (self.position_independent && self.dynamic_symbol_table().defines_any())
    }

    /// The identifier that the linker wrote, if any; at most 64 bytes.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        self.notes.iter().find_map(|(offset, size)| {
            let bytes = self.table(TablePlace { offset: *offset, size: (*size).min(1 << 20) })?;
            build_id_in(bytes)
        })
    }

    /// `length` bytes at a virtual address, when all of them come from the file.
    pub fn bytes_at(&self, vaddr: u64, length: u64) -> Option<&'data [u8]> {
        let segment = self.segments.iter().find(|segment| segment.holds_file(vaddr))?;
        let into = vaddr - segment.vaddr;
        if length > segment.file_size - into {
            return None;
        }
        self.table(TablePlace { offset: segment.file_offset.checked_add(into)?, size: length })
    }

    /// A table of the file, when it is there and not absurdly large.
    fn table(&self, place: TablePlace) -> Option<&'data [u8]> {
        if place.size > TABLE_LIMIT {
            return None;
        }
        self.data.read_bytes_at(place.offset, place.size).ok()
    }
}

/// Tags of the dynamic table (System V ABI, "Dynamic Section").
mod tag {
    pub(super) const NEEDED: u64 = 1;
    pub(super) const PLTRELSZ: u64 = 2;
    pub(super) const STRTAB: u64 = 5;
    pub(super) const SYMTAB: u64 = 6;
    pub(super) const RELA: u64 = 7;
    pub(super) const RELASZ: u64 = 8;
    pub(super) const STRSZ: u64 = 10;
    pub(super) const SONAME: u64 = 14;
    pub(super) const JMPREL: u64 = 23;
    pub(super) const RELACOUNT: u64 = 0x6fff_fff9;
}

fn tag_number(tag: elf::DynamicTag) -> u64 {
    // A negative tag is none that we know, and stays so.
    tag.0.cast_unsigned()
}

fn file_header<'data, R: ReadRef<'data>>(data: R) -> Result<&'data FileHeader64<LE>, ElfError> {
    let ident = data.read_bytes_at(0, 20).map_err(|()| ElfError::NotElf)?;
    if ident[..4] != *b"\x7fELF" {
        return Err(ElfError::NotElf);
    }
    let (class, order) = (ident[4], ident[5]);
    let machine = u16::from_le_bytes([ident[18], ident[19]]);
    if class != 2 || order != 1 || machine != elf::EM_X86_64.0 {
        return Err(ElfError::Foreign);
    }
    FileHeader64::<LE>::parse(data)
        .map_err(|source| ElfError::Damaged { what: "file header", source })
}

/// Finds the `NT_GNU_BUILD_ID` note: name size, descriptor size, type 3, "GNU\0", identifier; parts
/// are padded to 4 bytes.
fn build_id_in(notes: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| -> Option<usize> {
        let bytes = notes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let mut at = 0_usize;
    loop {
        let (name, descriptor, kind) = (word(at)?, word(at + 4)?, word(at + 8)?);
        let name_at = at + 12;
        let descriptor_at = name_at.checked_add(name.checked_next_multiple_of(4)?)?;
        let next = descriptor_at.checked_add(descriptor.checked_next_multiple_of(4)?)?;
        if kind == 3 && notes.get(name_at..name_at.checked_add(name)?)? == b"GNU\0" {
            let id = notes.get(descriptor_at..descriptor_at.checked_add(descriptor)?)?;
            return (!id.is_empty() && id.len() <= 64).then(|| id.to_vec());
        }
        at = next;
    }
}
