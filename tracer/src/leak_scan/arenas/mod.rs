//! Small objects that are lost: blocks in the arenas of pymalloc to which nothing leads, although nobody
//! has freed them.
//!
//! In arenas every block is known: the pools say which are allocated. Two passes over all memory mark those
//! to which a word leads that counts as a reference ([`ArenaScan`]); of the rest, reference counts tell what
//! is lost from garbage that waits for the collector ([`lost()`]).
//!
//! | no reference is | because |
//! |---|---|
//! | a pointer to the collector's header of an object | only the collector's lists have those |
//! | what a weak reference refers to, and an object's list of weak references | they count nothing |
//! | free blocks, headers of pools, what lies behind an object in its block | nobody reads them |
//!
//! The error goes one way, as in the scan for blocks of malloc: whatever looks like a pointer is one.

mod bits;
mod lost;
mod pool;
mod pools;
mod scan;
#[cfg(test)]
mod tests;

pub use lost::{LostGroup, LostTypes, lost};
pub use pools::{BlockAges, Pools};
pub use scan::{ArenaScan, Unmarked};

use crate::model::Address;

/// What has to be known of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmallType {
    /// A number of its own.
    pub number: u32,
    /// Whether its instances have the collector's header before them.
    pub collected: bool,
    /// Whether they have two more words before that (`Py_TPFLAGS_MANAGED_DICT` and `_WEAKREF`).
    pub preheader: bool,
    /// Whether they are weak references.
    pub weak: bool,
    /// Whether they are strings, which may be interned.
    pub text: bool,
    /// Whether they are types.
    pub is_type: bool,
    /// Where they have their list of weak references.
    pub weak_list: Option<i32>,
    /// How long they are: what lies behind in the block is what other objects left there.
    pub extent: ObjectExtent,
}

/// How long an object is, from its begin on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObjectExtent {
    /// Perhaps as long as its block.
    #[default]
    Unknown,
    /// Items (`ob_size`) of so many bytes, behind so many others.
    Items {
        /// Bytes without items.
        base: u32,
        /// Bytes of each.
        each: u32,
    },
    /// Characters of a byte each, behind so many bytes, if it is a string of that kind.
    Ascii {
        /// Bytes without characters.
        base: u32,
    },
}

impl ObjectExtent {
    /// `ob_size`, and the length of a string.
    const LENGTH: usize = 16;
    /// Where a string says what kind it is (`PyASCIIObject.state`), and the bits of compact ASCII.
    const STATE: usize = 32;
    const COMPACT_ASCII: u64 = 0b110_0000;

    /// Bytes of the object.
    fn of(self, object: &[u8]) -> usize {
        let items = |base: u32, each: u64| {
            let length = word(object, Self::LENGTH)?.checked_mul(each)?;
            usize::try_from(length.checked_add(base.into())?).ok()
        };
        let state = word(object, Self::STATE).unwrap_or(0);
        let size = match self {
            Self::Items { base, each } => items(base, each.into()),
            Self::Ascii { base } if state & Self::COMPACT_ASCII == Self::COMPACT_ASCII => {
                items(base + 1, 1)
            }
            _ => None,
        };
        size.map_or(object.len(), |size| size.min(object.len()))
    }
}

/// How objects are told from other memory.
pub trait SmallTypes {
    /// The type at an address.
    fn at(&mut self, address: Address) -> Option<SmallType>;

    /// Whether the word can be the reference count of an object that is alive.
    fn is_alive(&self, word: u64) -> bool;

    /// References that it counts; `None` of an object that is never freed.
    fn count(&self, word: u64) -> Option<u64>;
}

/// `sizeof(PyGC_Head)`, and of what may stand before it.
const HEAD: usize = 16;

/// An object in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SmallObject {
    /// Where it begins in the block.
    offset: usize,
    /// Where it ends.
    end: usize,
    class: SmallType,
}

impl SmallObject {
    /// The object in a block, if there is one.
    fn find(block: &[u8], types: &mut dyn SmallTypes) -> Option<Self> {
        [0, HEAD, 2 * HEAD].into_iter().find_map(|offset| {
            let (count, class) = (word(block, offset)?, word(block, offset + 8)?);
            let is_plausible = class.is_multiple_of(8) && types.is_alive(count);
            let class = is_plausible.then(|| types.at(Address(class)))??;
            let before = if class.collected { HEAD } else { 0 };
            let before = before + if class.preheader { HEAD } else { 0 };
            let end = offset + class.extent.of(block.get(offset..)?);
            (before == offset).then_some(Self { offset, end, class })
        })
    }

    /// Where the collector's header is.
    fn head(self) -> Option<usize> {
        self.class.collected.then(|| self.offset.saturating_sub(HEAD))
    }

    /// Whether the word there is nothing that counts a reference.
    fn is_no_reference(self, at: usize) -> bool {
        // `wr_object`, `wr_prev`, `wr_next` of a `PyWeakReference`.
        const WEAK: [usize; 3] = [16, 40, 48];
        let weak = self.class.weak && WEAK.iter().any(|field| self.offset + field == at);
        let head = self.head().is_some_and(|head| head == at || head + 8 == at);
        let list = self.class.weak_list.and_then(|list| {
            usize::try_from(i64::try_from(self.offset).ok()? + i64::from(list)).ok()
        });
        weak || head || list == Some(at) || at + 8 > self.end
    }
}

/// The word at an offset.
#[inline]
fn word(bytes: &[u8], offset: usize) -> Option<u64> {
    let word = bytes.get(offset..)?.first_chunk()?;
    Some(u64::from_le_bytes(*word))
}

/// What tells a block from the next one at its address: a hash of its first words, without the links of the
/// collector, which change while the object does not.
fn fingerprint(block: &[u8], object: Option<SmallObject>) -> u32 {
    const WORDS: usize = 6;
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let head = object.and_then(SmallObject::head);
    let mut hash = 0_u64;
    for at in (0..block.len().min(8 * WORDS)).step_by(8) {
        if head.is_none_or(|head| at != head && at != head + 8) {
            hash = (hash ^ word(block, at).unwrap_or(0)).wrapping_mul(FACTOR).rotate_left(29);
        }
    }
    u32::try_from(hash >> 32).unwrap_or(0)
}
