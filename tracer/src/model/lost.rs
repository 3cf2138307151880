//! Small objects of Python that are lost: as a recording has them.

use super::Amount;

/// What a search for lost small objects found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LostMemory {
    /// When the search ended, seconds since the start.
    pub t: f64,
    /// What is called old was there this many seconds before.
    pub age: f64,
    /// By type, most bytes first.
    pub types: Vec<LostObjects>,
}

/// Lost objects of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostObjects {
    /// The type's name, data from outside; `None` of memory that is no object.
    pub name: Option<String>,
    /// Bytes of each block, of memory that is no object; else 0.
    pub block: u64,
    /// Those that are old.
    pub old: Amount,
    /// Those that came since.
    pub young: Amount,
    /// What is lost with them, as nothing else leads to it.
    pub within: Amount,
}

impl LostObjects {
    /// Bytes of all of it.
    pub fn bytes(&self) -> u64 {
        self.old.bytes.saturating_add(self.young.bytes).saturating_add(self.within.bytes)
    }

    /// Objects, without what is lost with them.
    pub fn count(&self) -> u64 {
        self.old.count.saturating_add(self.young.count)
    }
}
