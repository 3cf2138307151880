//! `leakspy census`

mod many;

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::exit::{Exit, UsageError};
use super::options::{ColorArg, FormatArgs, OutputArgs, PauseArg, ProcessesArgs, TopArg};
use super::output::Output;
use super::progress::{Manner, SnapshotLine};
use super::targets::Selection;
use super::{formats, units};
use crate::judge;
use crate::model::{Census, HeapNote};
use crate::os::interrupt;
use crate::report::{CENSUS_FORMATS, CensusFormat, Options, notes};
use crate::session::census::{self, CensusOptions};

/// Time from snapshot to snapshot when only the length is given; a tenth of the length where that
/// is shorter.
const EVERY: Duration = Duration::from_secs(30);
/// Snapshots that a watch takes at least when `--every` is not given.
const SNAPSHOTS: u32 = 10;
/// No end was asked for: a hundred years, which every clock can add.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Options of `census`.
#[derive(Args, Debug)]
#[command(
    mut_arg("pid", |arg| arg.required(true)),
    mut_arg("pause", |arg| arg.help("Stop the process during each snapshot: the numbers are those of one moment")),
    mut_arg("top", |arg| {
        let help = "Only the first so many types [default: 20 in text, all in JSON]";
        arg.short('n').short_alias('T').value_parser(units::rows).help(help)
    }),
)]
pub struct CensusArgs {
    /// Which ones.
    #[command(flatten)]
    pub processes: ProcessesArgs,
    /// Take snapshots for so long, such as 90s, 10m or 1h30m; Ctrl-C ends earlier, with a report
    /// [default: one snapshot]
    #[arg(short, long, value_name = "TIME", value_parser = units::duration)]
    pub duration: Option<Duration>,
    /// Time from snapshot to snapshot; without -d until Ctrl-C [default: 30s, or a tenth of -d if
    /// that is shorter]
    #[arg(long, value_name = "TIME", value_parser = units::every)]
    pub every: Option<Duration>,
    /// Whether it stands still.
    #[command(flatten)]
    pub pause: PauseArg,
    /// Tell the sessions of Bokeh, Panel and Streamlit, and what retains those that are closed
    #[arg(long)]
    pub sessions: bool,
    /// How to write it.
    #[command(flatten)]
    pub format: FormatArgs<&'static CensusFormat>,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How much.
    #[command(flatten)]
    pub top: TopArg,
    /// In which colours.
    #[command(flatten)]
    pub color: ColorArg,
}

impl CensusArgs {
    /// What to show, and how.
    fn shown(&self, output: &Output) -> Options {
        Options { top: self.top.top, colour: self.color.wanted(output), ..Options::default() }
    }

    /// How snapshots are taken.
    ///
    /// # Errors
    /// The time from snapshot to snapshot is longer than all of it.
    pub fn options(&self) -> Result<CensusOptions, UsageError> {
        let every = match (self.every, self.duration) {
            (Some(every), Some(duration)) if every > duration => {
                return Err(UsageError(
                    "--every is longer than -d, so there would be one snapshot only; give a shorter --every or \
                     a longer -d"
                        .to_owned(),
                ));
            }
            (Some(every), _) => every,
            (None, Some(duration)) => EVERY.min(duration / SNAPSHOTS),
            (None, None) => EVERY,
        };
        let endless = self.every.map(|_| FOREVER);
        Ok(CensusOptions {
            pause: self.pause.pause,
            sessions: self.sessions,
            every,
            duration: self.duration.or(endless),
        })
    }
}

/// Takes the heap histogram of a process and prints it.
///
/// # Errors
/// It cannot be looked at; the output cannot be written.
pub fn run(args: &CensusArgs, quiet: bool) -> Result<Exit> {
    let format = formats::chosen(&args.format, &args.output, CENSUS_FORMATS)?;
    let options = args.options()?;
    let output = args.output.open()?;
    match Selection::new(&args.processes)? {
        Selection::One(pid) => one(args, &pid, &options, format, output, quiet),
        Selection::Several(pids) => many::run(args, &pids, &options, format, output, quiet),
    }
}

fn one(
    args: &CensusArgs,
    pid: &str,
    options: &CensusOptions,
    format: &'static CensusFormat,
    mut output: Output,
    quiet: bool,
) -> Result<Exit> {
    let mut line = SnapshotLine::new(io::stderr(), Manner::on_stderr(quiet));
    let stop = listen(options)?;
    let taken =
        census::take(pid, options, &Mutex::new(()), &stop, &mut |snapshot| line.snapshot(snapshot));
    line.clear();
    let census = judged(taken?);
    let shown = args.shown(&output);
    format.exporter.write(&census, &shown, &mut output).context("cannot write the report")?;
    output.finish()?;
    Ok(exit(&census))
}

/// Whether somebody asks for the end. One snapshot is over before anybody could want its half:
/// there Ctrl-C just ends the program.
fn listen(options: &CensusOptions) -> Result<impl Fn() -> bool + Sync> {
    let interrupted = match options.duration {
        Some(_) => Some(interrupt::listen()?),
        None => None,
    };
    Ok(move || interrupted.as_ref().is_some_and(interrupt::Interrupted::is_asked))
}

fn judged(mut census: Census) -> Census {
    if !census.series.is_empty() {
        // One that ended meanwhile was not searched for what holds its objects.
        let is_searched = !census.snapshot.target_gone() || !census.retainers.is_empty();
        let retainers = is_searched.then_some(&census.retainers[..]);
        census.growth = Some(judge::judge_types(&census.series, retainers));
    }
    census
}

/// Whether the process was there to the end.
fn exit(census: &Census) -> Exit {
    if !census.snapshot.target_gone() {
        return Exit::Fine;
    }
    let how = notes::of_heap(HeapNote::ProcessEnded);
    eprintln!("leakspy: {how}; the report is on what was seen until then");
    Exit::TargetGone
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::model::HeapSnapshot;

    fn typed(words: &str) -> CensusArgs {
        let words = format!("leakspy census -p 4711 {words}");
        match Cli::try_parse_from(words.split_whitespace()).expect("a command line").command {
            Command::Census(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn snapshots_are_one_or_as_many_as_asked() {
        let seconds = |words| {
            let options = typed(words).options().expect("options");
            (options.duration.map(|time| time.as_secs()), options.every.as_secs())
        };
        assert_eq!(seconds("").0, None);
        assert_eq!(seconds("-d 10m"), (Some(600), 30));
        assert_eq!(seconds("-d 60s"), (Some(60), 6));
        assert_eq!(seconds("-d 10m --every 1m"), (Some(600), 60));
        assert_eq!(seconds("--every 5m"), (Some(FOREVER.as_secs()), 300));
        let error = typed("-d 1m --every 2m").options().expect_err("one snapshot only");
        assert!(error.0.contains("shorter --every"), "{error}");
    }

    #[test]
    fn nothing_is_stopped_unless_asked() {
        let options = typed("").options().expect("options");
        assert!(!options.pause && !options.sessions);
        let options = typed("--pause --sessions").options().expect("options");
        assert!(options.pause && options.sessions);
    }

    #[test]
    fn formats_are_named_or_follow_the_output() {
        let format = |words| {
            let args = typed(words);
            formats::chosen(&args.format, &args.output, CENSUS_FORMATS).map(|format| format.name)
        };
        assert_eq!(format("").expect("a format"), "text");
        assert_eq!(format("-j").expect("a format"), "json");
        assert_eq!(format("-o a.json").expect("a format"), "json");
        assert_eq!(format("-o a.json -f text").expect("a format"), "text");
        assert!(format("-o a.pdf").expect_err("no format").0.contains("text, json"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in ["-f svg", "-d x", "--every 10ms", "-n 0", "-n x", "-j -f text", "extra"] {
            let words = format!("leakspy census -p 1 {wrong}");
            assert!(Cli::try_parse_from(words.split_whitespace()).is_err(), "{wrong}");
        }
        assert!(Cli::try_parse_from(["leakspy", "census"]).is_err());
        assert_eq!(typed("-n 5").top.top, Some(5));
        assert_eq!(typed("-T 5").top.top, Some(5));
    }

    #[test]
    fn a_process_that_went_away_is_an_exit_of_its_own() {
        assert!(!HeapSnapshot::default().target_gone());
        let notes = vec![HeapNote::TypesIncomplete, HeapNote::ProcessEnded];
        assert!(HeapSnapshot { notes, ..HeapSnapshot::default() }.target_gone());
    }
}
