//! What `report` and `diff` have in common: where the output goes and how it looks.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};

use super::args::{ShowArgs, When};
use super::exit::UsageError;
use super::output::Output;
use crate::growth;
use crate::model::Document;
use crate::report::{Format, Options};
use crate::store::Reader;

/// The output that was asked for, if it can take `format`.
pub fn open<E: ?Sized>(args: &ShowArgs, format: &Format<E>) -> Result<Output> {
    let output = Output::named(&args.output, args.force)?;
    if format.is_binary() && output.is_terminal() {
        let Format { name, suffix, .. } = format;
        let advice = format!("{name} is nothing for a terminal; add -o FILE.{suffix}");
        return Err(UsageError(advice).into());
    }
    Ok(output)
}

/// What to show, and how.
pub fn options(args: &ShowArgs, output: &Output) -> Options {
    Options {
        top: args.top,
        machinery: args.machinery,
        native: !args.no_native,
        colour: colour(args.color, output),
        plain_svg: false,
    }
}

/// The format of `table` that is asked for otherwise than by its name: by `--json`, or by the output's file name; the
/// first for standard output and for names that say nothing.
pub fn unnamed_format<E: ?Sized>(
    json: bool,
    output: &Path,
    table: &'static [Format<E>],
) -> Option<&'static Format<E>> {
    if json {
        return Format::named_in(table, "json");
    }
    if output.extension().is_none() {
        return table.first();
    }
    Format::of_file_in(table, output)
}

/// The name of the output says no format of `table`.
pub fn no_format<E: ?Sized>(output: &Path, table: &[Format<E>]) -> UsageError {
    let names: Vec<&str> = table.iter().map(|format| format.name).collect();
    let (output, names) = (output.display(), names.join(", "));
    UsageError(format!("the name {output} does not say the format; add -f with one of {names}"))
}

/// What a recording says of its last moment.
pub fn document(recording: &Path) -> Result<Document> {
    Ok(Reader::open(recording)?.document()?)
}

/// Everything that a recording says, also over time.
pub fn history(recording: &Path) -> Result<Document> {
    Ok(Reader::open(recording)?.document_with_history()?)
}

/// Everything that a recording says, and the verdicts on it.
pub fn judged(recording: &Path) -> Result<Document> {
    let mut document = history(recording)?;
    let analysis = growth::analyse(&document, &growth::Settings::default());
    document.growth = Some(analysis.growth);
    document.findings = analysis.findings;
    Ok(document)
}

/// Writes with `write`, and puts the output in its place.
pub fn finish(
    mut output: Output,
    write: impl FnOnce(&mut Output) -> std::io::Result<()>,
) -> Result<()> {
    write(&mut output).context("cannot write the report")?;
    output.finish()
}

/// Colours on a terminal that has them, unless somebody asked for none (no-color.org).
pub fn colour(when: When, output: &Output) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            output.is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
        }
    }
}
