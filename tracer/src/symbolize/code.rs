//! What unwinding and naming need of one file, made once for all targets that have it mapped.
//!
//! A file is parsed when the first target asks and forgotten with the last one. What is kept are
//! tables and names that were asked for; debug information is read for a batch of names and let go.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::cfi::FrameTable;
use super::parts::{ImageBytes, Parts};
use crate::model::Frame;
use crate::os::FileId;

/// How much is wanted of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Functions, inlined functions, source lines, where debug information exists.
    Lines,
    /// Functions out of symbol tables; needs little memory whatever the file holds.
    Symbols,
}

/// Frames at an address of the file, outermost first, without the name of the module.
pub(super) type Names = HashMap<(Detail, u64), Arc<[Frame]>>;

/// The ranges of functions by that of their first part, all as addresses of the file.
pub(super) type Functions = HashMap<Range<u64>, Vec<Range<u64>>>;

/// One file.
pub struct CodeFile {
    pub(super) parts: Parts,
    pub(super) table: Option<FrameTable>,
    names: Mutex<Names>,
    functions: Mutex<Functions>,
}

/// Files that some target has mapped.
static KNOWN: LazyLock<Mutex<HashMap<FileId, Weak<CodeFile>>>> = LazyLock::new(Mutex::default);

impl CodeFile {
    /// A file of one target only.
    pub fn new(bytes: &ImageBytes) -> Arc<Self> {
        let parts = Parts::new(bytes);
        let table = FrameTable::new(&parts);
        Arc::new(Self { parts, table, names: Mutex::default(), functions: Mutex::default() })
    }

    /// The file with this identity, whose bytes are the same for all who ask.
    pub fn shared(id: FileId, bytes: &ImageBytes) -> Arc<Self> {
        let mut known = lock(&KNOWN);
        if let Some(file) = known.get(&id).and_then(Weak::upgrade) {
            return file;
        }
        known.retain(|_, file| file.strong_count() > 0);
        let file = Self::new(bytes);
        known.insert(id, Arc::downgrade(&file));
        file
    }

    /// The whole file.
    pub fn bytes(&self) -> &ImageBytes {
        &self.parts.bytes
    }

    /// Names that are known. Whoever looks up more holds this meanwhile, so that others find them
    /// and need not.
    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        lock(&self.names)
    }

    /// Functions whose ranges are known.
    pub(super) fn functions(&self) -> MutexGuard<'_, Functions> {
        lock(&self.functions)
    }
}

/// What is kept is whole after every step, so a thread that panicked with it has left nothing half
/// done.
fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_parsed_once_and_forgotten_with_the_last_who_has_it() {
        let bytes: ImageBytes = Arc::new(std::fs::read("/proc/self/exe").expect("this program"));
        let id = FileId::new();
        let one = CodeFile::shared(id, &bytes);
        let other = CodeFile::shared(id, &bytes);
        assert!(Arc::ptr_eq(&one, &other) && one.table.is_some());
        assert!(!Arc::ptr_eq(&one, &CodeFile::shared(FileId::new(), &bytes)));
        drop((one, other));
        assert!(lock(&KNOWN).get(&id).is_none_or(|file| file.strong_count() == 0));
    }
}
