//! `leakspy who`

use anyhow::{Context, Result};
use clap::Args;

use super::exit::Exit;
use super::options::{ColorArg, FormatArgs, OutputArgs, PauseArg, TopArg};
use super::{choice, formats, units};
use crate::report::escape;
use crate::report::{Options, RETAINERS_FORMATS, RetainersFormat, subject};
use crate::session::who::{self, Answer, WhoOptions};

/// Kinds of paths that are shown by default.
const TOP: usize = 10;

/// Options of `who`.
#[derive(Args, Debug)]
#[command(
    mut_arg("pause", |arg| arg.help("Stop the process during the snapshot: no reference is missed")),
    mut_arg("top", |arg| {
        let help = "Only the first so many kinds of paths [default: 10]";
        arg.short('n').short_alias('T').value_parser(units::rows).help(help)
    }),
)]
pub struct WhoArgs {
    /// Process to look at: its pid, or a name that only one process has
    #[arg(short, long, value_name = "PID|NAME", value_parser = units::target)]
    pub pid: String,
    /// Whose retainers: a type (bokeh.document.document.Document, or its last part), the address of
    /// an object (0x…), or a module; or a line of a log in which Python describes one
    #[arg(value_name = "TYPE|ADDRESS|MODULE", value_parser = units::subject)]
    pub asked: String,
    /// Whether it stands still.
    #[command(flatten)]
    pub pause: PauseArg,
    /// Show keys and strings of the process in full; they may be secrets
    #[arg(long)]
    pub values: bool,
    /// How to write it.
    #[command(flatten)]
    pub format: FormatArgs<&'static RetainersFormat>,
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

/// Finds what retains the objects that were asked for, and prints it.
///
/// # Errors
/// It cannot be looked at; there is no such object; the output cannot be written.
pub fn run(args: &WhoArgs) -> Result<Exit> {
    let format = formats::chosen(&args.format, &args.output, RETAINERS_FORMATS)?;
    let mut output = args.output.open()?;
    let top = args.top.top.unwrap_or(TOP);
    let options = WhoOptions { pause: args.pause.pause, values: args.values, top };
    choice::unambiguous(&args.pid, choice::ONE)?;
    let Answer { retainers, namesake } = who::find(&args.pid, &args.asked, &options)?;
    if let Some(namesake) = namesake {
        eprintln!("leakspy: {}", escape::terminal(&subject::namesake(&namesake)));
    }
    let shown =
        Options { top: Some(top), colour: args.color.wanted(&output), ..Options::default() };
    format.exporter.write(&retainers, &shown, &mut output).context("cannot write the report")?;
    output.finish()?;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn typed(words: &str) -> WhoArgs {
        let words = format!("leakspy who -p 4711 {words}");
        match Cli::try_parse_from(words.split_whitespace()).expect("a command line").command {
            Command::Who(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_subject_is_a_name_or_an_address() {
        for subject in ["dict", "bokeh.document.document.Document", "0x7f21c40a5d90", "módulo"] {
            assert_eq!(typed(subject).asked, subject);
        }
        let long = "x".repeat(2_000);
        for wrong in ["", "0xyz", "0x", "0x11112222333344445", long.as_str(), "-f pdf A", "-n 0 A"]
        {
            let words = format!("leakspy who -p 1 {wrong}");
            assert!(Cli::try_parse_from(words.split_whitespace()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pictures_are_named_or_follow_the_output() {
        let format = |words| {
            let args = typed(words);
            formats::chosen(&args.format, &args.output, RETAINERS_FORMATS).map(|format| format.name)
        };
        assert_eq!(format("A").expect("a format"), "text");
        assert_eq!(format("A -j").expect("a format"), "json");
        assert_eq!(format("A -o a.txt -f json").expect("a format"), "json");
        assert!(format("A -o a.png").expect_err("no format").0.contains("add -f with one of text"));
    }

    #[test]
    fn little_is_told_unless_asked() {
        let args = typed("A");
        assert!(!args.pause.pause && !args.values);
        assert_eq!((args.top.top, typed("A -n 3").top.top), (None, Some(3)));
        assert_eq!(typed("0X00AB").asked, "0xab");
    }
}
