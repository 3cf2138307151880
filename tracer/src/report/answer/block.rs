//! One leak: a line with its name and figures, and a row for each thing that is known.

use std::io;

use super::rows::{self, LeakFact};
use crate::model::{Document, Leak};
use crate::report::escape;
use crate::report::text::page::{Page, Style};
use crate::report::width::{NARROW, columns, cut_middle};

/// Columns before a row, and of its label.
const INDENT: usize = 3;
const LABEL: usize = 13;
/// Most columns of a name.
const NAME: usize = NARROW - INDENT - 2;

pub fn write(page: &mut Page<'_>, leak: &Leak, document: &Document) -> io::Result<()> {
    page.gap()?;
    title(page, leak)?;
    for LeakFact { label, text } in rows::rows(leak, document) {
        let mark = format!("{label:LABEL$}");
        page.item(INDENT, &mark, Style::Dim, &escape::terminal(&text))?;
    }
    Ok(())
}

/// On one line where it fits, else the figures on the next.
fn title(page: &mut Page<'_>, leak: &Leak) -> io::Result<()> {
    let rank = format!("{}. ", leak.rank);
    let name = cut_middle(&escape::terminal(&leak.name), NAME);
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
