//! Segments, sections, and the three address worlds: file offset, the file's own virtual address
//! ("vaddr"), and the address in a process (vaddr plus load bias).

use std::ops::Range;

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::read::{ReadRef, StringTable};

use super::{Elf, Headers, TablePlace};

/// Page size of x86-64.
const PAGE: u64 = 4096;

/// A part of the file that the loader maps (`PT_LOAD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First virtual address.
    pub vaddr: u64,
    /// Bytes in memory; those after `file_size` are zero at start.
    pub memory_size: u64,
    /// Where it begins in the file.
    pub file_offset: u64,
    /// Bytes that come from the file.
    pub file_size: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// Whether it may be written.
    pub writable: bool,
}

impl Segment {
    /// Whether the byte at `vaddr` comes from the file.
    pub fn holds_file(&self, vaddr: u64) -> bool {
        vaddr >= self.vaddr && vaddr - self.vaddr < self.file_size
    }

    /// Load bias when the page of the file at `offset` is mapped at `start` as part of this
    /// segment.
    fn bias(&self, start: u64, offset: u64) -> Option<u64> {
        let first = self.file_offset / PAGE * PAGE;
        if offset < first || offset >= self.file_offset.saturating_add(self.file_size) {
            return None;
        }
        let vaddr = if offset >= self.file_offset {
            self.vaddr.checked_add(offset - self.file_offset)?
        } else {
            self.vaddr.checked_sub(self.file_offset - offset)?
        };
        start.checked_sub(vaddr).filter(|bias| bias % PAGE == 0)
    }

    /// Whether `vaddr` lies in it.
    pub fn holds(&self, vaddr: u64) -> bool {
        vaddr >= self.vaddr && vaddr - self.vaddr < self.memory_size
    }
}

/// A named section that is loaded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name; not UTF-8 parts are replaced.
    pub name: String,
    /// First virtual address, or 0 when it is not loaded.
    pub vaddr: u64,
    /// Bytes.
    pub size: u64,
    /// Where it begins in the file.
    pub file_offset: u64,
    /// Whether it has bytes in the file (`.bss` has none).
    pub in_file: bool,
    pub(super) kind: u32,
    pub(super) link: u32,
}

/// Loaded segments; those whose arithmetic overflows are dropped.
pub(super) fn loaded(programs: &[elf::ProgramHeader64<LE>]) -> Vec<Segment> {
    programs
        .iter()
        .filter(|program| program.p_type(LE) == elf::PT_LOAD)
        .map(|program| {
            let flags = program.p_flags(LE).0;
            Segment {
                vaddr: program.p_vaddr(LE),
                memory_size: program.p_memsz(LE),
                file_offset: program.p_offset(LE),
                file_size: program.p_filesz(LE).min(program.p_memsz(LE)),
                executable: flags & elf::PF_X.0 != 0,
                writable: flags & elf::PF_W.0 != 0,
            }
        })
        .filter(|s| s.vaddr.checked_add(s.memory_size).is_some_and(|end| end <= u64::MAX - PAGE))
        .filter(|s| {
            s.file_offset.checked_add(s.file_size).is_some_and(|end| end <= u64::MAX - PAGE)
        })
        .collect()
}

/// Section headers, or none when they are missing or damaged.
pub(super) fn sections<'data, R: ReadRef<'data>>(
    header: &FileHeader64<LE>,
    data: R,
) -> Vec<Section> {
    let Ok(headers) = header.section_headers(LE, data) else {
        return Vec::new();
    };
    let names = section_names(header, headers, data);
    let names = StringTable::new(names, 0, u64::try_from(names.len()).unwrap_or(0));
    headers
        .iter()
        .map(|section| Section {
            name: section
                .name(LE, names)
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .unwrap_or_default(),
            vaddr: section.sh_addr(LE),
            size: section.sh_size(LE),
            file_offset: section.sh_offset(LE),
            in_file: section.sh_type(LE) != elf::SHT_NOBITS,
            kind: section.sh_type(LE).0,
            link: section.sh_link(LE),
        })
        .collect()
}

/// The whole name table as one slice: reading each name from the file by itself would be one system
/// call per section.
fn section_names<'data, R: ReadRef<'data>>(
    header: &FileHeader64<LE>,
    headers: &'data [elf::SectionHeader64<LE>],
    data: R,
) -> &'data [u8] {
    let place = || {
        let index = header.shstrndx(LE, data).ok()?;
        let section = headers.get(usize::try_from(index).ok()?)?;
        let (offset, size) = section.file_range(LE)?;
        (size <= 16 << 20).then(|| data.read_bytes_at(offset, size).ok())?
    };
    place().unwrap_or(&[])
}

impl Headers {
    /// What the loader maps, in the order of the file.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first section of that name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Where the byte at `vaddr` lies in the file.
    pub fn file_offset(&self, vaddr: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| segment.holds_file(vaddr))?;
        segment.file_offset.checked_add(vaddr - segment.vaddr)
    }

    /// Virtual address of a byte of the file. A byte may be mapped twice (segments share pages);
    /// the segment that names it in its own range wins, as there is at most one.
    pub fn vaddr(&self, file_offset: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| {
            file_offset >= segment.file_offset
                && file_offset - segment.file_offset < segment.file_size
        })?;
        segment.vaddr.checked_add(file_offset - segment.file_offset)
    }

    /// Load bias (address minus vaddr) that follows from one executable mapping of the file: its
    /// start and its offset in the file. `None` when no segment fits or the bias is not whole
    /// pages.
    pub fn bias(&self, start: u64, offset: u64) -> Option<u64> {
        let mut executable = self.segments.iter().filter(|segment| segment.executable);
        executable.find_map(|segment| segment.bias(start, offset))
    }

    /// Whether a mapping of the file belongs to the copy that is loaded with this bias.
    /// Neighbouring segments share pages of the file, so a mapping alone can fit several.
    pub fn fits(&self, bias: u64, start: u64, offset: u64) -> bool {
        self.segments.iter().any(|segment| segment.bias(start, offset) == Some(bias))
    }

    /// From the first to after the last virtual address that is loaded.
    pub fn span(&self) -> Option<Range<u64>> {
        let start = self.segments.iter().map(|segment| segment.vaddr).min()?;
        let end = self.segments.iter().map(|segment| segment.vaddr + segment.memory_size).max()?;
        Some(start..end)
    }
}

impl<'data, R: ReadRef<'data>> Elf<R> {
    /// The bytes of a section, when it has any in the file.
    pub fn section_bytes(&self, name: &str) -> Option<&'data [u8]> {
        let section = self.section(name).filter(|section| section.in_file)?;
        self.table(TablePlace { offset: section.file_offset, size: section.size })
    }
}
