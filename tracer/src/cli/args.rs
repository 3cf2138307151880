//! What can be typed. Short flags are py-spy's, long flags also answer to the words of memray and
//! bcc.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Parser, Subcommand};

use super::census::CensusArgs;
use super::completions::CompletionsArgs;
use super::diff::DiffArgs;
use super::doctor::DoctorArgs;
use super::examples;
use super::leaks::LeaksArgs;
use super::man::ManArgs;
use super::mark::MarkArgs;
use super::plot::PlotArgs;
use super::record::RecordArgs;
use super::report::ReportArgs;
use super::who::WhoArgs;

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
    /// Watches every allocation and every release for ten minutes, or as long as you say, and tells
    /// what grows from what only comes and goes. After the first minute, and every minute from then
    /// on, it says how it looks so far. The process is not stopped and not changed. Ctrl-C ends
    /// earlier, with a report. Judges a recording in the same way.
    #[command(help_template = TEMPLATE, before_help = examples::LEAKS, before_long_help = examples::LEAKS)]
    Leaks(LeaksArgs),
    /// Count the Python objects of a running process by type (a heap histogram)
    ///
    /// Reads the objects out of the memory of the process, in one snapshot or several, and tells
    /// which types hold most and which grow. Objects from before leakspy came are counted, too. The
    /// process is not changed, and not stopped unless --pause asks for it.
    #[command(help_template = TEMPLATE, before_help = examples::CENSUS, before_long_help = examples::CENSUS)]
    Census(CensusArgs),
    /// Say what retains Python objects of a running process
    ///
    /// Finds the shortest paths of references from the roots (modules, frames and whatever else
    /// keeps objects alive) to the objects in question, and puts those of the same shape together.
    /// The process is not changed, and not stopped unless --pause asks for it.
    #[command(help_template = TEMPLATE, before_help = examples::WHO, before_long_help = examples::WHO)]
    Who(WhoArgs),
    /// Record a running process
    ///
    /// Counts every allocation and every release of the process from now on, and writes what is
    /// live into a recording. The process is not stopped and not changed. Ctrl-C ends the recording
    /// well.
    #[command(help_template = TEMPLATE, before_help = examples::RECORD, before_long_help = examples::RECORD)]
    Record(RecordArgs),
    /// Show a recording
    ///
    /// Ranks the stacks by the bytes that they hold. Also reads a recording whose recorder was
    /// killed or is still at work.
    #[command(help_template = TEMPLATE, before_help = examples::REPORT, before_long_help = examples::REPORT)]
    Report(ReportArgs),
    /// Annotate a moment of a running recording
    ///
    /// Says what happens to the process just now (a load test begins, a cache is cleared), so that
    /// it can be found again in plots and in the recording.
    #[command(help_template = TEMPLATE, before_help = examples::MARK, before_long_help = examples::MARK)]
    Mark(MarkArgs),
    /// Compare two recordings, or two moments of one
    ///
    /// Ranks the stacks by how many more bytes they hold than before. Stacks are matched by how
    /// they look, so the two recordings may be of different runs of a program.
    #[command(help_template = TEMPLATE, before_help = examples::DIFF, before_long_help = examples::DIFF)]
    Diff(DiffArgs),
    /// Draw a recording over time
    ///
    /// Memory of the process with its parts, what the stacks that grow retain, or how much of what
    /// one stack allocated still lives. Writes PNG or SVG; needs no fonts and no display.
    #[command(help_template = TEMPLATE, before_help = examples::PLOT, before_long_help = examples::PLOT)]
    Plot(PlotArgs),
    /// Say what this machine and a process allow
    ///
    /// Lists features of the kernel, privileges, and what would be seen of a process and why not
    /// more, each with the way to get it. Changes nothing.
    #[command(help_template = TEMPLATE, before_help = examples::DOCTOR, before_long_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    #[command(help_template = TEMPLATE, before_help = examples::COMPLETIONS, before_long_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual pages
    #[command(help_template = TEMPLATE, before_help = examples::MAN, before_long_help = examples::MAN)]
    Man(ManArgs),
}
