//! The file behind a mapping: that inode and no other.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use object::read::{ReadCache, ReadCacheOps};

use super::maps::Mapping;
use super::procfs;

/// Most bytes that one read gives.
const READ_LIMIT: u64 = 512 << 20;

/// Why the file behind a mapping could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum FileRefusal {
    /// Neither way led to a file.
    #[error(
        "its file cannot be opened (that needs CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE and \
         CAP_DAC_READ_SEARCH): {source}"
    )]
    Unopened {
        /// The kernel's answer to the more exact of the two ways.
        source: io::Error,
    },
    /// The path leads to another file now.
    #[error(
        "its path leads to another file now; opening the mapped one needs CAP_CHECKPOINT_RESTORE"
    )]
    OtherFile,
    /// A device or the like, which must not be opened for looking.
    #[error("it is not a regular file")]
    NotRegular,
}

/// A file that the target has mapped, held open: it can neither be replaced nor vanish.
#[derive(Debug)]
pub struct ModuleFile {
    file: File,
    metadata: Metadata,
}

impl ModuleFile {
    /// Opens the file of a mapping of process `pid`.
    ///
    /// `/proc/PID/map_files` leads to the mapped inode itself, in any mount namespace, deleted or not.
    /// Where we may not use that, the path is followed in the target's own root, and the file is
    /// taken only when device and inode are those of the mapping.
    pub fn open(pid: u32, mapping: &Mapping) -> Result<Self, FileRefusal> {
        let exact = procfs::path(pid, "map_files").join(mapping.file_name());
        let source = match place(&exact) {
            Ok(placed) => return Self::from_place(&placed),
            Err(source) => source,
        };
        let relative = Path::new(&mapping.path).strip_prefix("/").unwrap_or(Path::new(""));
        let Ok(placed) = place(&procfs::path(pid, "root").join(relative)) else {
            return Err(FileRefusal::Unopened { source });
        };
        let found = placed.metadata().map_err(|source| FileRefusal::Unopened { source })?;
        match same_file(&found, mapping) {
            true => Self::from_place(&placed),
            false => Err(FileRefusal::OtherFile),
        }
    }

    fn from_place(placed: &File) -> Result<Self, FileRefusal> {
        let open = || {
            let metadata = placed.metadata()?;
            if !metadata.is_file() {
                return Ok(None);
            }
            let file = File::open(descriptor_path(placed))?;
            Ok(Some(Self { file, metadata }))
        };
        open().map_err(|source| FileRefusal::Unopened { source })?.ok_or(FileRefusal::NotRegular)
    }

    /// A path by which this process (and the kernel on its behalf) reaches exactly this inode.
    pub fn path(&self) -> PathBuf {
        descriptor_path(&self.file)
    }

    /// The open file.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether it is the file that `other` describes.
    pub(super) fn is_same(&self, other: &Metadata) -> bool {
        (self.metadata.dev(), self.metadata.ino()) == (other.dev(), other.ino())
    }

    /// Bytes, when it was opened.
    pub fn size(&self) -> u64 {
        self.metadata.size()
    }

    /// Whether no directory names it any more: deleted, or replaced by an upgrade.
    pub fn is_deleted(&self) -> bool {
        self.metadata.nlink() == 0
    }

    /// `length` bytes from `offset`. Read, not mapped: a file that is truncated under a mapping would
    /// kill us with SIGBUS.
    pub fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size());
        if end.is_none() || length > READ_LIMIT {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// The whole file, mapped: unwinding and symbols touch a few pages of many megabytes.
    ///
    /// A file that is truncated while it is mapped kills whoever touches what is gone (SIGBUS). Here that
    /// file is mapped and executed by the target, which would die of the same; package managers replace
    /// libraries by new files for this reason.
    pub fn map(&self) -> io::Result<Mmap> {
        // SAFETY: the mapping is private and read-only. Its bytes can change only if somebody writes to a
        // library that the target executes; readers take every byte for hostile and bound what they read.
        unsafe { Mmap::map(&self.file) }
    }

    /// The whole file.
    pub fn contents(&self) -> io::Result<Vec<u8>> {
        self.read(0, self.size())
    }

    /// Bytes for [`crate::elf::Elf::parse`], read piece by piece as they are asked for and kept until
    /// this is dropped: of most files only a few tables are of interest.
    pub fn pieces(&self) -> ReadCache<Pieces<'_>> {
        ReadCache::new(Pieces { file: self, position: 0 })
    }
}

/// Opens without opening: a place in the file system, so that looking at a device does nothing to it.
fn place(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)
}

fn descriptor_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn same_file(found: &Metadata, mapping: &Mapping) -> bool {
    let device = (libc::major(found.dev()), libc::minor(found.dev()));
    device == mapping.device && found.ino() == mapping.inode
}

/// Reads a file at a position of its own, so that readers of one descriptor do not disturb each other.
#[derive(Debug)]
pub struct Pieces<'file> {
    file: &'file ModuleFile,
    position: u64,
}

impl ReadCacheOps for Pieces<'_> {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.file.size())
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        self.position = position;
        Ok(position)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, ()> {
        let read = self.file.file.read_at(into, self.position).map_err(drop)?;
        self.position = self.position.saturating_add(u64::try_from(read).map_err(drop)?);
        Ok(read)
    }

    fn read_exact(&mut self, into: &mut [u8]) -> Result<(), ()> {
        self.file.file.read_exact_at(into, self.position).map_err(drop)?;
        self.position = self.position.saturating_add(u64::try_from(into.len()).map_err(drop)?);
        Ok(())
    }
}
