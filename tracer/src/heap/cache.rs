//! A cache of memory that is read in large chunks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::index::AddressMap;
use crate::model::{Address, Memory};

/// Bytes of a chunk.
const CHUNK: u64 = 64 << 10;
/// Chunks that are kept: 48 MiB.
const KEPT: usize = 768;
/// Bytes of a chunk of a file.
const PAGE: u64 = 4096;

/// Most times that a missed place has the memory looked at again.
const SURVEYS: u32 = 16;

/// Where there is memory that can be read without effects. Each is by address, no two overlap:
/// first address, address after the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Resident memory.
    pub there: Vec<(u64, u64)>,
    /// Mapped files: what was never changed of them is not resident data, but types have their
    /// names there.
    pub files: Vec<(u64, u64)>,
    /// All that is mapped, resident or not.
    pub mapped: Vec<(u64, u64)>,
}

/// A memory over another one, of which only certain ranges are read, in chunks, and each chunk once
/// as long as there is room. All else counts as unreadable.
pub struct Cache<'a> {
    memory: &'a dyn Memory,
    survey: &'a dyn Fn() -> Ranges,
    ranges: RefCell<Ranges>,
    chunks: RefCell<AddressMap<Rc<Chunk>>>,
    /// In the order in which they were read.
    order: RefCell<VecDeque<u64>>,
    last: RefCell<Option<Rc<Chunk>>>,
    /// How often it may still be asked where memory is because some was missed.
    surveys: Cell<u32>,
}

struct Chunk {
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Cache<'a> {
    /// Over `memory`; `survey` says where there is any.
    pub fn new(memory: &'a dyn Memory, survey: &'a dyn Fn() -> Ranges) -> Self {
        Self {
            memory,
            survey,
            ranges: RefCell::new(survey()),
            chunks: RefCell::default(),
            order: RefCell::default(),
            last: RefCell::default(),
            surveys: Cell::new(SURVEYS),
        }
    }

    /// Bytes of resident memory.
    pub fn size(&self) -> u64 {
        let ranges = self.ranges.borrow();
        let sizes = ranges.there.iter().map(|range| range.1.saturating_sub(range.0));
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether there is resident memory at an address.
    #[inline]
    pub fn is_there(&self, at: Address) -> bool {
        let near = self.last.borrow().as_ref().is_some_and(|last| last.holds(at.0));
        near || range(&self.ranges.borrow().there, at.0).is_some()
    }

    /// Resident memory, by address: first address, address after the last.
    pub fn there(&self) -> Vec<(u64, u64)> {
        self.ranges.borrow().there.clone()
    }

    /// Reads a few bytes of which nothing else nearby is wanted: from a chunk if that was read, and
    /// else only them.
    pub fn glance(&self, at: Address, into: &mut [u8]) -> bool {
        let Some((from, _)) = self.bounds(at.0) else { return false };
        let known = self.chunks.borrow().get(&from).cloned();
        match known {
            Some(chunk) => chunk.copy(at.0, into) == into.len(),
            None => self.memory.read(at, into),
        }
    }

    /// Drops what was read, and asks again where memory is.
    pub fn forget(&self) {
        *self.ranges.borrow_mut() = (self.survey)();
        self.chunks.borrow_mut().clear();
        self.order.borrow_mut().clear();
        *self.last.borrow_mut() = None;
    }

    /// Drops what was read of a range, so that it is read as it is now. Memory that came since it was
    /// asked where there is any is found; then what is mapped by now is returned.
    pub fn renew(&self, at: Address, bytes: u64) -> Vec<(u64, u64)> {
        let mut mapped = Vec::new();
        if self.bounds(at.0).is_none()
            && let Some(left) = self.surveys.get().checked_sub(1)
        {
            self.surveys.set(left);
            let ranges = (self.survey)();
            mapped.clone_from(&ranges.mapped);
            *self.ranges.borrow_mut() = ranges;
        }
        *self.last.borrow_mut() = None;
        let (mut at, end) = (at.0, at.0.saturating_add(bytes));
        while at < end
            && let Some((from, to)) = self.bounds(at)
        {
            self.chunks.borrow_mut().remove(&from);
            at = to;
        }
        mapped
    }

    /// The same memory as it is at the moment: what was read before of the places that are read is dropped.
    pub fn present(&self) -> impl Memory + '_ {
        Present(self)
    }

    /// The chunk that the address lies in, from the last one used.
    #[inline]
    fn with_chunk<T>(&self, at: u64, use_it: impl FnOnce(&Chunk) -> T) -> Option<T> {
        if let Some(last) = &*self.last.borrow()
            && last.holds(at)
        {
            return Some(use_it(last));
        }
        let chunk = self.chunk(at)?;
        let value = use_it(&chunk);
        *self.last.borrow_mut() = Some(chunk);
        Some(value)
    }

    fn chunk(&self, at: u64) -> Option<Rc<Chunk>> {
        let (from, to) = self.bounds(at)?;
        if let Some(known) = self.chunks.borrow().get(&from).filter(|known| known.holds(at)) {
            return Some(known.clone());
        }
        self.fetch(from, to)
    }

    /// The part of a range that is read at once.
    fn bounds(&self, at: u64) -> Option<(u64, u64)> {
        let ranges = self.ranges.borrow();
        let (step, (start, end)) = match range(&ranges.there, at) {
            Some(range) => (CHUNK, range),
            None => (PAGE, range(&ranges.files, at)?),
        };
        let from = at & !(step - 1);
        Some((start.max(from), end.min(from.saturating_add(step))))
    }

    fn fetch(&self, from: u64, to: u64) -> Option<Rc<Chunk>> {
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        if !self.memory.read(Address(from), &mut bytes) {
            return None;
        }
        let chunk = Rc::new(Chunk { start: from, bytes });
        let (mut chunks, mut order) = (self.chunks.borrow_mut(), self.order.borrow_mut());
        if chunks.len() >= KEPT
            && let Some(oldest) = order.pop_front()
        {
            chunks.remove(&oldest);
        }
        chunks.insert(from, chunk.clone());
        order.push_back(from);
        Some(chunk)
    }
}

fn range(ranges: &[(u64, u64)], at: u64) -> Option<(u64, u64)> {
    let index = ranges.partition_point(|range| range.1 <= at);
    ranges.get(index).copied().filter(|range| range.0 <= at)
}

impl Chunk {
    #[inline]
    fn holds(&self, at: u64) -> bool {
        at.wrapping_sub(self.start) < self.bytes.len() as u64
    }

    /// Copies as much as it has; how much that is.
    #[inline]
    fn copy(&self, at: u64, into: &mut [u8]) -> usize {
        let from = usize::try_from(at.wrapping_sub(self.start)).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

impl Memory for Cache<'_> {
    #[inline]
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let (mut at, mut rest) = (address.0, into);
        while !rest.is_empty() {
            let Some(copied) = self.with_chunk(at, |chunk| chunk.copy(at, rest)) else {
                return false;
            };
            if copied == 0 {
                return false;
            }
            rest = &mut rest[copied..];
            at = at.wrapping_add(copied as u64);
        }
        true
    }
}

struct Present<'a>(&'a Cache<'a>);

impl Memory for Present<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let cache = self.0;
        let (mut at, Some(end)) = (address.0, address.0.checked_add(into.len() as u64)) else {
            return false;
        };
        *cache.last.borrow_mut() = None;
        while at < end {
            let Some((from, to)) = cache.bounds(at) else { return false };
            cache.chunks.borrow_mut().remove(&from);
            at = to;
        }
        cache.memory.read(address, into)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Each byte is the low byte of its address.
    #[derive(Default)]
    struct Counting(Cell<u32>);

    impl Memory for Counting {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            self.0.set(self.0.get() + 1);
            for (at, byte) in (address.0..).zip(into) {
                *byte = at.to_le_bytes()[0];
            }
            true
        }
    }

    fn survey() -> Ranges {
        Ranges {
            there: vec![(0x10000, 0x50000), (0x51000, 0x52000)],
            files: vec![(0x80000, 0x90000)],
            mapped: Vec::new(),
        }
    }

    #[test]
    fn chunks_are_read_once() {
        let below = Counting::default();
        let cache = Cache::new(&below, &survey);
        assert_eq!(cache.u64(Address(0x10001)), Some(0x0807_0605_0403_0201));
        assert_eq!(cache.u64(Address(0x1fffc)), Some(0x0302_0100_fffe_fdfc));
        assert_eq!(cache.u8(Address(0x10001)), Some(1));
        assert_eq!(below.0.get(), 2);
        cache.forget();
        assert_eq!(cache.u8(Address(0x10001)), Some(1));
        assert_eq!(below.0.get(), 3);
    }

    /// What grew meanwhile, too, and with a bound on how often that is looked for.
    #[test]
    fn what_is_renewed_is_read_again() {
        let below = Counting::default();
        let asked = Cell::new(0);
        let survey = || {
            asked.set(asked.get() + 1);
            let end = if asked.get() == 1 { 0x18000 } else { 0x30000 };
            Ranges { there: vec![(0x10000, end)], ..Ranges::default() }
        };
        let cache = Cache::new(&below, &survey);
        assert_eq!(cache.u8(Address(0x10001)), Some(1));
        assert_eq!(cache.u8(Address(0x19001)), None);
        cache.renew(Address(0x10000), 8);
        assert_eq!((cache.u8(Address(0x10001)), below.0.get()), (Some(1), 2));
        cache.renew(Address(0x20000), u64::MAX);
        assert_eq!((cache.u8(Address(0x19001)), below.0.get(), asked.get()), (Some(1), 3, 2));
        (0..100).for_each(|_| drop(cache.renew(Address(0x90000), 8)));
        assert_eq!(asked.get(), 1 + SURVEYS);
    }

    #[test]
    fn the_present_is_read_each_time() {
        let below = Counting::default();
        let cache = Cache::new(&below, &survey);
        let present = cache.present();
        assert_eq!((cache.u8(Address(0x10001)), below.0.get()), (Some(1), 1));
        assert_eq!((present.u8(Address(0x10001)), below.0.get()), (Some(1), 2));
        assert_eq!((present.u8(Address(0x10001)), below.0.get()), (Some(1), 3));
        assert_eq!((cache.u8(Address(0x10001)), below.0.get()), (Some(1), 4), "dropped");
        for at in [0x4fff9, 0x50000, 0x8fff9, u64::MAX - 3] {
            assert_eq!(present.u64(Address(at)), None, "{at:#x}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        let below = Counting::default();
        let cache = Cache::new(&below, &survey);
        for at in [0, 0xfff9, 0x4fff9, 0x50000, 0x90000, u64::MAX - 3] {
            assert_eq!(cache.u64(Address(at)), None, "{at:#x}");
        }
        assert!(cache.u8(Address(0x8fff0)).is_some());
        assert!(cache.is_there(Address(0x51fff)) && !cache.is_there(Address(0x80000)));
    }
}
