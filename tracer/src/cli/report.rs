//! `leakspy report`

use std::env;

use anyhow::{Context, Result};

use super::args::{ReportArgs, When};
use super::exit::{Exit, UsageError};
use super::output::Output;
use crate::report::{FORMATS, Options};
use crate::store::Reader;

/// Shows a recording.
pub fn run(args: &ReportArgs) -> Result<Exit> {
    let Some(format) = args.chosen_format() else {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let output = args.output.display();
        return Err(UsageError(format!(
            "the name {output} does not say the format; add -f with one of {}",
            names.join(", ")
        ))
        .into());
    };
    let mut output =
        if args.to_stdout() { Output::standard() } else { Output::file(&args.output, args.force)? };
    let document = Reader::open(&args.file)?.document()?;
    let options = Options {
        top: args.top,
        machinery: args.machinery,
        native: !args.no_native,
        colour: colour(args.color, &output),
        plain_svg: false,
    };
    format.exporter.write(&document, &options, &mut output).context("cannot write the report")?;
    output.finish()?;
    Ok(Exit::Fine)
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
