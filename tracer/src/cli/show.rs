//! What `report` and `diff` have in common: where the output goes and how it looks.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use super::exit::UsageError;
use super::options::{ColorArg, FramesArgs, OutputArgs, TopArg};
use super::output::Output;
use crate::judge::{Judge, NoLeak, one_leak, with_stacks};
use crate::model::Document;
use crate::report::{Format, Options, escape};
use crate::store::Reader;

/// Options of all that shows something.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
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

/// The output that was asked for, if it can take `format`.
pub fn open<E: ?Sized>(args: &ShowArgs, format: &Format<E>) -> Result<Output> {
    let output = args.output.open()?;
    if format.is_binary() && output.is_terminal() {
        let Format { name, suffix, .. } = format;
        let advice = format!("{name} is nothing for a terminal; add -o FILE.{suffix}");
        return Err(UsageError(advice).into());
    }
    Ok(output)
}

/// What to show, and how.
pub fn options(args: &ShowArgs, output: &Output) -> Options {
    Options {
        top: args.top.top,
        runtime_frames: args.frames.runtime_frames,
        native: !args.frames.no_native,
        colour: args.color.wanted(output),
        verbose: false,
        plain_svg: false,
    }
}

/// What a recording says of its last moment.
pub fn document(recording: &Path) -> Result<Document> {
    Ok(Reader::open(recording)?.document()?)
}

/// Everything that a recording says, also over time.
pub fn history(recording: &Path) -> Result<Document> {
    Ok(Reader::open(recording)?.document_with_history()?)
}

/// Everything that a recording says, and the verdicts on it.
pub fn judged(recording: &Path) -> Result<Document> {
    Ok(Judge::default().judge(history(recording)?).document)
}

/// The same, of one leak of it.
pub fn of_leak(recording: &Path, id: &str) -> Result<Document> {
    Ok(one_leak(judged(recording)?, id).map_err(wrong_id)?)
}

/// The same, of a leak that has stacks.
pub fn stacks_of_leak(recording: &Path, id: &str) -> Result<Document> {
    Ok(with_stacks(of_leak(recording, id)?).map_err(wrong_id)?)
}

fn wrong_id(error: NoLeak) -> UsageError {
    UsageError(escape::terminal(&error.to_string()).into_owned())
}

/// Writes with `write`, and puts the output in its place.
pub fn finish(
    mut output: Output,
    write: impl FnOnce(&mut Output) -> std::io::Result<()>,
) -> Result<()> {
    write(&mut output).context("cannot write the report")?;
    output.finish()
}
