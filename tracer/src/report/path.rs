//! One kind of path in words: what is at its begin, and a line for each reference.

mod chosen;

use std::io;

pub use self::chosen::{Chosen, chosen};
use crate::model::{Hop, ObjectDetail, Reference, RetainerGroup, RootKind};
use crate::report::escape;
use crate::report::quantity::count;
use crate::report::text::page::{Page, Style};
use crate::report::width::{NARROW, columns, cut_end, cut_middle};

/// References that are shown at either end of a path that is too long for a page.
const ENDS: usize = 20;
/// Steps of a path in a sentence.
const STEPS: usize = 12;
/// Most columns of the way to an object, and of what is known about it.
const VIA_COLUMNS: usize = 32;
const DETAIL_COLUMNS: usize = 24;

/// A step of a path that may be too long to be shown whole.
pub enum ShownStep<'a> {
    /// One reference.
    Reference(&'a Reference),
    /// So many that are left out.
    More(usize),
}

/// A path, of which about `ends` references are left at either end, and all that may be the one that should have been
/// let go.
pub fn steps(path: &[Reference], ends: usize) -> Vec<ShownStep<'_>> {
    let decides = |at: usize| Hop::parse(&path[at].words()).is_some_and(|hop| hop.may_decide());
    let step = |one| match one {
        Chosen::One(at) => ShownStep::Reference(&path[at]),
        Chosen::More(more) => ShownStep::More(more),
    };
    chosen(path.len(), 2 * ends, decides).into_iter().map(step).collect()
}

/// What is at the begin of a path, after a count of objects: `held from module x`.
pub fn retained_from(group: &RetainerGroup) -> String {
    let name = cut_middle(&escape::terminal(&group.root_name), 200);
    match group.root {
        RootKind::Module | RootKind::Frame => format!("retained from {name}"),
        RootKind::StaticType => format!("retained from the static type {name}"),
        RootKind::Native if group.outside.as_ref().is_some_and(|it| it.found >= it.counted) => {
            format!("retained by something that was not seen: {name}")
        }
        RootKind::Native => format!(
            "retained by C code or by something else outside the Python heap: {name} has more references than \
             were found"
        ),
        RootKind::Garbage => {
            format!(
                "retained by nothing but each other: garbage until the collector comes, such as {name}"
            )
        }
    }
}

/// A line for each reference.
pub fn write(page: &mut Page<'_>, indent: usize, path: &[Reference]) -> io::Result<()> {
    for step in steps(path, ENDS) {
        match step {
            ShownStep::Reference(reference) => line(page, indent, reference)?,
            ShownStep::More(more) => {
                let more = count(u64::try_from(more).unwrap_or(u64::MAX));
                page.paragraph(indent, &format!("… {more} more references …"))?;
            }
        }
    }
    Ok(())
}

/// `.registry → weakref.WeakKeyDictionary, 412 items  0x7f21c40a5d90`
fn line(page: &mut Page<'_>, indent: usize, reference: &Reference) -> io::Result<()> {
    let via = cut_middle(&escape::terminal(&reference.notation()), VIA_COLUMNS);
    let arrow = if reference.certain { " → " } else { " ⇢ " };
    let address = format!("  {}", cut_end(&reference.address.to_string(), 18));
    let (shown, awaits) = match &reference.detail {
        Some(ObjectDetail::Awaits { .. }) => (None, reference.detail.as_ref()),
        detail => (detail.as_ref(), None),
    };
    let mut room = NARROW.saturating_sub(indent + columns(&via) + 3 + columns(&address));
    let detail = shown.map_or_else(String::new, |detail| {
        let detail = detail.notation();
        let limit = DETAIL_COLUMNS.max(room.saturating_sub(2 + columns(&reference.class)));
        format!(", {}", cut_middle(&escape::terminal(&detail), limit.min(room.saturating_sub(10))))
    });
    room = room.saturating_sub(columns(&detail));
    let class = cut_middle(&escape::terminal(&reference.class), room);
    let before = " ".repeat(indent);
    page.line(&[
        (Style::Plain, &before),
        (Style::Plain, &via),
        (Style::Dim, arrow),
        (Style::Bold, &class),
        (Style::Plain, &detail),
        (Style::Dim, &address),
    ])?;
    match awaits {
        Some(chain) => {
            let chain = escape::terminal(&chain.notation()).into_owned();
            page.item(indent + 2, "waits in ", Style::Dim, &chain)
        }
        None => Ok(()),
    }
}

/// Steps of a path; of a long one both ends, and what may be the reference that should have been let go.
pub fn shortened(path: &[String]) -> Vec<String> {
    let decides = |at: usize| Hop::parse(&path[at]).is_some_and(|hop| hop.may_decide());
    let step = |one| match one {
        Chosen::One(at) => path[at].clone(),
        Chosen::More(more) => format!("… {more} more …"),
    };
    chosen(path.len(), STEPS, decides).into_iter().map(step).collect()
}
