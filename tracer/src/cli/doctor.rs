//! `leakspy doctor`

use anyhow::{Context, Result};
use clap::Args;

use super::choice;
use super::exit::Exit;
use super::options::JsonArg;
use super::output::Output;
use super::units;
use crate::model::CheckStatus;
use crate::report::doctor;
use crate::session;

/// Options of `doctor`.
#[derive(Args, Debug)]
#[command(mut_arg("json", |arg| arg.help("Print JSON")))]
pub struct DoctorArgs {
    /// Process to look at too: its pid, or a name that only one process has
    #[arg(short, long, value_name = "PID|NAME", value_parser = units::target)]
    pub pid: Option<String>,
    /// Whether a program reads it.
    #[command(flatten)]
    pub json: JsonArg,
}

/// Says what is there and what is missing. Ends with the code for "missing" when recording would
/// not work.
pub fn run(args: &DoctorArgs) -> Result<Exit> {
    if let Some(name) = &args.pid {
        choice::unambiguous(name, choice::ONE)?;
    }
    let report = session::doctor::run(args.pid.as_deref())?;
    let mut output = Output::standard();
    if args.json.json {
        doctor::write_json(&report, &mut output).context("cannot write the report")?;
    } else {
        doctor::write_text(&report, &mut output).context("cannot write the report")?;
    }
    output.finish()?;
    Ok(match report.worst() {
        CheckStatus::Missing => Exit::Missing,
        CheckStatus::Ok | CheckStatus::Warn => Exit::Fine,
    })
}
