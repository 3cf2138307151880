//! `leakspy plot`

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::builder::{EnumValueParser, ValueParser};
use clap::{Args, ValueEnum};

use super::exit::{Exit, UsageError};
use super::options::{Choice, FormatArg, OutputArgs, TopArg};
use super::{show, units};
use crate::plot::{self, MOST_FINDINGS, PictureFormat, PictureOptions, What};
use crate::report::callsite;

/// Options of `plot`.
#[derive(Args, Debug)]
#[command(
    mut_arg("output", |arg| arg.help("Picture to write; - is standard output").required(true)),
    mut_arg("format", |arg| arg.help("Format [default: as the name of the output says]")),
    mut_arg("top", |arg| arg.help("Draw only so many stacks that grow, at most 6 [default: 6]")),
)]
pub struct PlotArgs {
    /// Recording to draw
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to write it.
    #[command(flatten)]
    pub format: FormatArg<PictureArg>,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to draw [default: memory; with --leak growth]
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "What to show")]
    pub what: Option<WhatArg>,
    /// Site whose survival to draw, by its id in the report [default: the first finding]
    #[arg(long, value_name = "ID", help_heading = "What to show")]
    pub site: Option<String>,
    /// Only this leak, by its id in `leaks` (`id:…`): its growth is that of its objects and container
    #[arg(long, value_name = "ID", help_heading = "What to show")]
    pub leak: Option<String>,
    /// How many stacks.
    #[command(flatten)]
    pub top: TopArg,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "1200x700", value_parser = units::picture_size, help_heading = "What to show")]
    pub size: (u32, u32),
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhatArg {
    /// Memory of the process, split, with what was traced of it, its limit, and its growth
    Memory,
    /// What the stacks that grow retain, with the line and the 95 % band fitted to each
    Growth,
    /// How much of what one stack allocated still lives, by the time of its birth
    Survival,
}

/// How to write a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PictureArg {
    /// Pixels
    Png,
    /// Lines, sharp at every size
    Svg,
}

impl Choice for PictureArg {
    fn parser() -> ValueParser {
        EnumValueParser::<Self>::new().into()
    }
}

impl PlotArgs {
    /// What to draw; the growth of one leak is a picture of its own.
    fn what(&self) -> What {
        match (self.what, &self.leak) {
            (Some(WhatArg::Memory), _) | (None, None) => What::Memory,
            (Some(WhatArg::Growth), None) => What::Growth,
            (Some(WhatArg::Growth) | None, Some(_)) => What::Leak,
            (Some(WhatArg::Survival), _) => What::Survival,
        }
    }
}

impl From<PictureArg> for PictureFormat {
    fn from(picture: PictureArg) -> Self {
        match picture {
            PictureArg::Png => Self::Png,
            PictureArg::Svg => Self::Svg,
        }
    }
}

/// Draws a recording.
pub fn run(args: &PlotArgs) -> Result<Exit> {
    let format = chosen_format(args)?;
    let mut output = args.output.open()?;
    if output.is_terminal() && format == PictureFormat::Png {
        let advice = "a PNG would not be readable on this terminal; name a file after -o";
        return Err(UsageError(advice.to_owned()).into());
    }
    let document = match &args.leak {
        Some(id) => show::of_leak(&args.file, id)?,
        None => show::judged(&args.file)?,
    };
    let options = PictureOptions {
        size: args.size,
        top: args.top.top.unwrap_or(MOST_FINDINGS),
        site: args.site.clone(),
        name: callsite,
    };
    let picture = plot::draw(&document, args.what(), format, &options)?;
    output.write_all(&picture).context("cannot write the picture")?;
    output.finish()?;
    Ok(Exit::Fine)
}

/// The format that was asked for by name, or by the output's file name.
fn chosen_format(args: &PlotArgs) -> Result<PictureFormat> {
    let named = args.format.format.map(PictureArg::into);
    named.or_else(|| PictureFormat::of_file(args.output.path())).ok_or_else(|| {
        let output = args.output.path().display();
        UsageError(format!("the name {output} does not say the format; add -f png or -f svg"))
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(output: &str, format: Option<PictureArg>) -> PlotArgs {
        PlotArgs {
            file: PathBuf::from("missing.leakspy"),
            output: OutputArgs { output: Some(PathBuf::from(output)), force: false },
            format: FormatArg { format },
            what: None,
            site: None,
            leak: None,
            top: TopArg { top: None },
            size: plot::SIZE,
        }
    }

    #[test]
    fn the_format_is_named_or_follows_the_output() {
        let chosen = |output, format| chosen_format(&args(output, format)).ok();
        assert_eq!(chosen("a.png", None), Some(PictureFormat::Png));
        assert_eq!(chosen("a.svg", Some(PictureArg::Png)), Some(PictureFormat::Png));
        assert_eq!(chosen("-", Some(PictureArg::Svg)), Some(PictureFormat::Svg));
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
