//! Several processes, each counted by a thread of its own; they are scanned one after the other.

use std::io;
use std::sync::{Mutex, mpsc};
use std::thread;

use anyhow::{Context, Result};

use super::{CensusArgs, judged, listen};
use crate::cli::exit::{self, Exit};
use crate::cli::output::Output;
use crate::cli::progress::{Manner, ManySnapshots};
use crate::cli::targets::groups;
use crate::model::{Census, HeapNote, HeapSnapshot};
use crate::os::Program;
use crate::report::workers::{CensusGroup, write_census};
use crate::report::{CensusFormat, notes};
use crate::session::SessionError;
use crate::session::census::{self, CensusOptions};

/// Counts the objects of all of them, and says what each is full of. One that cannot be counted is
/// reported, and the others are not disturbed.
pub fn run(
    args: &CensusArgs,
    pids: &[u32],
    options: &CensusOptions,
    format: &'static CensusFormat,
    mut output: Output,
    quiet: bool,
) -> Result<Exit> {
    let programs: Vec<Option<Program>> = pids.iter().map(|&pid| Program::of(pid).ok()).collect();
    let taken = take(pids, options, quiet)?;
    let mut worst = Exit::Fine;
    let mut censuses: Vec<Option<Census>> = Vec::new();
    for (pid, taken) in pids.iter().zip(taken) {
        let (census, exit) = told(*pid, taken);
        worst = exit::worse(worst, exit);
        censuses.push(census);
    }
    let groups: Vec<CensusGroup<'_>> = groups(&programs)
        .into_iter()
        .map(|group| group.into_iter().filter_map(|index| censuses[index].as_ref()).collect())
        .filter(|group: &CensusGroup<'_>| !group.is_empty())
        .collect();
    if groups.is_empty() {
        return Ok(worst);
    }
    let shown = args.shown(&output);
    write_census(&groups, format, &shown, &mut output).context("cannot write the report")?;
    output.finish()?;
    Ok(worst)
}

type Taken = Result<Census, SessionError>;

fn take(pids: &[u32], options: &CensusOptions, quiet: bool) -> Result<Vec<Taken>> {
    let stop = listen(options)?;
    let (turn, (tell, told)) = (Mutex::new(()), mpsc::channel::<(usize, HeapSnapshot)>());
    let mut lines = ManySnapshots::new(io::stderr(), Manner::on_stderr(quiet), pids);
    let taken = thread::scope(|scope| {
        let (turn, stop) = (&turn, &stop);
        let count = |(index, pid): (usize, &u32)| {
            let (pid, tell) = (pid.to_string(), tell.clone());
            scope.spawn(move || {
                // Whoever shows it may have left.
                let mut progress =
                    |snapshot: &HeapSnapshot| drop(tell.send((index, snapshot.clone())));
                census::take(&pid, options, turn, stop, &mut progress)
            })
        };
        let threads: Vec<_> = pids.iter().enumerate().map(count).collect();
        drop(tell);
        for (index, snapshot) in told {
            lines.snapshot(index, &snapshot);
        }
        let join = |thread: thread::ScopedJoinHandle<'_, Taken>| {
            thread.join().unwrap_or(Err(SessionError::Broken))
        };
        threads.into_iter().map(join).collect()
    });
    lines.clear();
    Ok(taken)
}

/// The census, judged, and what is to be said of it.
fn told(pid: u32, taken: Taken) -> (Option<Census>, Exit) {
    let census = match taken {
        Ok(census) => judged(census),
        Err(error) => {
            eprintln!("leakspy: {pid}: {}", exit::line_of(&error));
            return (None, exit::of_session(&error));
        }
    };
    if !census.snapshot.target_gone() {
        return (Some(census), Exit::Fine);
    }
    let how = notes::of_heap(HeapNote::ProcessEnded);
    eprintln!("leakspy: {pid}: {how}; the report is on what was seen until then");
    (Some(census), Exit::TargetGone)
}
