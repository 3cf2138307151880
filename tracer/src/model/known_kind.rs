//! A kind of leak that is known from other programs: what it is, and what ends it.

use serde::{Serialize, Serializer};

/// A row of the table of known kinds, without the patterns that tell it. In JSON its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKind {
    /// In kebab case, part of the JSON contract: never changed and never used for something else.
    pub code: &'static str,
    /// What it is, in a plain sentence without a full stop.
    pub says: &'static str,
    /// What to do, likewise.
    pub so: &'static str,
    /// What would look the same and is no leak, likewise; nothing where nothing would.
    pub unless: Option<&'static str>,
}

impl Serialize for KnownKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}
