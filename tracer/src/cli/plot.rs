//! `leakspy plot`

use std::ffi::OsStr;
use std::io::Write;

use anyhow::{Context, Result};

use super::args::{PictureArg, PlotArgs};
use super::exit::{Exit, UsageError};
use super::output::Output;
use super::show;
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
    let document = show::judged(&args.file)?;
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::args::WhatArg;
    use super::*;

    fn args(output: &str, format: Option<PictureArg>) -> PlotArgs {
        PlotArgs {
            file: PathBuf::from("missing.leakspy"),
            output: PathBuf::from(output),
            format,
            force: false,
            what: WhatArg::Memory,
            site: None,
            top: 6,
            size: plot::SIZE,
        }
    }

    #[test]
    fn the_format_is_named_or_follows_the_output() {
        let chosen = |output, format| chosen_format(&args(output, format)).ok();
        assert_eq!(chosen("a.png", None), Some(Format::Png));
        assert_eq!(chosen("a.svg", Some(PictureArg::Png)), Some(Format::Png));
        assert_eq!(chosen("-", Some(PictureArg::Svg)), Some(Format::Svg));
        assert_eq!(chosen("-", None), None);
        assert_eq!(chosen("a.pdf", None), None);
    }

    #[test]
    fn a_missing_recording_leaves_no_picture() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("a.svg");
        assert!(run(&args(output.to_str().expect("a path"), None)).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
    }
}
