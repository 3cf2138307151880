//! Types that grow: a line of numbers each, what grows with it, and why it is thought so.

use std::io;

use crate::model::{Confidence, TypeGrowth, Verdict};
use crate::report::path::shortened;
use crate::report::quantity::{bytes, change, count, counted, percent, ratio, signed, whole};
use crate::report::text::page::{Page, Style};
use crate::report::width::{NARROW, columns, cut_end, cut_middle};
use crate::report::{escape, reasons};

/// Columns before the text of a type; room for its rank.
const INDENT: usize = 4;
/// Types that are told to grow together with one.
const TOGETHER: usize = 8;
/// Reasons that are reported.
const REASONS: usize = 4;

pub fn write(page: &mut Page<'_>, growth: &[TypeGrowth], top: usize) -> io::Result<()> {
    page.gap()?;
    let (told, quiet): (Vec<_>, Vec<_>) =
        growth.iter().partition(|found| found.verdict != Verdict::Baseline);
    if told.is_empty() {
        page.heading("What grows")?;
        return page.paragraph(2, &nothing(quiet.len()));
    }
    page.heading("What grows, most important first")?;
    rows(page, &told, top)?;
    rest(page, told.len().saturating_sub(top), quiet.len())
}

/// A header, and the first of `told` with their numbers.
pub fn rows(page: &mut Page<'_>, told: &[&TypeGrowth], top: usize) -> io::Result<()> {
    let header = row("+objects", "+bytes", "objects/h", "bytes/h", "retained", "verdict");
    page.line(&[(Style::Dim, &header)])?;
    told.iter().take(top).try_for_each(|found| one(page, found))
}

fn nothing(snapshot_of: usize) -> String {
    let types = counted(u64::try_from(snapshot_of).unwrap_or(u64::MAX), "type was", "types were");
    format!("Nothing; {types} followed. What leaks slowly shows only after longer (-d 1h).")
}

fn rest(page: &mut Page<'_>, more: usize, quiet: usize) -> io::Result<()> {
    let number = |number| u64::try_from(number).unwrap_or(u64::MAX);
    let mut sentences = Vec::new();
    if more > 0 {
        let types = counted(number(more), "more type grows", "more types grow");
        sentences.push(format!("{types}; --top shows more of them."));
    }
    if quiet > 0 {
        let types =
            counted(number(quiet), "type was followed and does", "types were followed and do");
        sentences.push(format!("{types} not grow."));
    }
    if sentences.is_empty() {
        return Ok(());
    }
    page.gap()?;
    page.paragraph(2, &sentences.join(" "))
}

fn one(page: &mut Page<'_>, found: &TypeGrowth) -> io::Result<()> {
    page.gap()?;
    let rank = format!("{:>2}. ", found.rank);
    let room = NARROW.saturating_sub(columns(&rank));
    let name = cut_middle(&escape::terminal(&found.name), room);
    page.line(&[(Style::Bold, &rank), (Style::Bold, &name)])?;
    page.line(&[(Style::Plain, &numbers(found))])?;
    if let Some(together) = together(found) {
        page.item(INDENT, "Together: ", Style::Bold, &together)?;
    }
    if let Some(retainer) = retained_by(found) {
        page.item(INDENT, "Retained by: ", Style::Bold, &retainer)?;
    }
    let told = &found.reasons[..found.reasons.len().min(REASONS)];
    match told.is_empty() {
        true => Ok(()),
        false => page.item(INDENT, "Why: ", Style::Bold, &escape::terminal(&reasons::joined(told))),
    }
}

fn numbers(found: &TypeGrowth) -> String {
    row(
        &signed(found.first_count, found.last_count),
        &change(found.first_bytes, found.last_bytes),
        &objects_rate(found.slope_objects_per_hour.est),
        &bytes_rate(found.slope_bytes_per_hour.est),
        &percent(found.retained_count, found.last_count),
        &verdict(found),
    )
}

fn row(
    objects: &str,
    size: &str,
    objects_rate: &str,
    rate: &str,
    retained: &str,
    word: &str,
) -> String {
    let row = format!(
        "{:INDENT$}{objects:>9}{size:>12}{objects_rate:>11}{rate:>12}{retained:>9}  {word}",
        ""
    );
    cut_end(&row, NARROW)
}

/// `leak, likely`; what is no leak needs no second word.
fn verdict(found: &TypeGrowth) -> String {
    let sure = match found.confidence {
        Confidence::Suspect => "suspect",
        Confidence::Likely => "likely",
        Confidence::Confirmed => "confirmed",
    };
    match found.verdict {
        Verdict::Leak => format!("leak, {sure}"),
        verdict => verdict.name().to_owned(),
    }
}

/// `module app → .cache: dict (12 items) → ['key']: app.Session`
fn retained_by(found: &TypeGrowth) -> Option<String> {
    let path = found.retainer.as_deref().filter(|path| !path.is_empty())?;
    Some(escape::terminal(&shortened(path).join(" → ")).into_owned())
}

fn objects_rate(per_hour: f64) -> String {
    falling(per_hour, count)
}

fn bytes_rate(per_hour: f64) -> String {
    falling(per_hour, bytes)
}

/// A number per hour with its sign where it shrinks; `?` for what is no number.
fn falling(per_hour: f64, say: impl Fn(u64) -> String) -> String {
    if !per_hour.is_finite() {
        return "?".to_owned();
    }
    let sign = if per_hour <= -0.5 { "−" } else { "" };
    format!("{sign}{}", say(whole(per_hour.abs().round())))
}

/// `+1 Document, +57 Model, +3.5 ColumnDataSource`
fn together(found: &TypeGrowth) -> Option<String> {
    if found.together.is_empty() {
        return None;
    }
    let one = format!("+1 {}", last(&found.name));
    let others = found
        .together
        .iter()
        .take(TOGETHER)
        .map(|(name, each)| format!("+{} {}", ratio(*each), last(name)));
    let more = found.together.len().saturating_sub(TOGETHER);
    let more = (more > 0).then(|| format!("and {more} more types"));
    Some(std::iter::once(one).chain(others).chain(more).collect::<Vec<_>>().join(", "))
}

/// The last part of a qualified name: the rest stands where the type has a line of its own.
fn last(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    cut_middle(&escape::terminal(last), 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_sign_where_they_fall() {
        assert_eq!(objects_rate(3_420.4), "3,420");
        assert_eq!(objects_rate(-3.0), "−3");
        assert_eq!(bytes_rate(2048.0), "2.0 KiB");
        assert_eq!(bytes_rate(f64::INFINITY), "?");
    }
}
