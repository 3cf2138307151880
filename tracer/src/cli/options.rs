//! Options that several commands share. Each has its one definition here, from which parser, help,
//! manual page and completion are made; a command that says something else of one changes its words
//! with `mut_arg`.

use std::env;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::builder::ValueParser;
use clap::{Args, ValueEnum};
use leakspy_ebpf::wire::limit;

use super::output::Output;
use super::units::{self, Counting};

/// What can be named after `-f`.
pub trait Choice: Clone + Debug + Send + Sync + 'static {
    /// Reads one of the names.
    fn parser() -> ValueParser;
}

/// How to write it.
#[derive(Args, Debug)]
pub struct FormatArg<F: Choice> {
    /// Format [default: text, or as the name of the output says]
    #[arg(short, long, value_name = "FORMAT", value_parser = F::parser())]
    pub format: Option<F>,
}

/// JSON.
#[derive(Args, Debug)]
pub struct JsonArg {
    /// The same as -f json
    #[arg(short, long)]
    pub json: bool,
}

/// How to write what can be written as JSON too.
#[derive(Args, Debug)]
#[command(mut_arg("json", |arg| arg.conflicts_with("format")))]
pub struct FormatArgs<F: Choice> {
    #[command(flatten)]
    named: FormatArg<F>,
    #[command(flatten)]
    json: JsonArg,
}

impl<F: Choice> FormatArgs<F> {
    /// The format that was named.
    pub fn named(&self) -> Option<F> {
        self.named.format.clone()
    }

    /// Whether JSON was asked for without being named.
    pub fn is_json(&self) -> bool {
        self.json.json
    }
}

/// Which processes.
#[derive(Args, Debug)]
pub struct ProcessesArgs {
    /// Process: its pid, or a name that only one process has; again for more
    #[arg(short, long, value_name = "PID|NAME", value_parser = units::target)]
    pub pid: Vec<String>,
    /// Every process that has the name
    #[arg(long, requires = "pid")]
    pub all: bool,
}

/// Where it goes.
#[derive(Args, Debug)]
pub struct OutputArgs {
    /// File to write; - is standard output [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
}

impl OutputArgs {
    /// What was named, or `-`.
    pub fn path(&self) -> &Path {
        self.output.as_deref().unwrap_or(Path::new("-"))
    }

    /// The output; what is wrong with it is said before the work.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(&self) -> Result<Output> {
        Output::named(self.path(), self.force)
    }
}

/// How much of it.
#[derive(Args, Debug)]
pub struct TopArg {
    /// Only the largest so many [default: 20 in text, all elsewhere]
    #[arg(
        short = 'T',
        long,
        value_name = "COUNT",
        alias = "max-memory-records",
        help_heading = "What to show"
    )]
    pub top: Option<usize>,
}

/// Which frames of a stack.
#[derive(Args, Debug)]
pub struct FramesArgs {
    /// Show runtime frames, the interpreter's own, too; JSON always has them
    #[arg(long = "machinery", visible_alias = "runtime-frames", help_heading = "What to show")]
    pub runtime_frames: bool,
    /// Leave out native frames; JSON always has them
    #[arg(long, help_heading = "What to show")]
    pub no_native: bool,
    /// Native frames are shown unless told otherwise; for fingers that know it
    #[arg(short, long, hide = true, conflicts_with = "no_native")]
    pub native: bool,
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

/// In which colours.
#[derive(Args, Debug)]
pub struct ColorArg {
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

impl ColorArg {
    /// Colours on a terminal that has them, unless somebody asked for none (no-color.org).
    pub fn wanted(&self, output: &Output) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                output.is_terminal()
                    && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
            }
        }
    }
}

/// Whether the process stands still meanwhile.
#[derive(Args, Debug)]
pub struct PauseArg {
    /// Stop the process during each snapshot
    #[arg(long)]
    pub pause: bool,
}

/// What the tables in the kernel hold.
#[derive(Args, Debug)]
pub struct TablesArgs {
    /// Live blocks to keep track of, about 100 bytes of kernel memory each
    #[arg(long, value_name = "COUNT", default_value_t = limit::LIVE_BLOCKS, value_parser = units::capacity, help_heading = "Limits")]
    pub max_live: u32,
    /// Sites (stack, size class, allocator) to keep apart
    #[arg(long, value_name = "COUNT", default_value_t = limit::SITES, value_parser = units::capacity, help_heading = "Limits")]
    pub max_sites: u32,
}

/// What the probes may cost the process.
#[derive(Args, Debug)]
pub struct CostArgs {
    /// Share of a core that the probes may cost the process, over any ten seconds. Where recording every allocation would
    /// cost more, some are recorded and stand for the others
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = units::share, help_heading = "Limits")]
    budget: f64,
    /// Record every allocation, whatever that costs the process
    #[arg(long, conflicts_with = "budget", help_heading = "Limits")]
    exact: bool,
}

impl CostArgs {
    /// Share of a core; `None` for exactness.
    pub fn budget(&self) -> Option<f64> {
        (!self.exact).then_some(self.budget)
    }
}

/// What is read of the process beside its allocations.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// Do not search the memory of the process for pointers to old blocks (which tells what is
    /// unreachable)
    #[arg(long)]
    pub no_search: bool,
    /// Time between two counts of the Python objects by type; off also leaves out the snapshot at
    /// the end that joins stacks with objects [default: only that one]
    #[arg(long, value_name = "TIME|off", value_parser = units::counting)]
    pub census: Option<Counting>,
    /// Stop the process for the search and the snapshot at the end, for 20 s at most, so that their counts are
    /// of one moment
    #[arg(long)]
    pub pause: bool,
    /// Resident memory up to which the process is searched for pointers
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = units::size, help_heading = "Limits")]
    pub search_limit: u64,
}
