//! The parts of an ELF file that unwinding needs: its segments and its unwind tables.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::elf::{Elf, Extent, Segment};

/// Shared bytes of a file: a mapping, a copy out of the target (vDSO), or a test's vector.
pub type ImageBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A part of an image's bytes that keeps them alive.
#[derive(Clone)]
pub(super) struct Slice {
    bytes: ImageBytes,
    range: Range<usize>,
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // The range was checked when the slice was made, but a mapped file can be another length
        // now.
        (*self.bytes).as_ref().get(self.range.clone()).unwrap_or(&[])
    }
}

/// A table of the file: its address and its bytes.
#[derive(Clone)]
pub(super) struct FileTable {
    /// Address in the file.
    pub svma: u64,
    /// The bytes.
    pub data: Slice,
}

impl FileTable {
    /// Its addresses in the file.
    pub fn range(&self) -> Range<u64> {
        let length = u64::try_from(self.data.len()).unwrap_or(0);
        self.svma..self.svma.saturating_add(length)
    }
}

/// The segments and unwind tables of an ELF file.
pub(super) struct Parts {
    /// The whole file.
    pub bytes: ImageBytes,
    segments: Vec<Segment>,
    /// `.eh_frame_hdr`
    pub header: Option<FileTable>,
    /// `.eh_frame`, perhaps with what follows it in its segment.
    pub frames: Option<FileTable>,
}

impl Parts {
    /// Reads the headers; what is not an ELF file of ours has no parts.
    pub fn new(bytes: &ImageBytes) -> Self {
        let mut parts =
            Self { bytes: Arc::clone(bytes), segments: Vec::new(), header: None, frames: None };
        if let Ok(elf) = Elf::parse((**bytes).as_ref()) {
            parts.segments = elf.segments().to_vec();
            if let Some(places) = elf.unwind_places() {
                parts.frames = parts.table(places.frames);
                parts.header = places.header.and_then(|header| parts.table(header));
            }
        }
        parts
    }

    /// Exactly the bytes of a range of addresses.
    pub fn range(&self, range: &Range<u64>) -> Option<Slice> {
        let segment = self.segments.iter().find(|segment| segment.holds_file(range.start))?;
        let distance = range.start - segment.vaddr;
        let size = range.end.checked_sub(range.start)?;
        let file_offset = segment.file_offset.checked_add(distance)?;
        let table = self.table(Extent { vaddr: range.start, file_offset, size })?;
        let whole = size <= segment.file_size - distance && table.range() == *range;
        whole.then_some(table.data)
    }

    /// As much of it as the file has.
    fn table(&self, extent: Extent) -> Option<FileTable> {
        let available = (*self.bytes).as_ref().len();
        let start = usize::try_from(extent.file_offset).ok()?;
        let end =
            usize::try_from(extent.file_offset.checked_add(extent.size)?).ok()?.min(available);
        let data = Slice { bytes: Arc::clone(&self.bytes), range: start..end };
        (start < end).then_some(FileTable { svma: extent.vaddr, data })
    }
}
