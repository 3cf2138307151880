//! Memory read in large pieces and kept for a while.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::model::{Address, Memory};

/// Bytes of a piece.
const PIECE: u64 = 256 << 10;
/// Pieces that are kept: 64 MiB.
const KEPT: usize = 256;

/// A memory over another one of which certain ranges are known to be there: those are read in pieces, and each
/// piece once as long as there is room. What lies elsewhere is read as it is asked for.
pub struct Cache<'a> {
    memory: &'a dyn Memory,
    /// By address, not overlapping: first address, address after the last.
    there: Vec<(u64, u64)>,
    pieces: RefCell<HashMap<u64, Rc<Piece>>>,
    /// In the order in which they were read.
    order: RefCell<std::collections::VecDeque<u64>>,
    last: RefCell<Option<Rc<Piece>>>,
    reads: Cell<u64>,
}

struct Piece {
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Cache<'a> {
    /// Over `memory`, of which `there` (by address, not overlapping) is resident.
    pub fn new(memory: &'a dyn Memory, there: Vec<(u64, u64)>) -> Self {
        Self {
            memory,
            there,
            pieces: RefCell::default(),
            order: RefCell::default(),
            last: RefCell::default(),
            reads: Cell::new(0),
        }
    }

    /// How often the memory below was read.
    pub fn reads(&self) -> u64 {
        self.reads.get()
    }

    /// Forgets what was read, so that it is read again.
    pub fn forget(&self) {
        self.pieces.borrow_mut().clear();
        self.order.borrow_mut().clear();
        *self.last.borrow_mut() = None;
    }

    /// The range that is there around an address.
    fn range(&self, at: u64) -> Option<(u64, u64)> {
        let index = self.there.partition_point(|range| range.1 <= at);
        self.there.get(index).copied().filter(|range| range.0 <= at)
    }

    /// The piece that the address lies in.
    fn piece(&self, at: u64) -> Option<Rc<Piece>> {
        if let Some(last) = &*self.last.borrow()
            && last.holds(at)
        {
            return Some(last.clone());
        }
        let (start, end) = self.range(at)?;
        let from = start.max(at & !(PIECE - 1));
        let known = self.pieces.borrow().get(&from).cloned();
        let piece = match known {
            Some(piece) => piece,
            None => self.fetch(from, end.min((at & !(PIECE - 1)).saturating_add(PIECE)))?,
        };
        *self.last.borrow_mut() = Some(piece.clone());
        Some(piece)
    }

    fn fetch(&self, from: u64, to: u64) -> Option<Rc<Piece>> {
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        self.reads.set(self.reads.get() + 1);
        if !self.memory.read(Address(from), &mut bytes) {
            return None;
        }
        let piece = Rc::new(Piece { start: from, bytes });
        let (mut pieces, mut order) = (self.pieces.borrow_mut(), self.order.borrow_mut());
        if pieces.len() >= KEPT
            && let Some(oldest) = order.pop_front()
        {
            pieces.remove(&oldest);
        }
        pieces.insert(from, piece.clone());
        order.push_back(from);
        Some(piece)
    }
}

impl Piece {
    #[inline]
    fn holds(&self, at: u64) -> bool {
        at.wrapping_sub(self.start) < self.bytes.len() as u64
    }

    /// Copies as much as it has; how much that is.
    #[inline]
    fn copy(&self, at: u64, into: &mut [u8]) -> usize {
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

impl Memory for Cache<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let (mut at, mut rest) = (address.0, into);
        while !rest.is_empty() {
            let Some(piece) = self.piece(at) else {
                self.reads.set(self.reads.get() + 1);
                return self.memory.read(Address(at), rest);
            };
            let copied = piece.copy(at, rest);
            if copied == 0 {
                return false;
            }
            rest = &mut rest[copied..];
            match at.checked_add(copied as u64) {
                Some(next) => at = next,
                None => return rest.is_empty(),
            }
        }
        true
    }
}
