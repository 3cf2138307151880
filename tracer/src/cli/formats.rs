//! Words after `-f`, and the formats that they stand for.

use std::fmt;
use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};

use super::exit::UsageError;
use super::options::{Choice, FormatArgs, OutputArgs};
use crate::report::{
    CENSUS_FORMATS, CensusFormat, DIFFERENCES, DifferenceFormat, FORMATS, Format,
    RETAINERS_FORMATS, RetainersFormat,
};

/// What `report -f` can name.
#[derive(Clone, Copy, Debug)]
pub enum ReportFormat {
    /// A format of one recording.
    Whole(&'static Format),
    /// A format of the difference to another.
    Difference(&'static DifferenceFormat),
}

/// Formats of differences that `report` knows too; the names of all others mean the recording
/// itself.
const DIFFERENCES_OF_REPORT: &str = "diff-svg";

impl Choice for ReportFormat {
    fn parser() -> ValueParser {
        let differences = DIFFERENCES.iter().filter(|format| format.name == DIFFERENCES_OF_REPORT);
        let names = FORMATS.iter().map(choice).chain(differences.map(choice));
        let format = |name: String| {
            let whole = Format::named(&name).map(ReportFormat::Whole);
            let difference = || Format::named_in(DIFFERENCES, &name).map(ReportFormat::Difference);
            whole.or_else(difference).expect("invariant: the choices are the names")
        };
        PossibleValuesParser::new(names).map(format).into()
    }
}

impl Choice for &'static DifferenceFormat {
    fn parser() -> ValueParser {
        one_of(DIFFERENCES)
    }
}

impl Choice for &'static CensusFormat {
    fn parser() -> ValueParser {
        one_of(CENSUS_FORMATS)
    }
}

impl Choice for &'static RetainersFormat {
    fn parser() -> ValueParser {
        one_of(RETAINERS_FORMATS)
    }
}

fn one_of<E: ?Sized>(table: &'static [Format<E>]) -> ValueParser
where
    Format<E>: fmt::Debug + Sync,
{
    let format = move |name: String| {
        Format::named_in(table, &name).expect("invariant: the choices are the names")
    };
    PossibleValuesParser::new(table.iter().map(choice)).map(format).into()
}

fn choice<E: ?Sized>(format: &'static Format<E>) -> PossibleValue {
    PossibleValue::new(format.name).help(format.help)
}

/// The format of `table` that was asked for by its name, by `--json`, or by the output's file name;
/// the first for standard output and for names that say nothing.
///
/// # Errors
/// The output has a name in some other format.
pub fn chosen<E: ?Sized>(
    format: &FormatArgs<&'static Format<E>>,
    output: &OutputArgs,
    table: &'static [Format<E>],
) -> Result<&'static Format<E>, UsageError>
where
    &'static Format<E>: Choice,
{
    let unnamed = || unnamed(format.is_json(), output.path(), table);
    format.named().or_else(unnamed).ok_or_else(|| none(output.path(), table))
}

/// As [`chosen`], for `report`.
///
/// # Errors
/// The output has a name in some other format.
pub fn chosen_for_report(
    format: &FormatArgs<ReportFormat>,
    output: &OutputArgs,
) -> Result<ReportFormat, UsageError> {
    let unnamed = || unnamed(format.is_json(), output.path(), FORMATS).map(ReportFormat::Whole);
    format.named().or_else(unnamed).ok_or_else(|| none(output.path(), FORMATS))
}

fn unnamed<E: ?Sized>(
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
fn none<E: ?Sized>(output: &Path, table: &[Format<E>]) -> UsageError {
    let names: Vec<&str> = table.iter().map(|format| format.name).collect();
    let (output, names) = (output.display(), names.join(", "));
    UsageError(format!("the name {output} does not say the format; add -f with one of {names}"))
}
