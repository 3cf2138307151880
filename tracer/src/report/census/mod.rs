//! Prints a heap histogram: what a Python heap consists of, which types grow, what retains
//! sessions.

pub mod closing;
pub mod growth;
mod pools;
#[cfg(test)]
pub mod samples;
mod sessions;
#[cfg(test)]
mod tests;
mod text;
mod types;

use std::io::{self, Write};

use super::json::contract::CensusJson;
use super::{Format, Options, json};
use crate::model::Census;

/// A way to print a census.
pub trait CensusExporter: Sync {
    /// Writes all of `census` that `options` ask for.
    ///
    /// # Errors
    /// Only those of `out`: every census can be printed.
    fn write(&self, census: &Census, options: &Options, out: &mut dyn Write) -> io::Result<()>;
}

/// A row of [`CENSUS_FORMATS`].
pub type CensusFormat = Format<dyn CensusExporter>;

/// Every format of a census, the default first.
pub static CENSUS_FORMATS: &[CensusFormat] = &[
    Format {
        name: "text",
        suffix: "txt",
        help: "A page to read: what grows, types by bytes, sessions",
        exporter: &text::CensusText,
    },
    Format {
        name: "json",
        suffix: "json",
        help: "Everything, as one JSON object (schema 1)",
        exporter: &Json,
    },
];

/// The contract for programs.
struct Json;

impl CensusExporter for Json {
    fn write(&self, census: &Census, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        json::write_value(&CensusJson::new(census, options.top.unwrap_or(usize::MAX)), out)
    }
}
