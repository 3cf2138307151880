//! `leakspy plot`

use std::ffi::OsStr;
use std::io::Write;

use anyhow::{Context, Result};

use super::args::{PictureArg, PlotArgs};
use super::exit::{Exit, UsageError};
use super::output::Output;
use super::report::with_history;
use crate::plot::{self, Format, Options};
use crate::report::callsite;

/// Draws a recording.
pub fn run(args: &PlotArgs) -> Result<Exit> {
    let format = chosen_format(args)?;
    let standard = args.output.as_os_str() == OsStr::new("-");
    let mut output =
        if standard { Output::standard() } else { Output::file(&args.output, args.force)? };
    if output.is_terminal() && format == Format::Png {
        let advice = "a PNG would not be readable on this terminal; name a file after -o";
        return Err(UsageError(advice.to_owned()).into());
    }
    let document = with_history(&args.file)?;
    let options =
        Options { size: args.size, top: args.top, site: args.site.clone(), name: callsite };
    let picture = plot::draw(&document, args.what.into(), format, &options)?;
    output.write_all(&picture).context("cannot write the picture")?;
    output.finish()?;
    Ok(Exit::Fine)
}

/// The format that was asked for by name, or by the output's file name.
fn chosen_format(args: &PlotArgs) -> Result<Format> {
    let named = args.format.map(PictureArg::into);
    named.or_else(|| Format::of_file(&args.output)).ok_or_else(|| {
        let output = args.output.display();
        UsageError(format!("the name {output} does not say the format; add -f png or -f svg"))
            .into()
    })
}
