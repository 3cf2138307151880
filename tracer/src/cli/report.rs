//! `leakspy report`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::exit::{Exit, UsageError};
use super::formats::{self, ReportFormat};
use super::options::FormatArgs;
use super::show::ShowArgs;
use super::{diff, show};
use crate::report::Format;

/// Options of `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Recording to show
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to write it.
    #[command(flatten)]
    pub format: FormatArgs<ReportFormat>,
    /// Recording to compare with, for -f diff-svg
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// Only the stacks of this leak, by its id in `leaks` (`id:…`)
    #[arg(long, value_name = "ID", conflicts_with = "base", help_heading = "What to show")]
    pub leak: Option<String>,
    /// How to show it.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Shows a recording.
pub fn run(args: &ReportArgs) -> Result<Exit> {
    let format = formats::chosen_for_report(&args.format, &args.show.output)?;
    match (format, &args.base) {
        (ReportFormat::Difference(format), Some(base)) => {
            diff::recordings(base, &args.file, format, &args.show)
        }
        (ReportFormat::Difference(format), None) => Err(UsageError(format!(
            "-f {} shows what changed; add --base with the recording to compare with",
            format.name
        ))
        .into()),
        (ReportFormat::Whole(format), Some(base)) => Err(UsageError(format!(
            "-f {} shows one recording, and --base is for -f diff-svg; for other formats there is \
             `leakspy diff {} {}`",
            format.name,
            base.display(),
            args.file.display()
        ))
        .into()),
        (ReportFormat::Whole(format), None) => whole(args, format),
    }
}

fn whole(args: &ReportArgs, format: &Format) -> Result<Exit> {
    let output = show::open(&args.show, format)?;
    let document = match (&args.leak, format.exporter.needs_history()) {
        (Some(id), _) => show::stacks_of_leak(&args.file, id)?,
        (None, true) => show::judged(&args.file)?,
        (None, false) => show::document(&args.file)?,
    };
    let options = show::options(&args.show, &output);
    show::finish(output, |output| format.exporter.write(&document, &options, output))?;
    Ok(Exit::Fine)
}
