//! The files of targets: each inode is opened once, and equal contents are parsed once, for all
//! targets of this process. A file is forgotten when nobody has it any more.
//!
//! Which contents are equal is first asked of the build id. A file can claim the build id of
//! another (a target is hostile), so the bytes decide: they are compared before two inodes share
//! what was read of one.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, LazyLock, Mutex, Weak};

use super::contents::{Contents, lock};

/// An inode in one state: whoever writes to the file changes its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Inode {
    device: u64,
    number: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Inode {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file that is held open: it can neither be replaced nor vanish.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub file: Arc<File>,
    pub metadata: Metadata,
    pub contents: Arc<Contents>,
}

/// Files that somebody has.
#[derive(Debug, Default)]
pub struct Files(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    open: HashMap<Inode, Weak<OpenFile>>,
    contents: HashMap<(Vec<u8>, u64), Weak<Contents>>,
    parsed: u64,
}

impl Files {
    /// Those of all targets of this process.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Files> = LazyLock::new(Files::default);
        &SHARED
    }

    /// Files that were parsed so far.
    pub fn parsed(&self) -> u64 {
        lock(&self.0).parsed
    }

    /// The file with this metadata; opened with `open` when nobody has it.
    pub(super) fn get(
        &self,
        metadata: Metadata,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<Arc<OpenFile>> {
        let mut known = lock(&self.0);
        let inode = Inode::of(&metadata);
        if let Some(file) = known.open.get(&inode).and_then(Weak::upgrade) {
            return Ok(file);
        }
        let file = Arc::new(open()?);
        let contents = known.contents(&file, inode.size);
        let file = Arc::new(OpenFile { file, metadata, contents });
        known.open.retain(|_, file| file.strong_count() > 0);
        known.open.insert(inode, Arc::downgrade(&file));
        Ok(file)
    }
}

impl Known {
    /// What is in a file that was just opened.
    fn contents(&mut self, file: &Arc<File>, size: u64) -> Arc<Contents> {
        let new = Arc::new(Contents::read(Arc::clone(file), size));
        self.parsed += 1;
        let Some(build_id) = new.build_id() else { return new };
        let key = (build_id, size);
        let same = self.contents.get(&key).and_then(Weak::upgrade);
        if let Some(same) = same.filter(|same| same.is_same(file)) {
            return same;
        }
        self.contents.retain(|_, contents| contents.strong_count() > 0);
        self.contents.insert(key, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn get(files: &Files, path: &Path) -> Arc<OpenFile> {
        let metadata = fs::metadata(path).expect("a file");
        files.get(metadata, || File::open(path)).expect("opened")
    }

    #[test]
    fn an_inode_is_parsed_once_while_somebody_has_it() {
        let files = Files::default();
        let exe = Path::new("/proc/self/exe");
        let (one, other) = (get(&files, exe), get(&files, exe));
        assert!(Arc::ptr_eq(&one, &other) && files.parsed() == 1);
        drop((one, other));
        get(&files, exe);
        assert_eq!(files.parsed(), 2);
    }

    #[test]
    fn equal_files_share_their_contents_and_liars_do_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (copy, liar) = (folder.path().join("copy"), folder.path().join("liar"));
        let library = library();
        let mut bytes = fs::read(&library).expect("a library");
        fs::write(&copy, &bytes).expect("written");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&liar, &bytes).expect("written");
        let files = Files::default();
        let (one, copy, liar) = (get(&files, &library), get(&files, &copy), get(&files, &liar));
        assert!(one.contents.build_id().is_some());
        assert_eq!(one.contents.build_id(), liar.contents.build_id());
        assert!(Arc::ptr_eq(&one.contents, &copy.contents) && !Arc::ptr_eq(&one.file, &copy.file));
        assert!(!Arc::ptr_eq(&one.contents, &liar.contents));
    }

    #[test]
    fn a_file_that_was_written_to_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "one").expect("written");
        let files = Files::default();
        let before = get(&files, &path);
        fs::write(&path, "three").expect("written");
        assert_ne!(before.contents.id, get(&files, &path).contents.id);
    }

    fn library() -> std::path::PathBuf {
        let maps = fs::read("/proc/self/maps").expect("maps");
        let mappings = crate::os::maps::parse(&maps);
        let libc = mappings
            .into_iter()
            .find(|mapping| mapping.path.to_string_lossy().contains("/libc.so"));
        libc.expect("a C library").path.into()
    }
}
