//! `leakspy mark`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;

use super::exit::{Exit, UsageError};
use super::units;
use crate::report::escape;
use crate::store;

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

/// Puts a named moment into a recording that is running.
pub fn run(args: &MarkArgs, quiet: bool) -> Result<Exit> {
    // Now, not when the recorder has let us in.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let file = match &args.file {
        Some(file) => file.clone(),
        None => the_only_one(Path::new("."))?,
    };
    let t = store::mark(&file, &args.name, now)?;
    if !quiet {
        let (name, file) = (args.name.as_str(), file.display().to_string());
        let (name, file) = (escape::terminal(name), escape::terminal(&file));
        eprintln!("Marked {name} at {t:.1} s in {file}.");
    }
    Ok(Exit::Fine)
}

/// The recording in this folder into which somebody is recording.
fn the_only_one(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).context("cannot list the current folder")?;
    let mut running = Vec::new();
    for entry in entries.flatten() {
        let path = PathBuf::from(entry.file_name());
        let is_recording = path.extension().is_some_and(|extension| extension == "leakspy");
        let mut log = entry.path().into_os_string();
        log.push("-wal");
        // What cannot be opened is somebody else's.
        if is_recording
            && Path::new(&log).exists()
            && store::is_running(&entry.path()).unwrap_or(false)
        {
            running.push(path);
        }
    }
    running.sort();
    match running.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let text = "nobody is recording in this folder; name the recording after the mark";
            Err(UsageError(text.to_owned()).into())
        }
        [first, second, ..] => Err(UsageError(format!(
            "{} recordings are running in this folder, {} and {} among them; name the one to mark",
            running.len(),
            first.display(),
            second.display()
        ))
        .into()),
    }
}
