//! The objects of a heap by number, and what is known of them together.

use super::class::ClassId;
use super::classes::Classes;
use super::graph::Graph;
use super::index::Index;
use super::refcount::References;
use super::size;
use super::view::{Object, View};
use crate::model::{Address, PoolUse};

/// Most objects that are kept, as many as [`Graph`] can number.
pub(super) const MOST: usize = (1 << 30) - 1;

/// Objects by number: first those that the collector tracks.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    addresses: Vec<Address>,
    classes: Vec<ClassId>,
    tracked: usize,
    index: Index,
    /// Most that are kept.
    most: usize,
    /// Whether there were more.
    full: bool,
}

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Lists of the collector of which a part could not be followed.
    pub torn_lists: u64,
    /// References that led to no object, or could not be read.
    pub references: u64,
    /// Objects whose size made no sense.
    pub sizes: u64,
    /// Places where a pool could be that were too many to be looked at.
    pub pools: u64,
}

/// A heap, read.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    /// Its objects.
    pub objects: Objects,
    /// Their types.
    pub classes: Classes,
    /// Which leads to which, if that was wanted.
    pub graph: Graph,
    /// References to each, by its number, if those were wanted.
    pub references: Vec<References>,
    /// Sums for each type, by its number, if those were wanted.
    pub sums: Vec<Sum>,
    /// Containers that may have many items, by number, if sums were wanted.
    pub large: Vec<u32>,
    /// How full the pools of its allocator are, if that was wanted and there are any.
    pub pools: Option<PoolUse>,
    /// What was left out.
    pub skipped: Skipped,
}

/// Objects of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How many of them the collector tracks.
    pub tracked: u64,
    /// Their shallow bytes.
    pub bytes: u64,
}

impl Heap {
    /// References lead to these, besides those of objects. Some frames are objects as well, whose references count twice then: it is
    /// better to find too many than too few.
    pub fn refer_to(&mut self, targets: impl Iterator<Item = Address>) {
        for target in targets {
            let number = self.objects.number(target);
            if let Some(to) = number.and_then(|at| self.references.get_mut(at as usize)) {
                to.found = to.found.saturating_add(1);
            }
        }
    }
}

impl Objects {
    /// None yet, and room for so many.
    pub(super) fn at_most(most: usize) -> Self {
        Self { most: most.min(MOST), ..Self::default() }
    }

    /// From now on the collector does not track those that come.
    pub(super) fn end_tracked(&mut self) {
        self.tracked = self.len();
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there were more than could be kept.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// How many of them the collector tracks: those with the lowest numbers.
    pub fn tracked(&self) -> usize {
        self.tracked
    }

    /// An object.
    pub fn object(&self, number: u32) -> Object {
        let index = number as usize;
        Object { address: self.addresses[index], class: self.classes[index] }
    }

    /// The number of the object at an address.
    pub fn number(&self, address: Address) -> Option<u32> {
        self.index.get(address)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = Object> + '_ {
        let pairs = self.addresses.iter().zip(&self.classes);
        pairs.map(|(&address, &class)| Object { address, class })
    }

    /// Enters an object; its number, and whether it is new. `None` when there is no room.
    pub(super) fn enter(&mut self, object: Object) -> Option<(u32, bool)> {
        if let Some(known) = self.index.get(object.address) {
            return Some((known, false));
        }
        if self.len() >= self.most {
            self.full = true;
            return None;
        }
        let number = u32::try_from(self.len()).ok()?;
        self.index.enter(object.address, number);
        self.addresses.push(object.address);
        self.classes.push(object.class);
        Some((number, true))
    }
}

impl Heap {
    /// Shallow bytes of an object; 0, and counted, when they make no sense.
    pub fn bytes(&mut self, view: &View<'_>, number: u32) -> u64 {
        let object = self.objects.object(number);
        let bytes = size::shallow(view, object.address, self.classes.get(object.class));
        self.skipped.sizes += u64::from(bytes.is_none());
        bytes.unwrap_or(0)
    }

    /// The same of many objects, each with its number: all together not more than is mapped.
    pub fn bytes_of(&mut self, view: &View<'_>, numbers: &[u32]) -> Vec<(u32, u64)> {
        let mut left = view.mapped.bytes();
        let mut each = |&number: &u32| {
            let bytes = self.bytes(view, number);
            let may = bytes <= left;
            self.skipped.sizes += u64::from(!may);
            left -= if may { bytes } else { 0 };
            (number, if may { bytes } else { 0 })
        };
        numbers.iter().map(&mut each).collect()
    }
}
