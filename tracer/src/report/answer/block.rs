//! One leak: a line with its name and figures, and a row for each thing that is known.

use std::io;

use super::rows::{self, LeakFact};
use crate::model::{Document, Leak, Verdict};
use crate::report::escape;
use crate::report::quantity::rate;
use crate::report::text::page::{Page, Style};
use crate::report::width::{NARROW, columns, cut_end, cut_middle};

/// Columns before a row, and of its label.
const INDENT: usize = 3;
const LABEL: usize = 13;
/// An entry that explains a smaller share of the growth is told in brief beside one that explains a larger one.
const LITTLE: f64 = 0.02;
const MOST: f64 = 0.5;
/// Most columns of a name.
const NAME: usize = NARROW - INDENT - 2;

/// Writes it; what matters little in brief, unless all is wanted.
pub fn write(
    page: &mut Page<'_>,
    leak: &Leak,
    document: &Document,
    is_verbose: bool,
) -> io::Result<()> {
    page.gap()?;
    if is_minor(leak, document) && !is_verbose {
        return minor(page, leak, document);
    }
    title(page, leak)?;
    for LeakFact { label, text } in rows::rows(leak, document) {
        let mark = format!("{label:LABEL$}");
        page.item(INDENT, &mark, Style::Dim, &escape::terminal(&text))?;
    }
    Ok(())
}

/// Whether it is next to nothing of the growth, and another entry is most of it.
fn is_minor(leak: &Leak, document: &Document) -> bool {
    let growth = document.growth.as_ref().filter(|growth| growth.significant);
    let Some(slope) = growth.map(|growth| growth.slope_bytes_per_hour.est) else { return false };
    let share = |leak: &Leak| leak.explains.unwrap_or(leak.rate.bytes_per_hour.est / slope);
    let is_most = |other: &Leak| other.id != leak.id && share(other) >= MOST;
    share(leak) < LITTLE && document.leaks.iter().any(is_most)
}

/// Two lines: its figures, and where it is.
fn minor(page: &mut Page<'_>, leak: &Leak, document: &Document) -> io::Result<()> {
    let rank = format!("{}. ", leak.rank);
    // What is full grows no more.
    let figure = match leak.verdict {
        Verdict::CacheBounded => rows::figures(leak).join("   "),
        _ => rate::each(leak.rate.bytes_per_hour.est),
    };
    let after = format!("   {}   {figure}", rows::word(leak));
    let room = NARROW.saturating_sub(columns(&rank) + columns(&after));
    let name = cut_middle(&escape::terminal(&rows::title(leak)), room);
    page.line(&[(Style::Bold, &rank), (Style::Plain, &name), (Style::Plain, &after)])?;
    let is_place = |label: &str| !matches!(label, "proof" | "so" | "unless" | "pattern");
    let places = rows::rows(leak, document).into_iter().filter(|row| is_place(row.label));
    let places: Vec<String> = places.map(|row| format!("{} {}", row.label, row.text)).collect();
    let text = cut_end(&escape::terminal(&places.join(", ")), NARROW - INDENT);
    match text.is_empty() {
        true => Ok(()),
        false => page.paragraph(INDENT, &text),
    }
}

/// On one line where it fits, else the figures on the next.
fn title(page: &mut Page<'_>, leak: &Leak) -> io::Result<()> {
    let rank = format!("{}. ", leak.rank);
    let name = cut_middle(&escape::terminal(&rows::title(leak)), NAME);
    let word = rows::word(leak);
    let figures = rows::figures(leak).join("   ");
    let after = columns(word) + 3 + columns(&figures);
    match columns(&rank) + columns(&name) + 3 + after <= NARROW {
        true => page.line(&[
            (Style::Bold, &rank),
            (Style::Bold, &name),
            (Style::Plain, "   "),
            (Style::Warning, word),
            (Style::Plain, &format!("   {figures}")),
        ]),
        false => {
            page.line(&[(Style::Bold, &rank), (Style::Bold, &name)])?;
            let indent = " ".repeat(INDENT);
            page.line(&[
                (Style::Plain, &indent),
                (Style::Warning, word),
                (Style::Plain, &format!("   {figures}")),
            ])
        }
    }
}
