//! `leakspy report`

use anyhow::Result;

use super::args::{ReportArgs, ReportFormat};
use super::exit::{Exit, UsageError};
use super::{diff, show};
use crate::report::{FORMATS, Format};

/// Shows a recording.
pub fn run(args: &ReportArgs) -> Result<Exit> {
    match (args.chosen_format(), &args.base) {
        (None, _) => Err(show::no_format(&args.show.output, FORMATS).into()),
        (Some(ReportFormat::Difference(format)), Some(base)) => {
            diff::recordings(base, &args.file, format, &args.show)
        }
        (Some(ReportFormat::Difference(format)), None) => Err(UsageError(format!(
            "-f {} shows what changed; add --base with the recording to compare with",
            format.name
        ))
        .into()),
        (Some(ReportFormat::Whole(format)), Some(base)) => Err(UsageError(format!(
            "-f {} shows one recording, and --base is for -f diff-svg; for other formats there is \
             `leakspy diff {} {}`",
            format.name,
            base.display(),
            args.file.display()
        ))
        .into()),
        (Some(ReportFormat::Whole(format)), None) => whole(args, format),
    }
}

fn whole(args: &ReportArgs, format: &Format) -> Result<Exit> {
    let output = show::open(&args.show, format)?;
    let document = match format.exporter.needs_history() {
        true => show::judged(&args.file)?,
        false => show::document(&args.file)?,
    };
    let options = show::options(&args.show, &output);
    show::finish(output, |output| format.exporter.write(&document, &options, output))?;
    Ok(Exit::Fine)
}
