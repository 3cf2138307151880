//! The table of types.

use std::io;

use crate::model::TypeCount;
use crate::report::quantity::{bytes, count, percent};
use crate::report::text::page::{Page, Style};
use crate::report::width::{NARROW, cut_middle};
use crate::report::{escape, quantity};

/// Columns of the numbers, with the gaps behind them.
const NUMBERS: usize = 2 + 10 + 9 + 14 + 2;

pub fn write(page: &mut Page<'_>, types: &[TypeCount], all: u64, top: usize) -> io::Result<()> {
    page.gap()?;
    let (shown, rest) = types.split_at(types.len().min(top));
    page.heading(&match rest.is_empty() {
        true => "Types by bytes".to_owned(),
        false => format!("Types by bytes: the largest {} of {}", number(shown), number(types)),
    })?;
    if shown.is_empty() {
        return page.paragraph(2, "No objects were found.");
    }
    page.line(&[(Style::Dim, &row("bytes", "share", "objects", "type"))])?;
    for kind in shown {
        let name = cut_middle(&escape::terminal(&kind.name), NARROW - NUMBERS);
        let share = percent(kind.bytes, all);
        page.line(&[(Style::Plain, &row(&bytes(kind.bytes), &share, &count(kind.count), &name))])?;
    }
    more(page, rest, all)
}

fn row(bytes: &str, share: &str, objects: &str, name: &str) -> String {
    // Twenty digits with their commas are wider than their column; the name moves, then the line is
    // cut.
    let row = format!("  {bytes:>10}{share:>9}{objects:>14}  {name}");
    crate::report::width::cut_end(&row, NARROW)
}

/// What was not shown, so that the shares add up.
fn more(page: &mut Page<'_>, rest: &[TypeCount], all: u64) -> io::Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    let sum = rest.iter().fold(0, |sum: u64, kind| sum.saturating_add(kind.bytes));
    let objects = rest.iter().fold(0, |sum: u64, kind| sum.saturating_add(kind.count));
    let (types, hold) = if rest.len() == 1 { ("type", "holds") } else { ("types", "hold") };
    page.gap()?;
    page.paragraph(
        2,
        &format!(
            "{} more {types} {hold} {} ({}) in {}; --top shows more of them.",
            number(rest),
            bytes(sum),
            percent(sum, all),
            quantity::counted(objects, "object", "objects"),
        ),
    )
}

fn number(types: &[TypeCount]) -> String {
    count(u64::try_from(types.len()).unwrap_or(u64::MAX))
}
