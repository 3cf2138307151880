//! The report that a person reads. Never wider than [`width::COLUMNS`](super::width::COLUMNS).

pub(super) mod closing;
pub(super) mod entry;
pub(super) mod head;
pub(super) mod page;

use std::io::{self, Write};

use self::page::Page;
use super::{Exporter, Options, quantity, stacks};
use crate::model::Document;

/// Stacks shown unless the reader wants more.
const TOP: usize = 20;

/// A page for people.
pub struct Text;

impl Exporter for Text {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut page = Page::new(out, options.colour);
        let stacks = stacks::ranked(document, options);
        let total = stacks::total_live(&stacks).bytes;
        head::write(&mut page, document, &stacks)?;
        let shown = &stacks[..stacks.len().min(options.top.unwrap_or(TOP))];
        if stacks.is_empty() {
            page.gap()?;
            page.paragraph(0, "Nothing that was allocated in that time is still live.")?;
        } else {
            heading(&mut page, shown.len(), stacks.len())?;
        }
        for (index, stack) in shown.iter().enumerate() {
            entry::write(&mut page, index + 1, stack, total)?;
        }
        rest(&mut page, &stacks[shown.len()..], total)?;
        closing::write(&mut page, document)
    }
}

fn heading(page: &mut Page<'_>, shown: usize, all: usize) -> io::Result<()> {
    page.gap()?;
    page.heading(&if shown == all {
        "Still live, by stack, largest first".to_owned()
    } else {
        format!("Still live, by stack: the largest {} of {}", number(shown), number(all))
    })
}

/// What was not shown, so that the shares add up.
fn rest(page: &mut Page<'_>, rest: &[stacks::Stack<'_>], total: u64) -> io::Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    let bytes = stacks::total_live(rest).bytes;
    page.gap()?;
    let (stacks, hold) = if rest.len() == 1 { ("stack", "holds") } else { ("stacks", "hold") };
    page.paragraph(
        0,
        &format!(
            "{} more {stacks} {hold} {} ({}); --top shows more of them.",
            number(rest.len()),
            quantity::bytes(bytes),
            quantity::percent(bytes, total),
        ),
    )
}

fn number(length: usize) -> String {
    quantity::count(u64::try_from(length).unwrap_or(u64::MAX))
}
