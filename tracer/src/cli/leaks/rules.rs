//! The options of the command line as rules of the judge.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::args::LeaksArgs;
use crate::cli::exit::UsageError;
use crate::judge::{Filter, Judge, MOST_BYTES, Settings, Suppressions};

/// A judge with the rules of the command line.
///
/// # Errors
/// A pattern that is none; a file of suppressions that cannot be read or understood.
pub fn judge(args: &LeaksArgs) -> Result<Judge> {
    let mut settings = Settings::default();
    if let Some(least) = args.min_growth {
        settings.min_bytes_per_day = least;
    }
    let filter = Filter::new(&args.include, &args.exclude).map_err(|wrong| UsageError(wrong.0))?;
    let (suppressions, file) = match &args.suppressions {
        Some(path) => (read(path)?, path.display().to_string()),
        None => (Suppressions::default(), String::new()),
    };
    Ok(Judge { settings, filter, suppressions, file })
}

fn read(path: &Path) -> Result<Suppressions> {
    let cannot = || format!("cannot read the suppressions in {}", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .with_context(cannot)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        bail!("{}: longer than {MOST_BYTES} bytes", cannot());
    }
    let wrong = |error| UsageError(format!("{}, {error}", path.display()));
    Ok(Suppressions::parse(&bytes).map_err(wrong)?)
}
