//! What can be typed after `record`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::options::{CostArgs, OutputArgs, ProcessesArgs, SearchArgs, TablesArgs};
use crate::cli::units;
use crate::model::AttachMethod;

const RECORDING: &str = "Recording to write; of several processes one each, app.PID.leakspy for app.leakspy \
    [default: leakspy-PID-TIME.leakspy]";

/// Options of `record`.
#[derive(Args, Debug)]
#[command(
    mut_arg("output", |arg| arg.help(RECORDING)),
    mut_arg("pid", |arg| arg.required(true)),
    mut_arg("force", |arg| arg.help("Replace the recording if it exists")),
)]
pub struct RecordArgs {
    /// Which ones.
    #[command(flatten)]
    pub processes: ProcessesArgs,
    /// How long, such as 90s, 10m or 1h30m [default: until Ctrl-C]
    #[arg(short, long, value_name = "TIME", value_parser = units::duration)]
    pub duration: Option<Duration>,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Time between two savings; a recorder that is killed loses no more than this
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::tick)]
    pub tick: Duration,
    /// What the tables hold.
    #[command(flatten)]
    pub tables: TablesArgs,
    /// What the probes may cost.
    #[command(flatten)]
    pub cost: CostArgs,
    /// How probes are attached [default: the best that works]
    #[arg(long, value_name = "WAY", value_enum)]
    pub method: Option<MethodArg>,
    /// Copy the stack of one in this many repeated allocations again, to check that sites do not
    /// merge different stacks; 0 for never
    #[arg(long, value_name = "COUNT", default_value_t = 4096, hide = true)]
    pub audit_one_in: u32,
    /// What else is read.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Age from which blocks are searched for
    #[arg(long, value_name = "TIME", value_parser = units::duration, hide = true)]
    pub search_age: Option<Duration>,
    /// Time between two searches
    #[arg(long, value_name = "TIME", value_parser = units::duration, hide = true)]
    pub search_every: Option<Duration>,
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
    /// Trace events that targets share (needs CAP_SYS_ADMIN)
    Trace,
}

impl From<MethodArg> for AttachMethod {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Session => Self::Session,
            MethodArg::Multi => Self::Multi,
            MethodArg::Perf => Self::Perf,
            MethodArg::Trace => Self::Trace,
        }
    }
}
