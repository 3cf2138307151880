//! One finished [`Document`] in, many ways to print it. Pure: writes only into the writer it is given.
//!
//! A format is one [`Exporter`] and one row of [`FORMATS`]; the command line's choices, its help
//! and the documentation read that table.

mod blame;
mod calendar;
pub mod escape;
mod folded;
mod json;
mod label;
pub mod leaks;
pub mod ledger;
mod origin;
pub mod quantity;
pub mod rate;
pub mod sentence;
mod stacks;
mod svg;
mod text;
pub mod width;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::model::Document;

pub use calendar::{compact_utc, utc};
pub use json::write_value as write_json;
pub use origin::short_file;

/// A way to print a document.
pub trait Exporter: Sync {
    /// Writes all of `document` that `options` ask for.
    ///
    /// # Errors
    /// Only those of `out`: every document can be printed.
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()>;
}

/// What to show of a document, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Only so many of the largest; `None` is the format's own choice (20 in text, all elsewhere).
    pub top: Option<usize>,
    /// Show the interpreter's own frames too (evaluation loop, call glue). JSON always has them.
    pub machinery: bool,
    /// Show native frames. JSON always has them.
    pub native: bool,
    /// Whether the writer is a terminal that understands colours.
    pub colour: bool,
    /// Leave out the script that makes a flame graph zoom and search, and indent it: for comparing.
    pub plain_svg: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { top: None, machinery: false, native: true, colour: false, plain_svg: false }
    }
}

/// A row of the table of formats.
pub struct Format {
    /// The word after `-f`.
    pub name: &'static str,
    /// How file names in this format end, without the dot; no two formats share one.
    pub suffix: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Does the work.
    pub exporter: &'static dyn Exporter,
}

/// Every format, the default first.
pub static FORMATS: &[Format] = &[
    Format {
        name: "text",
        suffix: "txt",
        help: "A page to read: who holds how much, by stack, largest first",
        exporter: &text::Text,
    },
    Format {
        name: "json",
        suffix: "json",
        help: "Everything, as one JSON object (schema 1)",
        exporter: &json::Json,
    },
    Format {
        name: "folded",
        suffix: "folded",
        help: "One line per stack and its live bytes, for flame graph tools",
        exporter: &folded::Folded,
    },
    Format {
        name: "svg",
        suffix: "svg",
        help: "A flame graph of live bytes for the browser",
        exporter: &svg::Svg,
    },
];

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.name).finish()
    }
}

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The format that the name of a file asks for.
    pub fn of_file(path: &Path) -> Option<&'static Self> {
        let name = path.file_name()?.to_str()?;
        FORMATS.iter().find(|format| {
            name.strip_suffix(format.suffix)
                .is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'))
        })
    }
}
