//! The bytes of one loaded ELF file and where they lie in the target.

use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{LittleEndian, ReadRef};

/// Shared bytes of a file: a mapping, a copy out of the target (vDSO), or a test's vector.
pub type ImageBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

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
    /// The whole file.
    pub bytes: ImageBytes,
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

/// A part of an image's bytes that keeps them alive.
#[derive(Clone)]
pub(super) struct Slice {
    bytes: ImageBytes,
    range: Range<usize>,
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // The range was checked when the slice was made, but a mapped file can be another length now.
        (*self.bytes).as_ref().get(self.range.clone()).unwrap_or(&[])
    }
}

/// One loadable segment: what lies where.
#[derive(Clone, Copy, Debug)]
struct Segment {
    svma: u64,
    offset: u64,
    length: u64,
}

/// A table of the file: its address and its bytes.
#[derive(Clone)]
pub(super) struct Table {
    /// Address in the file.
    pub svma: u64,
    /// The bytes.
    pub data: Slice,
}

impl Table {
    /// Its addresses in the file.
    pub fn range(&self) -> Range<u64> {
        let length = u64::try_from(self.data.len()).unwrap_or(0);
        self.svma..self.svma.saturating_add(length)
    }
}

/// The segments and unwind tables of an ELF file, found through its program headers, because
/// section headers can be stripped.
pub(super) struct Parts {
    bytes: ImageBytes,
    segments: Vec<Segment>,
    /// `.eh_frame_hdr`
    pub header: Option<Table>,
    /// `.eh_frame`, perhaps with what follows it in its segment.
    pub frames: Option<Table>,
}

impl Parts {
    /// Reads the headers; a file that is not a 64-bit little-endian ELF has no parts.
    pub fn new(bytes: &ImageBytes) -> Self {
        let mut parts =
            Self { bytes: Arc::clone(bytes), segments: Vec::new(), header: None, frames: None };
        let data: &[u8] = (**bytes).as_ref();
        if let Ok(header) = FileHeader64::<LittleEndian>::parse(data) {
            parts.find_segments(header, data);
            parts.find_tables(header, data);
        }
        parts
    }

    /// The bytes from `svma` to the end of its segment.
    pub fn from(&self, svma: u64) -> Option<Table> {
        let segment = self.segments.iter().find(|segment| {
            svma.checked_sub(segment.svma).is_some_and(|distance| distance < segment.length)
        })?;
        let distance = svma - segment.svma;
        let start = segment.offset.checked_add(distance)?;
        self.table(svma, start, segment.length - distance)
    }

    /// Exactly the bytes of a range of addresses.
    pub fn range(&self, range: &Range<u64>) -> Option<Slice> {
        let table = self.from(range.start)?;
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let start = table.data.range.start;
        (length <= table.data.range.len())
            .then(|| Slice { bytes: table.data.bytes, range: start..start + length })
    }

    fn table(&self, svma: u64, offset: u64, length: u64) -> Option<Table> {
        let available = (*self.bytes).as_ref().len();
        let start = usize::try_from(offset).ok()?;
        let end = usize::try_from(offset.checked_add(length)?).ok()?.min(available);
        (start < end).then(|| Table {
            svma,
            data: Slice { bytes: Arc::clone(&self.bytes), range: start..end },
        })
    }

    fn find_segments<'data>(
        &mut self,
        header: &FileHeader64<LittleEndian>,
        data: impl ReadRef<'data>,
    ) {
        let endian = LittleEndian;
        for program in header.program_headers(endian, data).unwrap_or(&[]) {
            if program.p_type(endian) == elf::PT_LOAD {
                self.segments.push(Segment {
                    svma: program.p_vaddr(endian),
                    offset: program.p_offset(endian),
                    length: program.p_filesz(endian),
                });
            }
        }
    }

    fn find_tables<'data>(
        &mut self,
        header: &FileHeader64<LittleEndian>,
        data: impl ReadRef<'data>,
    ) {
        let endian = LittleEndian;
        let programs = header.program_headers(endian, data).unwrap_or(&[]);
        if let Some(program) =
            programs.iter().find(|program| program.p_type(endian) == elf::PT_GNU_EH_FRAME)
        {
            let (svma, length) = (program.p_vaddr(endian), program.p_memsz(endian));
            self.header = self.table(svma, program.p_offset(endian), length);
            let frames = self.header.as_ref().and_then(super::cfi::frames_address);
            self.frames = frames.and_then(|svma| self.from(svma));
        }
        if self.frames.is_none() {
            self.header = None;
            self.frames = self.section(header, data, b".eh_frame");
        }
    }

    fn section<'data>(
        &self,
        header: &FileHeader64<LittleEndian>,
        data: impl ReadRef<'data>,
        name: &[u8],
    ) -> Option<Table> {
        let endian = LittleEndian;
        let sections = header.sections(endian, data).ok()?;
        let (_, section) = sections.section_by_name(endian, name)?;
        if section.sh_type(endian) == elf::SHT_NOBITS {
            return None;
        }
        self.table(section.sh_addr(endian), section.sh_offset(endian), section.sh_size(endian))
    }
}
