//! One report on several processes: workers of one program side by side, each finding with the
//! workers it is in.

mod census;
mod early;
mod group;
mod json;
#[cfg(test)]
mod tests;
mod text;

use serde::Serialize;

use crate::model::{Document, Tool};
use crate::report::quantity::counted;

pub use census::{CensusGroup, write as write_census};
pub use early::early;
pub use group::{WorkersFinding, leaking_types, shared, shared_leaks};
pub use json::write as write_json;
pub use text::write as write_text;

/// Processes of one program, as judged documents; at least one.
pub struct Group<'a> {
    /// In the order in which they were asked for.
    pub workers: Vec<&'a Document>,
}

/// The frame of the JSON on several processes.
#[derive(Serialize)]
struct SeveralJson<'a, T, G> {
    schema: u32,
    tool: Option<&'a Tool>,
    targets: Vec<T>,
    groups: Vec<G>,
}

impl Group<'_> {
    /// How many, as reports count them.
    pub fn size(&self) -> u64 {
        u64::try_from(self.workers.len()).unwrap_or(u64::MAX)
    }

    /// `4 workers`
    pub fn all(&self) -> String {
        counted(self.size(), "worker", "workers")
    }

    /// `3 of 4 workers`
    pub fn share(&self, workers: u64) -> String {
        format!("{workers} of {}", self.all())
    }
}
