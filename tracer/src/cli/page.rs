//! What `census` and `who` have in common: where the page goes and how it looks.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::args::When;
use super::exit::UsageError;
use super::output::Output;
use super::show;
use crate::report::{Format, Options};

/// Options of a page that is made at once, without a recording.
#[derive(Args, Debug)]
pub struct PageArgs {
    /// The same as -f json
    #[arg(short, long, conflicts_with = "format")]
    pub json: bool,
    /// File to write; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
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

impl PageArgs {
    /// The format of `table` that was asked for by its name, by `--json`, or by the output's file name; the first
    /// for standard output and for names that say nothing.
    ///
    /// # Errors
    /// The output has a name in some other format.
    pub fn chosen_format<E: ?Sized>(
        &self,
        named: Option<&'static Format<E>>,
        table: &'static [Format<E>],
    ) -> Result<&'static Format<E>, UsageError> {
        let found = named.or_else(|| show::unnamed_format(self.json, &self.output, table));
        found.ok_or_else(|| show::no_format(&self.output, table))
    }

    /// The output; what is wrong with it is said before the process is looked at.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(&self) -> Result<Output> {
        Output::named(&self.output, self.force)
    }

    /// How to show it.
    pub fn options(&self, top: Option<usize>, output: &Output) -> Options {
        Options { top, colour: show::colour(self.color, output), ..Options::default() }
    }
}
