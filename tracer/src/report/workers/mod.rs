//! One report on several processes: workers of one program side by side, each finding with the
//! workers it is in.

mod census;
mod group;
mod json;
#[cfg(test)]
mod tests;
mod text;

use crate::model::Document;

pub use census::{CensusGroup, write as write_census};
pub use json::write as write_json;
pub use text::write as write_text;

/// Processes of one program, as judged documents; at least one.
pub struct Group<'a> {
    /// In the order in which they were asked for.
    pub workers: Vec<&'a Document>,
}

impl Group<'_> {
    /// How many, as reports count them.
    fn size(&self) -> u64 {
        u64::try_from(self.workers.len()).unwrap_or(u64::MAX)
    }
}
