//! `leakspy doctor`

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::Args;

use super::choice;
use super::exit::Exit;
use super::options::JsonArg;
use super::output::Output;
use super::units;
use crate::model::{CheckStatus, DoctorCheck, DoctorReport, DoctorSection};
use crate::report::width::{COLUMNS, columns, cut_end, wrap};
use crate::report::{escape, notes, write_json};
use crate::session::doctor;

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
    let report = worded(doctor::run(args.pid.as_deref())?);
    let mut output = Output::standard();
    if args.json.json {
        write_json(&report, &mut output).context("cannot write the report")?;
    } else {
        write_text(&report, &mut output).context("cannot write the report")?;
    }
    output.finish()?;
    Ok(match report.worst() {
        CheckStatus::Missing => Exit::Missing,
        CheckStatus::Ok | CheckStatus::Warn => Exit::Fine,
    })
}

/// What would not be seen, as checks like the others.
fn worded(mut report: DoctorReport) -> DoctorReport {
    for DoctorSection { checks, not_seen, .. } in &mut report.sections {
        checks.extend(not_seen.drain(..).map(|note| DoctorCheck {
            name: "not seen".to_owned(),
            status: CheckStatus::Warn,
            detail: notes::note(&note),
            remedy: None,
        }));
    }
    report
}

/// The report for a person.
pub fn write_text(report: &DoctorReport, out: &mut dyn Write) -> io::Result<()> {
    for section in &report.sections {
        let names = section.checks.iter().map(|check| columns(&escape::terminal(&check.name)));
        let widest = names.max().unwrap_or(0).min(40);
        writeln!(out, "{}", escape::terminal(&section.title))?;
        for check in &section.checks {
            write_check(check, widest, out)?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{}",
        match report.worst() {
            CheckStatus::Ok => "Everything is there.",
            CheckStatus::Warn => "Recording works; the lines marked `warn` say what it lacks.",
            CheckStatus::Missing => "Recording does not work; the lines marked `MISSING` say why.",
        }
    )
}

fn write_check(check: &DoctorCheck, widest: usize, out: &mut dyn Write) -> io::Result<()> {
    let status = match check.status {
        CheckStatus::Ok => "ok     ",
        CheckStatus::Warn => "warn   ",
        CheckStatus::Missing => "MISSING",
    };
    let name = escape::terminal(&check.name);
    let name = cut_end(&name, widest);
    let gap = widest - columns(&name) + 2;
    let indent = 2 + status.len() + 2 + widest + 2;
    let mut lines = wrap(&escape::terminal(&check.detail), COLUMNS - indent);
    if let Some(remedy) = &check.remedy {
        let remedy = format!("→ {}", escape::terminal(remedy));
        lines.extend(wrap(&remedy, COLUMNS - indent));
    }
    let first = lines.first().map_or("", String::as_str);
    let line = format!("  {status}  {name}{:gap$}{first}", "");
    writeln!(out, "{}", line.trim_end())?;
    for line in lines.iter().skip(1) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}
