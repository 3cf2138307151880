//! The file behind a mapping: that inode and no other.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::maps::Mapping;
use super::procfs;
use crate::elf::{self, Pieces, ReadAt};

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

    /// A descriptor of the file that outlives this one, and the path by which it is reached.
    pub fn keep(&self) -> io::Result<(OwnedFd, PathBuf)> {
        let file = self.file.try_clone()?;
        let path = descriptor_path(&file);
        Ok((file.into(), path))
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

    /// `length` bytes from `offset`. Read, not mapped: a file that is truncated meanwhile is an error
    /// here, and SIGBUS in a mapping.
    pub fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size());
        if end.is_none() || length > READ_LIMIT {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// The whole file.
    pub fn contents(&self) -> io::Result<Vec<u8>> {
        self.read(0, self.size())
    }

    /// The whole file, mapped: pages are read when they are looked at, and shared with the target.
    ///
    /// For readers that need few bytes at places not known before (unwinding, symbols). All others should
    /// [`Self::read`].
    pub fn map(&self) -> io::Result<Mmap> {
        // SAFETY: the bytes of a mapping must not change while they are borrowed, which only the writers
        // of the file can promise. This file is a program or library that the target executes from a
        // mapping of its own: whoever rewrote it in place would change the target's code under its feet,
        // and whoever truncated it would kill the target by the same SIGBUS as us. Installers therefore
        // replace such files by renaming, which leaves this inode as it is. Those who read the mapping
        // take the bytes for hostile and check every offset, so no value of them is relied upon.
        unsafe { Mmap::map(&self.file) }
    }

    /// Bytes for [`elf::Elf::parse`], read piece by piece.
    pub fn pieces(&self) -> Pieces<&Self> {
        elf::pieces(self)
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

impl ReadAt for &ModuleFile {
    fn size(&self) -> u64 {
        self.metadata.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> bool {
        self.file.read_exact_at(into, offset).is_ok()
    }
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
        let file = ModuleFile::open(std::process::id(), &mapping).unwrap();
        assert_eq!(file.read(0, 4).unwrap(), b"\x7fELF");
        assert_eq!(file.read(file.size() - 2, 2).unwrap().len(), 2);
        assert!(file.read(file.size() - 2, 3).is_err());
        assert!(file.read(u64::MAX, 2).is_err());
        assert!(file.read(0, READ_LIMIT + 1).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let device = place(Path::new("/dev/zero")).unwrap();
        assert!(matches!(ModuleFile::from_place(&device), Err(FileRefusal::NotRegular)));
    }
}
