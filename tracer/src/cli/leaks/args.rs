//! What can be typed after `leaks`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Args, ValueEnum};

use crate::cli::exit::UsageError;
use crate::cli::options::{
    Choice, ColorArg, CostArgs, FormatArgs, FramesArgs, OutputArgs, ProcessesArgs, SearchArgs,
    TablesArgs, TopArg,
};
use crate::cli::units;
use crate::model::Confidence;
use crate::report::leaks::Leaks;
use crate::report::{Exporter, FORMATS, Format};

/// How long to watch when nobody says.
pub const WATCH: Duration = Duration::from_secs(600);

/// Formats that have room for verdicts; the others show what is live.
const WITH_VERDICTS: [&str; 3] = ["text", "json", "html"];

const CENSUS: &str = "Time between two counts of the Python objects by type; off also leaves out the snapshot at the \
    end that joins stacks with objects [default: a twentieth of the watching, 10s to 10m]";

/// Options of `leaks`.
#[derive(Args, Debug)]
#[command(
    mut_arg("pid", |arg| arg.conflicts_with("file")),
    mut_arg("output", |arg| arg.help("File to write the report to; - is standard output [default: -]")),
    mut_arg("force", |arg| arg.help("Replace the report and the saved recording if they exist")),
    mut_arg("no_search", |arg| arg.conflicts_with("file")),
    mut_arg("census", |arg| arg.help(CENSUS).conflicts_with("file")),
    mut_arg("pause", |arg| arg.conflicts_with("file")),
    mut_arg("search_limit", |arg| arg.help_heading("What to find")),
    mut_arg("top", |arg| arg.help("Only the first so many findings [default: 10 in text, all elsewhere]")),
)]
pub struct LeaksArgs {
    /// Which ones to watch.
    #[command(flatten)]
    pub processes: ProcessesArgs,
    /// Recording to judge instead of watching a process
    #[arg(value_name = "FILE", required_unless_present = "pid")]
    pub file: Option<PathBuf>,
    /// How long to watch, such as 90s, 10m or 1h30m; Ctrl-C ends earlier, with a report [default:
    /// 10m]
    #[arg(short, long, value_name = "TIME", value_parser = units::duration, conflicts_with = "file")]
    pub duration: Option<Duration>,
    /// Keep the recording, as FILE; of several processes one each, app.PID.leakspy for app.leakspy
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub save: Option<PathBuf>,
    /// How to write it.
    #[command(flatten)]
    pub format: FormatArgs<&'static Format>,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// End with status 3 when a leak is at least this sure
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub fail_on: Option<ConfidenceLevel>,
    /// What else is read of a process.
    #[command(flatten)]
    pub search: SearchArgs,
    /// What the tables hold.
    #[command(flatten)]
    pub tables: TablesArgs,
    /// What the probes may cost.
    #[command(flatten)]
    pub cost: CostArgs,
    /// Least growth that is worth a word [default: 256KiB/day]
    #[arg(long, value_name = "SIZE/TIME", value_parser = units::growth, help_heading = "What to find")]
    pub min_growth: Option<f64>,
    /// Only findings with this in their stack: a glob for a whole function, file or module name,
    /// where * also stands for slashes; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "What to find")]
    pub include: Vec<String>,
    /// No findings with this in their stack; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "What to find")]
    pub exclude: Vec<String>,
    /// File with known findings: LeakSanitizer's leak:PATTERN lines, and id:XXXXXXXX
    #[arg(long, value_name = "FILE", help_heading = "What to find")]
    pub suppressions: Option<PathBuf>,
    /// How much.
    #[command(flatten)]
    pub top: TopArg,
    /// Which frames.
    #[command(flatten)]
    pub frames: FramesArgs,
    /// In which colours.
    #[command(flatten)]
    pub color: ColorArg,
}

/// How sure a leak must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConfidenceLevel {
    /// Worth a look
    Suspect,
    /// More probable than everything else by far
    Likely,
    /// Nothing harmless explains it
    Confirmed,
}

impl From<ConfidenceLevel> for Confidence {
    fn from(level: ConfidenceLevel) -> Self {
        match level {
            ConfidenceLevel::Suspect => Self::Suspect,
            ConfidenceLevel::Likely => Self::Likely,
            ConfidenceLevel::Confirmed => Self::Confirmed,
        }
    }
}

fn formats() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter().filter(|format| WITH_VERDICTS.contains(&format.name))
}

impl Choice for &'static Format {
    fn parser() -> ValueParser {
        let choices = formats().map(|format| {
            let verdicts =
                "A page to read: what leaks, how fast, how sure that is, what to do next";
            let help = if format.name == "text" { verdicts } else { format.help };
            PossibleValue::new(format.name).help(help)
        });
        PossibleValuesParser::new(choices.collect::<Vec<_>>())
            .map(|name| Format::named(&name).expect("invariant: the choices are the names"))
            .into()
    }
}

impl LeaksArgs {
    /// The format that was asked for by name, or by the output's file name.
    ///
    /// # Errors
    /// The name of the output says no format, or one without verdicts.
    pub fn chosen_format(&self) -> Result<&'static Format, UsageError> {
        let first = || FORMATS.first().expect("invariant: there are formats");
        if self.format.is_json() {
            return Ok(Format::named("json").unwrap_or_else(first));
        }
        if let Some(format) = self.format.named() {
            return Ok(format);
        }
        if self.output.path().extension().is_none() {
            return Ok(first());
        }
        let of_name = Format::of_file(self.output.path());
        of_name.filter(|format| WITH_VERDICTS.contains(&format.name)).ok_or_else(|| {
            let names: Vec<&str> = formats().map(|format| format.name).collect();
            UsageError(format!(
                "the name {} does not say a format for verdicts; add -f with one of {}",
                self.output.path().display(),
                names.join(", ")
            ))
        })
    }
}

/// Who writes verdicts in a format.
pub fn exporter(format: &'static Format) -> &'static dyn Exporter {
    match format.name {
        "text" => &Leaks,
        _ => format.exporter,
    }
}
