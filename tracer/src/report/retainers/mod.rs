//! Prints retainers: paths from the roots of a heap.

mod dot;
mod outside;
mod place;
#[cfg(test)]
pub mod samples;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod tree;

use std::io::{self, Write};

use super::json::contract::RetainersJson;
use super::{Format, Options, json};
use crate::model::RetainerReport;

/// A way to print retainers.
pub trait RetainersExporter: Sync {
    /// Writes all of `retainers` that `options` ask for.
    ///
    /// # Errors
    /// Only those of `out`: every answer can be printed.
    fn write(
        &self,
        retainers: &RetainerReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()>;
}

/// A row of [`RETAINERS_FORMATS`].
pub type RetainersFormat = Format<dyn RetainersExporter>;

/// Every format of retainers, the default first.
pub static RETAINERS_FORMATS: &[RetainersFormat] = &[
    Format {
        name: "text",
        suffix: "txt",
        help: "A page to read: kinds of paths, the one that retains most first",
        exporter: &text::RetainersText,
    },
    Format {
        name: "json",
        suffix: "json",
        help: "Everything, as one JSON object (schema 1)",
        exporter: &Json,
    },
    Format { name: "dot", suffix: "dot", help: "A graph for Graphviz", exporter: &dot::Dot },
    Format {
        name: "svg",
        suffix: "svg",
        help: "A picture for the browser: roots left, the objects right",
        exporter: &svg::RetainersSvg,
    },
];

/// The contract for programs.
struct Json;

impl RetainersExporter for Json {
    fn write(
        &self,
        retainers: &RetainerReport,
        _options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        json::write_value(&RetainersJson::new(retainers), out)
    }
}
