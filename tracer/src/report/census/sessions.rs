//! Sessions of servers: how many there are, how many are served, what keeps the others.

use std::io;

use crate::model::{RetainerGroup, SessionCount};
use crate::report::quantity::{bytes, count, counted};
use crate::report::text::page::{Page, Style};
use crate::report::width::cut_middle;
use crate::report::{escape, path};

/// Columns before a reference.
const PATH_INDENT: usize = 6;

pub fn write(page: &mut Page<'_>, sessions: &[SessionCount]) -> io::Result<()> {
    page.gap()?;
    page.heading("Sessions")?;
    if sessions.is_empty() {
        return page.paragraph(2, "None of Bokeh, Panel or Streamlit were found.");
    }
    for (index, kind) in sessions.iter().enumerate() {
        if index > 0 {
            page.gap()?;
        }
        let name = format!("{}: ", cut_middle(&escape::terminal(&kind.name), 56));
        page.line(&[(Style::Plain, "  "), (Style::Bold, &name)])?;
        page.paragraph(4, &numbers(kind))?;
        for group in &kind.retainers {
            retainer(page, group)?;
        }
    }
    Ok(())
}

/// `69 alive, 3 of them open; the other 66 keep 12.0 MiB that nothing else keeps.`
fn numbers(kind: &SessionCount) -> String {
    let alive = count(kind.alive);
    let keep = |number: u64| match kind.retained_bytes {
        Some(retained) => format!(
            "{} {} that nothing else retains",
            if number == 1 { "retains" } else { "retain" },
            bytes(retained)
        ),
        None => format!("{} still there", if number == 1 { "is" } else { "are" }),
    };
    match kind.open {
        Some(open) if open >= kind.alive => format!("{alive} alive, and all of them open."),
        Some(open) => {
            let closed = kind.alive - open;
            let others = counted(closed, "that is closed", "that are closed");
            format!("{alive} alive, {} of them open; the {others} {}.", count(open), keep(closed))
        }
        None => {
            format!("{alive} alive; which of them are open cannot be told. They {}.", keep(2))
        }
    }
}

fn retainer(page: &mut Page<'_>, group: &RetainerGroup) -> io::Result<()> {
    page.gap()?;
    page.paragraph(4, &format!("{} {}", count(group.count), path::retained_from(group)))?;
    path::write(page, PATH_INDENT, &group.path)
}
