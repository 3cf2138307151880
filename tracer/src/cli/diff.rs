//! `leakspy diff`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::exit::{Exit, UsageError};
use super::options::FormatArgs;
use super::output::Output;
use super::show::ShowArgs;
use super::{formats, show, units};
use crate::model::Document;
use crate::report::{DIFFERENCES, DifferenceFormat, Pair, Side, document_at, quantity};

/// Most names of marks in a message.
const MOST_MARKS: usize = 8;

/// Options of `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// Recording from before, or the only one
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Recording from after
    #[arg(value_name = "AFTER", conflicts_with_all = ["from", "to"])]
    pub after: Option<PathBuf>,
    /// Moment of one recording to compare from: start, end, a time such as 10m since its start, or
    /// the name of a mark [default: start]
    #[arg(long, value_name = "MOMENT")]
    pub from: Option<String>,
    /// Moment to compare to [default: end]
    #[arg(long, value_name = "MOMENT")]
    pub to: Option<String>,
    /// Only the stacks of this leak, by its id in `leaks` (`id:…`), between two moments
    #[arg(long, value_name = "ID", conflicts_with = "after", help_heading = "What to show")]
    pub leak: Option<String>,
    /// How to write it.
    #[command(flatten)]
    pub format: FormatArgs<&'static DifferenceFormat>,
    /// How to show it.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Compares two recordings, or two moments of one.
pub fn run(args: &DiffArgs) -> Result<Exit> {
    let format = formats::chosen(&args.format, &args.show.output, DIFFERENCES)?;
    match &args.after {
        Some(after) => recordings(&args.before, after, format, &args.show),
        None if args.from.is_none() && args.to.is_none() && args.leak.is_none() => Err(UsageError(format!(
            "there is nothing to compare {} with; add another recording, or --from and --to for two \
             moments of it",
            args.before.display()
        ))
        .into()),
        None => moments(args, format),
    }
}

/// Compares two recordings.
pub fn recordings(
    before: &Path,
    after: &Path,
    format: &DifferenceFormat,
    args: &ShowArgs,
) -> Result<Exit> {
    let output = show::open(args, format)?;
    let documents = (show::document(before)?, show::document(after)?);
    let names = (before.display().to_string(), after.display().to_string());
    compare(names, documents, format, args, output)
}

/// Writes the difference of two documents that are called so.
fn compare(
    names: (String, String),
    documents: (Document, Document),
    format: &DifferenceFormat,
    args: &ShowArgs,
    output: Output,
) -> Result<Exit> {
    let pair = Pair {
        before: Side { name: &names.0, document: &documents.0 },
        after: Side { name: &names.1, document: &documents.1 },
    };
    let options = show::options(args, &output);
    show::finish(output, |output| format.exporter.write(&pair, &options, output))?;
    Ok(Exit::Fine)
}

fn moments(args: &DiffArgs, format: &DifferenceFormat) -> Result<Exit> {
    let output = show::open(&args.show, format)?;
    let document = match &args.leak {
        Some(id) => show::stacks_of_leak(&args.before, id)?,
        None => show::history(&args.before)?,
    };
    let from = moment(&document, args.from.as_deref().unwrap_or("start"))?;
    let to = moment(&document, args.to.as_deref().unwrap_or("end"))?;
    if from.t > to.t {
        let advice = format!("--from {} is later than --to {}", from.name, to.name);
        return Err(UsageError(advice).into());
    }
    let file = args.before.display();
    let at = |moment: &Moment| {
        document_at(&document, moment.t).ok_or_else(|| {
            anyhow::anyhow!(
                "{file} has no history of its stacks, so its moments cannot be compared; compare two \
                 recordings instead"
            )
        })
    };
    let documents = (at(&from)?, at(&to)?);
    let names = (format!("{file} at {}", from.name), format!("{file} at {}", to.name));
    compare(names, documents, format, &args.show, output)
}

/// A moment of a recording, in seconds since its start.
#[derive(Debug, PartialEq)]
struct Moment {
    t: f64,
    name: String,
}

/// `start`, `end`, the name of a mark (of several the last), or a time since the start.
fn moment(document: &Document, text: &str) -> Result<Moment, UsageError> {
    let end = document.capture.seconds;
    let moment = |t: f64, name: &str| Ok(Moment { t, name: name.to_owned() });
    match text {
        "start" => return moment(0.0, "the start"),
        "end" => return moment(end, "the end"),
        _ => {}
    }
    let marks = &document.history.marks;
    if let Some(mark) = marks.iter().rfind(|mark| mark.name == text) {
        return moment(mark.t, text);
    }
    match units::duration(text).map(|time| time.as_secs_f64()) {
        Ok(t) if t <= end => moment(t, text),
        Ok(_) => {
            let length = quantity::duration(end);
            Err(UsageError(format!("the recording ended after {length}, before {text}")))
        }
        Err(_) => Err(UsageError(format!(
            "the recording has no moment `{text}`: give start, end, a time such as 10m, {}",
            known_marks(document)
        ))),
    }
}

fn known_marks(document: &Document) -> String {
    let marks = &document.history.marks;
    let mut names: Vec<&str> = marks.iter().map(|mark| mark.name.as_str()).collect();
    names.dedup();
    names.truncate(MOST_MARKS);
    match names.as_slice() {
        [] => "or the name of a mark, of which it has none".to_owned(),
        _ => format!("or a mark: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mark;
    use crate::report::samples;

    fn marked() -> Document {
        let mut document = samples::one_site();
        let mark = |t, name: &str| Mark { t, name: name.to_owned() };
        document.history.marks = vec![mark(5.0, "deploy"), mark(40.0, "deploy"), mark(50.0, "10s")];
        document
    }

    #[test]
    fn moments_are_words_marks_or_times() {
        let document = marked();
        let t = |text: &str| moment(&document, text).map(|moment| moment.t).ok();
        assert_eq!(t("start"), Some(0.0));
        assert_eq!(t("end"), Some(60.0));
        assert_eq!(t("deploy"), Some(40.0));
        assert_eq!(t("10s"), Some(50.0));
        assert_eq!(t("20s"), Some(20.0));
        assert_eq!(t("1m"), Some(60.0));
        assert_eq!(t("2m"), None);
    }

    #[test]
    fn what_is_no_moment_is_answered_with_those_there_are() {
        let said =
            |document: &Document| moment(document, "noon").expect_err("an error").to_string();
        assert!(said(&marked()).ends_with("or a mark: deploy, 10s"));
        assert!(said(&samples::empty()).ends_with("of which it has none"));
    }
}
