//! The file behind a mapping: that inode and no other.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

use super::contents::FileId;
use super::files::{Files, OpenFile};
use super::maps::Mapping;
use super::procfs;
use crate::elf::{ElfError, Headers, ImportSlot, Symbol, SymbolTables};

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

/// A file that the target has mapped, held open: it can neither be replaced nor vanish. Clones, and
/// those of other targets that have it mapped, are the same open file.
#[derive(Clone, Debug)]
pub struct ModuleFile(Arc<OpenFile>);

impl ModuleFile {
    /// Opens the file of a mapping of process `pid`.
    ///
    /// `/proc/PID/map_files` leads to the mapped inode itself, in any mount namespace, deleted or
    /// not. Where we may not use that, the path is followed in the target's own root, and the file
    /// is taken only when device and inode are those of the mapping.
    pub fn open(pid: u32, mapping: &Mapping, files: &Files) -> Result<Self, FileRefusal> {
        let exact = procfs::path(pid, "map_files").join(mapping.file_name());
        let source = match place(&exact) {
            Ok(placed) => return Self::from_place(&placed, files),
            Err(source) => source,
        };
        let relative = Path::new(&mapping.path).strip_prefix("/").unwrap_or(Path::new(""));
        let Ok(placed) = place(&procfs::path(pid, "root").join(relative)) else {
            return Err(FileRefusal::Unopened { source });
        };
        let found = placed.metadata().map_err(|source| FileRefusal::Unopened { source })?;
        match same_file(&found, mapping) {
            true => Self::from_place(&placed, files),
            false => Err(FileRefusal::OtherFile),
        }
    }

    fn from_place(placed: &File, files: &Files) -> Result<Self, FileRefusal> {
        let metadata = placed.metadata().map_err(|source| FileRefusal::Unopened { source })?;
        if !metadata.is_file() {
            return Err(FileRefusal::NotRegular);
        }
        let open = files.get(metadata, || File::open(descriptor_path(placed)));
        open.map(Self).map_err(|source| FileRefusal::Unopened { source })
    }

    /// A path by which this process (and the kernel on its behalf) reaches exactly this inode.
    pub fn path(&self) -> PathBuf {
        descriptor_path(&self.0.file)
    }

    /// What tells its contents from those of other files.
    pub fn id(&self) -> FileId {
        self.0.contents.id
    }

    /// The open file.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.file.as_fd()
    }

    /// Whether it is the file that `other` describes.
    pub(super) fn is_same(&self, other: &Metadata) -> bool {
        (self.0.metadata.dev(), self.0.metadata.ino()) == (other.dev(), other.ino())
    }

    /// Bytes, when it was opened.
    pub fn size(&self) -> u64 {
        self.0.metadata.size()
    }

    /// Whether no directory names it any more: deleted, or replaced by an upgrade.
    pub fn is_deleted(&self) -> bool {
        self.0.metadata.nlink() == 0
    }

    /// `length` bytes from `offset`. Read, not mapped: a file that is truncated meanwhile is an
    /// error here, and SIGBUS in a mapping.
    pub fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size());
        if end.is_none() || length > READ_LIMIT {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.0.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// The whole file.
    pub fn contents(&self) -> io::Result<Vec<u8>> {
        self.read(0, self.size())
    }

    /// The whole file, mapped: pages are read when they are looked at, and shared with the target.
    ///
    /// For readers that need few bytes at places not known before (unwinding, symbols). All others
    /// should [`Self::read`].
    pub fn map(&self) -> io::Result<Arc<Mmap>> {
        self.0.contents.map()
    }

    /// What its headers say.
    pub fn headers(&self) -> Result<&Headers, ElfError> {
        self.0.contents.headers().map(|headers| &**headers)
    }

    /// The defined symbols of these names, in the same order.
    pub fn symbols(
        &self,
        names: &[&'static str],
        tables: SymbolTables,
    ) -> Result<Vec<Option<Symbol>>, ElfError> {
        self.0.contents.symbols(names, tables)
    }

    /// The slots through which it calls these functions.
    pub fn slots(&self, names: &[&'static str]) -> Result<Vec<ImportSlot>, ElfError> {
        self.0.contents.slots(names)
    }

    /// Functions that are called like those of an allocator, from all symbol tables.
    pub fn of_allocators(&self) -> Result<Vec<(String, Symbol)>, ElfError> {
        self.0.contents.of_allocators()
    }

    /// As [`crate::elf::Elf::is_static`].
    pub fn is_static(&self) -> Result<bool, ElfError> {
        self.0.contents.is_static()
    }

    /// As [`crate::elf::Elf::function_range`].
    pub fn function_range(&self, vaddr: u64) -> Option<Range<u64>> {
        self.0.contents.function_range(vaddr)
    }
}

/// Opens without opening: a place in the file system, so that looking at a device does nothing to
/// it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::maps;

    #[test]
    fn only_the_same_device_and_inode_are_the_same_file() {
        let text = std::fs::read("/proc/self/maps").unwrap();
        let exe = std::fs::metadata("/proc/self/exe").unwrap();
        let mapping = maps::parse(&text).into_iter().find(|m| m.inode == exe.ino()).unwrap();
        let other = std::fs::metadata("/proc/self/status").unwrap();
        assert!(same_file(&exe, &mapping));
        assert!(!same_file(&other, &mapping));
        assert!(!same_file(&exe, &Mapping { inode: mapping.inode + 1, ..mapping.clone() }));
        let (major, minor) = mapping.device;
        assert!(!same_file(&exe, &Mapping { device: (major, minor + 1), ..mapping }));
    }

    #[test]
    fn reads_stay_within_the_file() {
        let text = std::fs::read("/proc/self/maps").unwrap();
        let mapping =
            maps::parse(&text).into_iter().find(|m| m.executable && m.inode != 0).unwrap();
        let file = ModuleFile::open(std::process::id(), &mapping, &Files::default()).unwrap();
        assert_eq!(file.read(0, 4).unwrap(), b"\x7fELF");
        assert_eq!(file.read(file.size() - 2, 2).unwrap().len(), 2);
        assert!(file.read(file.size() - 2, 3).is_err());
        assert!(file.read(u64::MAX, 2).is_err());
        assert!(file.read(0, READ_LIMIT + 1).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let device = place(Path::new("/dev/zero")).unwrap();
        assert!(matches!(
            ModuleFile::from_place(&device, &Files::default()),
            Err(FileRefusal::NotRegular)
        ));
    }
}
