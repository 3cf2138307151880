//! One finished [`Document`] in, many ways to print it. Pure: writes only into the writer it is
//! given.
//!
//! A format is one [`Exporter`] and one row of [`FORMATS`]; the command line's choices, its help
//! and the documentation read that table.

pub mod answer;
mod arenas;
pub mod blame;
mod callsite;
mod census;
mod difference;
pub mod doctor;
pub mod escape;
mod folded;
mod html;
mod json;
pub mod label;
pub mod leaks;
pub mod ledger;
mod malloc;
pub mod method;
pub mod notes;
pub mod origin;
pub mod path;
mod pprof;
pub mod quantity;
mod reasons;
mod retainers;
pub mod sentence;
mod speedscope;
mod stacks;
pub mod subject;
mod svg;
mod text;
pub mod width;
pub mod workers;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::model::Document;

pub use callsite::callsite;
pub use census::{CENSUS_FORMATS, CensusExporter, CensusFormat};
pub use difference::{DIFFERENCES, DifferenceExporter, DifferenceFormat, Pair, Side, document_at};
pub use html::write_several as write_html_of_several;
pub use json::write_value as write_json;
pub use origin::short_file;
pub use quantity::date::{compact_utc, utc};
pub use retainers::{RETAINERS_FORMATS, RetainersExporter, RetainersFormat};

/// A way to print a document.
pub trait Exporter: Sync {
    /// Writes all of `document` that `options` ask for.
    ///
    /// # Errors
    /// Only those of `out`: every document can be printed.
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()>;

    /// Whether it shows what the recording kept over time; reading that takes longer.
    fn needs_history(&self) -> bool {
        false
    }
}

/// What to show of a document, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Only so many of the largest; `None` is the format's own choice (20 in text, all elsewhere).
    pub top: Option<usize>,
    /// Show runtime frames too: the interpreter's own (evaluation loop, call glue). JSON always has
    /// them.
    pub runtime_frames: bool,
    /// Show native frames. JSON always has them.
    pub native: bool,
    /// Whether the writer is a terminal that understands colours.
    pub colour: bool,
    /// Show how each verdict came about: all stacks and types, and the ledger.
    pub verbose: bool,
    /// Leave out the script that makes a flame graph zoom and search, and indent it: for comparing.
    pub plain_svg: bool,
}

impl Options {
    /// The first of `all`, as many as are to be shown.
    pub fn shown<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        &all[..all.len().min(self.top.unwrap_or(usize::MAX))]
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            top: None,
            runtime_frames: false,
            native: true,
            colour: false,
            verbose: false,
            plain_svg: false,
        }
    }
}

/// A row of a table of formats: of [`FORMATS`], or of [`DIFFERENCES`].
pub struct Format<E: ?Sized + 'static = dyn Exporter> {
    /// The word after `-f`.
    pub name: &'static str,
    /// How file names in this format end, without the dot; no two formats share one.
    pub suffix: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Does the work.
    pub exporter: &'static E,
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
    Format {
        name: "pprof",
        suffix: "pb.gz",
        help: "A heap profile for pprof, and for all that reads its format",
        exporter: &pprof::Pprof,
    },
    Format {
        name: "speedscope",
        suffix: "speedscope.json",
        help: "Live and allocated memory by stack, for speedscope.app",
        exporter: &speedscope::Speedscope,
    },
    Format {
        name: "html",
        suffix: "html",
        help: "A page for the browser: verdicts, pictures, a flame graph; one file, no network",
        exporter: &html::Html,
    },
];

impl<E: ?Sized> fmt::Debug for Format<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.name).finish()
    }
}

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::named_in(FORMATS, name)
    }

    /// The format that the name of a file asks for.
    pub fn of_file(path: &Path) -> Option<&'static Self> {
        Self::of_file_in(FORMATS, path)
    }
}

impl<E: ?Sized> Format<E> {
    /// The format of this name in `table`.
    pub fn named_in<'t>(table: &'t [Self], name: &str) -> Option<&'t Self> {
        table.iter().find(|format| format.name == name)
    }

    /// The format in `table` that the name of a file asks for: of several suffixes that fit, the
    /// longest.
    pub fn of_file_in<'t>(table: &'t [Self], path: &Path) -> Option<&'t Self> {
        let name = path.file_name()?.to_str()?;
        let fits = |format: &&Self| {
            name.strip_suffix(format.suffix)
                .is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'))
        };
        table.iter().filter(fits).max_by_key(|format| format.suffix.len())
    }

    /// Whether it is compressed, which no terminal can show.
    pub fn is_binary(&self) -> bool {
        self.suffix.ends_with(".gz")
    }
}
