//! Unwind tables (`.eh_frame` and its sorted index, `.eh_frame_hdr`): where they are, and the
//! record that covers an address. What the records say is gimli's to read. (Linux Standard Base,
//! "Exception Frames".)

use std::ops::Range;

use gimli::{
    BaseAddresses, CieOrFde, EhFrame, EhFrameHdr, EndianSlice, FrameDescriptionEntry, LittleEndian,
    ParsedEhFrameHdr, Pointer, UnwindSection as _,
};
use object::read::ReadRef;

use super::{Elf, TablePlace};

/// The bytes of a table.
pub type TableBytes<'a> = EndianSlice<'a, LittleEndian>;

/// A part of the file: its virtual address, where it begins in the file, and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First virtual address.
    pub vaddr: u64,
    /// Where it begins in the file.
    pub file_offset: u64,
    /// Bytes.
    pub size: u64,
}

/// Where the unwind tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnwindPlaces {
    /// `.eh_frame_hdr`
    pub header: Option<Extent>,
    /// `.eh_frame`, perhaps with what follows it in its segment.
    pub frames: Extent,
}

/// The unwind tables themselves.
#[derive(Clone, Debug)]
pub struct UnwindTables<'data> {
    header: Option<&'data [u8]>,
    frames: &'data [u8],
    frames_vaddr: u64,
    bases: BaseAddresses,
}

impl<'data, R: ReadRef<'data>> Elf<R> {
    /// Found through the program headers, because section headers can be stripped; through those
    /// where there is no index.
    pub fn unwind_places(&self) -> Option<UnwindPlaces> {
        self.indexed_places().or_else(|| {
            let section = self.section(".eh_frame").filter(|section| section.in_file)?;
            let frames = Extent {
                vaddr: section.vaddr,
                file_offset: section.file_offset,
                size: section.size,
            };
            Some(UnwindPlaces { header: None, frames })
        })
    }

    fn indexed_places(&self) -> Option<UnwindPlaces> {
        let (vaddr, size) = self.unwind_header?;
        let header = Extent { vaddr, file_offset: self.file_offset(vaddr)?, size };
        let bytes = self.bytes_at(vaddr, size)?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(vaddr);
        let Pointer::Direct(frames) = parsed(bytes, &bases)?.eh_frame_ptr() else { return None };
        let segment = self.segments.iter().find(|segment| segment.holds_file(frames))?;
        let frames = Extent {
            vaddr: frames,
            file_offset: self.file_offset(frames)?,
            size: segment.file_size - (frames - segment.vaddr),
        };
        Some(UnwindPlaces { header: Some(header), frames })
    }

    /// The function record that covers `vaddr`, found through the index. Functions split by the
    /// compiler have one record for each part.
    pub fn function_range(&self, vaddr: u64) -> Option<Range<u64>> {
        let UnwindPlaces { header: Some(header), frames } = self.unwind_places()? else {
            return None;
        };
        let bytes = |extent: Extent| {
            self.table(TablePlace { offset: extent.file_offset, size: extent.size })
        };
        let header = (header.vaddr, bytes(header)?);
        let tables = UnwindTables::new(Some(header), (frames.vaddr, bytes(frames)?));
        let record = tables.search(vaddr)?;
        Some(record.initial_address()..record.end_address())
    }
}

impl<'data> UnwindTables<'data> {
    /// From the address and the bytes of each.
    pub fn new(header: Option<(u64, &'data [u8])>, frames: (u64, &'data [u8])) -> Self {
        let mut bases = BaseAddresses::default().set_eh_frame(frames.0);
        if let Some((vaddr, _)) = header {
            bases = bases.set_eh_frame_hdr(vaddr);
        }
        let header = header.map(|(_, bytes)| bytes);
        Self { header, frames: frames.1, frames_vaddr: frames.0, bases }
    }

    /// `.eh_frame`
    pub fn section(&self) -> EhFrame<TableBytes<'data>> {
        let mut section = EhFrame::new(self.frames, LittleEndian);
        section.set_address_size(8);
        section
    }

    /// What addresses in them are relative to.
    pub fn bases(&self) -> &BaseAddresses {
        &self.bases
    }

    /// Whether there is an index that can be searched.
    pub fn is_searchable(&self) -> bool {
        self.index().is_some_and(|index| index.table().is_some())
    }

    /// The record that covers `vaddr`, by the index.
    pub fn search(&self, vaddr: u64) -> Option<FrameDescriptionEntry<TableBytes<'data>>> {
        let index = self.index()?;
        // Not gimli's `pointer_to_offset`, which subtracts without looking.
        let Pointer::Direct(entry) = index.table()?.lookup(vaddr, &self.bases).ok()? else {
            return None;
        };
        let offset = usize::try_from(entry.checked_sub(self.frames_vaddr)?).ok()?;
        self.record(offset, vaddr)
    }

    /// The record at `offset`, when it covers `vaddr`.
    pub fn record(
        &self,
        offset: usize,
        vaddr: u64,
    ) -> Option<FrameDescriptionEntry<TableBytes<'data>>> {
        if offset >= self.frames.len() {
            return None;
        }
        let section = self.section();
        let record = section.fde_from_offset(&self.bases, offset.into(), EhFrame::cie_from_offset);
        record.ok().filter(|record| record.contains(vaddr))
    }

    /// The range and the offset of every record, by address: an index for tables that have none.
    pub fn all(&self) -> Vec<(Range<u64>, usize)> {
        let section = self.section();
        let mut entries = section.entries(&self.bases);
        let mut all = Vec::new();
        while let Ok(Some(entry)) = entries.next() {
            let CieOrFde::Fde(partial) = entry else { continue };
            if let Ok(record) = partial.parse(EhFrame::cie_from_offset) {
                all.push((record.initial_address()..record.end_address(), record.offset()));
            }
        }
        all.sort_by_key(|(range, _)| range.start);
        all
    }

    fn index(&self) -> Option<ParsedEhFrameHdr<TableBytes<'data>>> {
        parsed(self.header?, &self.bases)
    }
}

fn parsed<'data>(
    header: &'data [u8],
    bases: &BaseAddresses,
) -> Option<ParsedEhFrameHdr<TableBytes<'data>>> {
    EhFrameHdr::new(header, LittleEndian).parse(bases, 8).ok()
}
