//! What can be typed. Short flags are py-spy's, long flags also answer to the words of memray and bcc.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use leakspy_ebpf::wire::limit;

use super::census::CensusArgs;
use super::leaks::LeaksArgs;
use super::units::Counting;
use super::who::WhoArgs;
use super::{examples, show, units};
use crate::plot::{Format as Picture, MOST_FINDINGS, What};
use crate::probe::Method;
use crate::report::{DIFFERENCES, DifferenceFormat, FORMATS, Format};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Examples come first: most people look for one that is nearly theirs.
const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// Find what a live Python server leaks
///
/// Attaches to a running process without changing it, and shows which stacks, Python and native in
/// one, hold the memory that was allocated since and not freed.
#[derive(Debug, Parser)]
#[command(
    name = "leakspy", version, styles = STYLES, help_template = TEMPLATE, max_term_width = 100,
    infer_subcommands = true, infer_long_args = true, subcommand_required = true,
    arg_required_else_help = true, disable_help_subcommand = true,
    before_help = examples::MAIN, before_long_help = examples::MAIN,
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say less: no progress, no summary
    #[arg(short, long, global = true, help_heading = "General")]
    pub quiet: bool,
    /// Say more; repeat for more still
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "General")]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what leaks: watch a process, or judge a recording
    ///
    /// Watches every allocation and every release for ten minutes, or as long as you say, and tells what
    /// grows from what only comes and goes. After the first minute, and every minute from then on, it says
    /// how it looks so far. The process is not stopped and not changed. Ctrl-C ends earlier, with a
    /// report. Judges a recording in the same way.
    #[command(help_template = TEMPLATE, before_help = examples::LEAKS, before_long_help = examples::LEAKS)]
    Leaks(LeaksArgs),
    /// Count the Python objects of a running process by type
    ///
    /// Reads the objects out of the memory of the process, once or again and again, and tells which types
    /// hold most and which grow. Objects from before leakspy came are counted, too. The process is not
    /// changed, and not stopped unless --pause asks for it.
    #[command(help_template = TEMPLATE, before_help = examples::CENSUS, before_long_help = examples::CENSUS)]
    Census(CensusArgs),
    /// Say who holds Python objects of a running process
    ///
    /// Finds the shortest chains of references from modules, frames and whatever else keeps objects alive to
    /// the objects in question, and puts those of the same shape together. The process is not changed,
    /// and not stopped unless --pause asks for it.
    #[command(help_template = TEMPLATE, before_help = examples::WHO, before_long_help = examples::WHO)]
    Who(WhoArgs),
    /// Record a running process
    ///
    /// Counts every allocation and every release of the process from now on, and writes what is live
    /// into a recording. The process is not stopped and not changed. Ctrl-C ends the recording well.
    #[command(help_template = TEMPLATE, before_help = examples::RECORD, before_long_help = examples::RECORD)]
    Record(RecordArgs),
    /// Show a recording
    ///
    /// Ranks the stacks by the bytes that they hold. Also reads a recording whose recorder was killed
    /// or is still at work.
    #[command(help_template = TEMPLATE, before_help = examples::REPORT, before_long_help = examples::REPORT)]
    Report(ReportArgs),
    /// Put a named moment into a running recording
    ///
    /// Says what happens to the process just now (a load test begins, a cache is cleared), so that
    /// it can be found again in plots and in the recording.
    #[command(help_template = TEMPLATE, before_help = examples::MARK, before_long_help = examples::MARK)]
    Mark(MarkArgs),
    /// Compare two recordings, or two moments of one
    ///
    /// Ranks the stacks by how many more bytes they hold than before. Stacks are matched by how they
    /// look, so the two recordings may be of different runs of a program.
    #[command(help_template = TEMPLATE, before_help = examples::DIFF, before_long_help = examples::DIFF)]
    Diff(DiffArgs),
    /// Draw a recording over time
    ///
    /// Memory of the process with its parts, what the stacks that grow keep, or how much of what one
    /// stack allocated still lives. Writes PNG or SVG; needs no fonts and no display.
    #[command(help_template = TEMPLATE, before_help = examples::PLOT, before_long_help = examples::PLOT)]
    Plot(PlotArgs),
    /// Say what this machine and a process allow
    ///
    /// Lists features of the kernel, privileges, and what would be seen of a process and why not more,
    /// each with the way to get it. Changes nothing.
    #[command(help_template = TEMPLATE, before_help = examples::DOCTOR, before_long_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    #[command(help_template = TEMPLATE, before_help = examples::COMPLETIONS, before_long_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual pages
    #[command(help_template = TEMPLATE, before_help = examples::MAN, before_long_help = examples::MAN)]
    Man(ManArgs),
}

/// Options of `record`.
#[derive(Args, Debug)]
pub struct RecordArgs {
    /// Process to record: its pid, or a name that only one process has
    #[arg(short, long, value_name = "PID|NAME", value_parser = units::target)]
    pub pid: String,
    /// How long, such as 90s, 10m or 1h30m [default: until Ctrl-C]
    #[arg(short, long, value_name = "TIME", value_parser = units::duration)]
    pub duration: Option<Duration>,
    /// Recording to write [default: leakspy-PID-TIME.leakspy]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the recording if it exists
    #[arg(long)]
    pub force: bool,
    /// Time between two savings; a recorder that is killed loses no more than this
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::tick)]
    pub tick: Duration,
    /// Live blocks to keep track of, about 100 bytes of kernel memory each
    #[arg(long, value_name = "COUNT", default_value_t = limit::LIVE_BLOCKS, value_parser = units::capacity, help_heading = "Limits")]
    pub max_live: u32,
    /// Sites (stack, size class, allocator) to keep apart
    #[arg(long, value_name = "COUNT", default_value_t = limit::SITES, value_parser = units::capacity, help_heading = "Limits")]
    pub max_sites: u32,
    /// How probes are attached [default: the best that works]
    #[arg(long, value_name = "WAY", value_enum)]
    pub method: Option<MethodArg>,
    /// Copy the stack of one in this many repeated allocations again, to check that sites do not merge
    /// different stacks; 0 for never
    #[arg(long, value_name = "COUNT", default_value_t = 4096, hide = true)]
    pub audit_one_in: u32,
    /// Do not search the memory of the process for pointers to old blocks (which tells what is lost for good)
    #[arg(long)]
    pub no_search: bool,
    /// Time between two counts of the Python objects by type; off also leaves out the look at the end that joins
    /// stacks with objects [default: only that look]
    #[arg(long, value_name = "TIME|off", value_parser = units::counting)]
    pub census: Option<Counting>,
    /// Resident memory up to which the process is searched for pointers
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = units::size, help_heading = "Limits")]
    pub search_limit: u64,
    /// Age from which blocks are searched for
    #[arg(long, value_name = "TIME", value_parser = units::duration, hide = true)]
    pub search_age: Option<Duration>,
    /// Time between two searches
    #[arg(long, value_name = "TIME", value_parser = units::duration, hide = true)]
    pub search_every: Option<Duration>,
}

/// Options of `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Recording to show
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Format [default: text, or as the name of the output says]
    #[arg(short, long, value_name = "FORMAT", value_parser = report_format_parser())]
    pub format: Option<ReportFormat>,
    /// Recording to compare with, for -f diff-svg
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// How to show it.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// Recording from before, or the only one
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Recording from after
    #[arg(value_name = "AFTER", conflicts_with_all = ["from", "to"])]
    pub after: Option<PathBuf>,
    /// Moment of one recording to compare from: start, end, a time such as 10m since its start, or the
    /// name of a mark [default: start]
    #[arg(long, value_name = "MOMENT")]
    pub from: Option<String>,
    /// Moment to compare to [default: end]
    #[arg(long, value_name = "MOMENT")]
    pub to: Option<String>,
    /// Format [default: text, or as the name of the output says]
    #[arg(short, long, value_name = "FORMAT", value_parser = format_parser(DIFFERENCES))]
    pub format: Option<&'static DifferenceFormat>,
    /// How to show it.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of all that shows something.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The same as -f json
    #[arg(short, long, conflicts_with = "format")]
    pub json: bool,
    /// File to write; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
    /// Only the largest so many [default: 20 in text, all elsewhere]
    #[arg(
        short = 'T',
        long,
        value_name = "COUNT",
        alias = "max-memory-records",
        help_heading = "What to show"
    )]
    pub top: Option<usize>,
    /// Show the interpreter's own frames too; JSON always has them
    #[arg(long, help_heading = "What to show")]
    pub machinery: bool,
    /// Leave out native frames; JSON always has them
    #[arg(long, help_heading = "What to show")]
    pub no_native: bool,
    /// Native frames are shown unless told otherwise; for fingers that know it
    #[arg(short, long, hide = true, conflicts_with = "no_native")]
    pub native: bool,
    /// When to use colours; NO_COLOR is respected
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        value_enum,
        help_heading = "What to show"
    )]
    pub color: When,
}

/// Options of `mark`.
#[derive(Args, Debug)]
pub struct MarkArgs {
    /// What happens now, in a few words
    #[arg(value_name = "NAME", value_parser = units::mark)]
    pub name: String,
    /// Recording to mark [default: the only one that is running in this folder]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Options of `plot`.
#[derive(Args, Debug)]
pub struct PlotArgs {
    /// Recording to draw
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Picture to write; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Format [default: as the name of the output says]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub format: Option<PictureArg>,
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
    /// What to draw
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "memory",
        value_enum,
        help_heading = "What to show"
    )]
    pub what: WhatArg,
    /// Site whose survival to draw, by its id in the report [default: the first finding]
    #[arg(long, value_name = "ID", help_heading = "What to show")]
    pub site: Option<String>,
    /// Draw only so many stacks that grow, at most 6
    #[arg(short = 'T', long, value_name = "COUNT", default_value_t = MOST_FINDINGS, help_heading = "What to show")]
    pub top: usize,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "1200x700", value_parser = units::picture_size, help_heading = "What to show")]
    pub size: (u32, u32),
}

/// Options of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Process to look at too: its pid, or a name that only one process has
    #[arg(short, long, value_name = "PID|NAME", value_parser = units::target)]
    pub pid: Option<String>,
    /// Print JSON
    #[arg(short, long)]
    pub json: bool,
}

/// Options of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Options of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Folder to write one file per page into [default: all pages to standard output]
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Also in files and pipes
    Always,
    /// Nowhere
    Never,
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhatArg {
    /// Memory of the process, split, with what was traced of it, its limit, and its growth
    Memory,
    /// What the stacks that grow keep, with the line and the 95 % band fitted to each
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

/// How probes are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodArg {
    /// uprobe session links (Linux 6.13 and later)
    Session,
    /// uprobe multi links (Linux 6.10 and later)
    Multi,
    /// Perf events (needs CAP_SYS_ADMIN)
    Perf,
}

impl From<MethodArg> for Method {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Session => Self::Session,
            MethodArg::Multi => Self::Multi,
            MethodArg::Perf => Self::Perf,
        }
    }
}

impl From<WhatArg> for What {
    fn from(what: WhatArg) -> Self {
        match what {
            WhatArg::Memory => Self::Memory,
            WhatArg::Growth => Self::Growth,
            WhatArg::Survival => Self::Survival,
        }
    }
}

impl From<PictureArg> for Picture {
    fn from(picture: PictureArg) -> Self {
        match picture {
            PictureArg::Png => Self::Png,
            PictureArg::Svg => Self::Svg,
        }
    }
}

/// What `report -f` can name.
#[derive(Clone, Copy, Debug)]
pub enum ReportFormat {
    /// A format of one recording.
    Whole(&'static Format),
    /// A format of the difference to another.
    Difference(&'static DifferenceFormat),
}

/// Formats of differences that `report` knows too; the names of all others mean the recording itself.
const DIFFERENCES_OF_REPORT: &str = "diff-svg";

fn report_format_parser() -> impl TypedValueParser<Value = ReportFormat> {
    let differences = DIFFERENCES.iter().filter(|format| format.name == DIFFERENCES_OF_REPORT);
    PossibleValuesParser::new(choices(FORMATS).chain(differences.map(choice))).map(|name| {
        let whole = Format::named(&name).map(ReportFormat::Whole);
        let difference = || Format::named_in(DIFFERENCES, &name).map(ReportFormat::Difference);
        whole.or_else(difference).expect("invariant: the choices are the names")
    })
}

/// Reads the name of a format of `table`.
pub fn format_parser<E: ?Sized>(
    table: &'static [Format<E>],
) -> impl TypedValueParser<Value = &'static Format<E>>
where
    Format<E>: Sync,
{
    PossibleValuesParser::new(choices(table)).map(move |name| {
        Format::named_in(table, &name).expect("invariant: the choices are the names")
    })
}

/// The choices after `-f`, from a table of formats.
fn choices<E: ?Sized>(table: &'static [Format<E>]) -> impl Iterator<Item = PossibleValue> {
    table.iter().map(choice)
}

fn choice<E: ?Sized>(format: &'static Format<E>) -> PossibleValue {
    PossibleValue::new(format.name).help(format.help)
}

impl ReportArgs {
    /// The format that was asked for by name, or by the output's file name; the default for
    /// standard output and for names that say nothing. `None` for a name in some other format.
    pub fn chosen_format(&self) -> Option<ReportFormat> {
        self.format.or_else(|| self.show.format_in(FORMATS).map(ReportFormat::Whole))
    }
}

impl DiffArgs {
    /// As [`ReportArgs::chosen_format`].
    pub fn chosen_format(&self) -> Option<&'static DifferenceFormat> {
        self.format.or_else(|| self.show.format_in(DIFFERENCES))
    }
}

impl ShowArgs {
    /// The format in `table` that is asked for otherwise than by its name.
    fn format_in<E: ?Sized>(&self, table: &'static [Format<E>]) -> Option<&'static Format<E>> {
        show::unnamed_format(self.json, &self.output, table)
    }
}
