//! What can be typed. Short flags are py-spy's, long flags also answer to the words of memray and bcc.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use leakspy_ebpf::wire::limit;

use super::leaks::LeaksArgs;
use super::{examples, units};
use crate::probe::Method;
use crate::report::{FORMATS, Format};

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
    #[arg(short, long, value_name = "FORMAT", value_parser = format_parser())]
    pub format: Option<&'static Format>,
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

/// The choices after `-f`, from the table of formats.
fn format_parser() -> impl TypedValueParser<Value = &'static Format> {
    let choices = FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.help));
    PossibleValuesParser::new(choices)
        .map(|name| Format::named(&name).expect("invariant: the choices are the names"))
}

impl ReportArgs {
    /// The format that was asked for by name, or by the output's file name; the default for
    /// standard output and for names that say nothing. `None` for a name in some other format.
    pub fn chosen_format(&self) -> Option<&'static Format> {
        if self.json {
            return Format::named("json");
        }
        if self.format.is_some() {
            return self.format;
        }
        if self.output.extension().is_none() {
            return FORMATS.first();
        }
        Format::of_file(&self.output)
    }

    /// Whether the output is standard output.
    pub fn to_stdout(&self) -> bool {
        self.output.as_os_str() == OsStr::new("-")
    }
}
