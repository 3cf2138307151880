//! What was read out of a file, once for all who have it mapped.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memmap2::Mmap;

use crate::elf::{self, Elf, ElfError, Headers, ImportSlot, ReadAt, Symbol, SymbolTables};
use crate::model::library_allocator;

/// A file's contents, for as long as this process runs: no two different ones have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(u64);

impl FileId {
    /// One that nobody has.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Names of symbols, and where they were looked for.
type Question = (Vec<&'static str>, SymbolTables);

/// The contents of a file that is held open.
#[derive(Debug)]
pub(super) struct Contents {
    pub id: FileId,
    pub size: u64,
    file: Arc<File>,
    headers: Result<Arc<Headers>, ElfError>,
    mapped: Mutex<Option<Arc<Mmap>>>,
    symbols: Mutex<HashMap<Question, Vec<Option<Symbol>>>>,
    slots: Mutex<HashMap<Vec<&'static str>, Vec<ImportSlot>>>,
    of_allocators: Mutex<HashMap<(), Vec<(String, Symbol)>>>,
}

impl Contents {
    /// Reads the headers.
    pub fn read(file: Arc<File>, size: u64) -> Self {
        let headers = Headers::parse(&elf::chunks(Bytes { file: &file, size })).map(Arc::new);
        Self {
            id: FileId::new(),
            size,
            file,
            headers,
            mapped: Mutex::default(),
            symbols: Mutex::default(),
            slots: Mutex::default(),
            of_allocators: Mutex::default(),
        }
    }

    pub fn headers(&self) -> Result<&Arc<Headers>, ElfError> {
        self.headers.as_ref().map_err(Clone::clone)
    }

    /// The identifier that the linker wrote.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        self.ask(|elf| elf.build_id()).ok().flatten()
    }

    pub fn is_static(&self) -> Result<bool, ElfError> {
        self.ask(|elf| elf.is_static())
    }

    pub fn function_range(&self, vaddr: u64) -> Option<std::ops::Range<u64>> {
        self.ask(|elf| elf.function_range(vaddr)).ok().flatten()
    }

    pub fn symbols(
        &self,
        names: &[&'static str],
        tables: SymbolTables,
    ) -> Result<Vec<Option<Symbol>>, ElfError> {
        once(&self.symbols, (names.to_vec(), tables), || self.ask(|elf| elf.symbols(names, tables)))
    }

    pub fn slots(&self, names: &[&'static str]) -> Result<Vec<ImportSlot>, ElfError> {
        once(&self.slots, names.to_vec(), || self.ask(|elf| elf.slots(names)))
    }

    /// Functions that are called like those of an allocator.
    pub fn of_allocators(&self) -> Result<Vec<(String, Symbol)>, ElfError> {
        let wanted = library_allocator::may_be_of_allocator;
        let longest = library_allocator::LONGEST_NAME;
        once(&self.of_allocators, (), || self.ask(|elf| elf.functions(longest, wanted)))
    }

    /// The whole file, mapped once.
    pub fn map(&self) -> io::Result<Arc<Mmap>> {
        let mut mapped = lock(&self.mapped);
        if let Some(known) = &*mapped {
            return Ok(Arc::clone(known));
        }
        // SAFETY: the bytes of a mapping must not change while they are borrowed, which only the
        // writers of the file can promise. This file is a program or library that the target
        // executes from a mapping of its own: whoever rewrote it in place would change the target's
        // code under its feet, and whoever truncated it would kill the target by the same SIGBUS as
        // us. Installers therefore replace such files by renaming, which leaves this inode as it
        // is. Those who read the mapping take the bytes for hostile and check every offset, so no
        // value of them is relied upon.
        let new = Arc::new(unsafe { Mmap::map(&*self.file) }?);
        Ok(Arc::clone(mapped.insert(new)))
    }

    /// Whether another file has the same bytes; false where that would take long to find out.
    pub fn is_same(&self, other: &File) -> bool {
        let (mut one, mut two) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut offset = 0;
        while self.size <= LARGEST_COMPARED && offset < self.size {
            let length = usize::try_from(self.size - offset).map_or(CHUNK, |left| left.min(CHUNK));
            let (one, two) = (&mut one[..length], &mut two[..length]);
            let read = self.file.read_exact_at(one, offset).is_ok()
                && other.read_exact_at(two, offset).is_ok();
            if !read || one != two {
                return false;
            }
            offset += u64::try_from(length).unwrap_or(u64::MAX);
        }
        offset >= self.size
    }

    /// Reads tables of the file; they are let go again.
    fn ask<T>(
        &self,
        question: impl for<'a> FnOnce(Elf<&'a elf::Chunks<Bytes<'a>>>) -> T,
    ) -> Result<T, ElfError> {
        let headers = Arc::clone(self.headers()?);
        let chunks = elf::chunks(Bytes { file: &self.file, size: self.size });
        Ok(question(Elf::new(&chunks, headers)))
    }
}

/// Bytes compared at once.
const CHUNK: usize = 1 << 20;
/// Largest files that are compared: all of them are read, which takes a few hundredths of a second.
const LARGEST_COMPARED: u64 = 64 << 20;

/// The answer that is known, or that is found now.
fn once<K: Hash + Eq, T: Clone>(
    known: &Mutex<HashMap<K, T>>,
    question: K,
    find: impl FnOnce() -> Result<T, ElfError>,
) -> Result<T, ElfError> {
    let mut known = lock(known);
    if let Some(answer) = known.get(&question) {
        return Ok(answer.clone());
    }
    let answer = find()?;
    known.insert(question, answer.clone());
    Ok(answer)
}

/// What is kept is whole after every step, so a thread that panicked with it has left nothing half
/// done.
pub(super) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file as a source of bytes.
#[derive(Clone, Copy, Debug)]
struct Bytes<'a> {
    file: &'a File,
    size: u64,
}

impl ReadAt for Bytes<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> bool {
        self.file.read_exact_at(into, offset).is_ok()
    }
}
