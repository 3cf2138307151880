//! Types of Python objects that grow: what a leak of small objects is made of, which no stack shows.

use std::io;

use crate::model::{Document, TypeGrowth, Verdict};
use crate::report::census::growth::rows;
use crate::report::quantity::counted;
use crate::report::text::page::Page;

/// Types that are told.
const TOP: usize = 3;
/// The same, when somebody wants to see more of everything.
const TOP_OF_MORE: usize = 10;

pub fn write(page: &mut Page<'_>, document: &Document, more: bool) -> io::Result<()> {
    let Some(types) = &document.types else { return Ok(()) };
    let of = |verdict| types.iter().filter(move |found| found.verdict == verdict);
    let leaking: Vec<&TypeGrowth> = of(Verdict::Leak).collect();
    let open = of(Verdict::Undetermined).count();
    page.gap()?;
    page.heading("Python objects")?;
    if leaking.is_empty() {
        return page.paragraph(2, &quiet(types.len(), open));
    }
    let top = if more { TOP_OF_MORE } else { TOP };
    rows(page, &leaking, top)?;
    let hidden = leaking.len().saturating_sub(top);
    if hidden > 0 {
        let hidden = counted(number(hidden), "more type grows", "more types grow");
        page.gap()?;
        page.paragraph(2, &format!("{hidden} like a leak; -f json has them all."))?;
    }
    Ok(())
}

fn quiet(followed: usize, open: usize) -> String {
    let followed = counted(number(followed), "type that grew was", "types that grew were");
    match open {
        0 => format!("Quiet: {followed} followed, and none grows like a leak."),
        _ => {
            let open = counted(number(open), "of them needs", "of them need");
            format!("No type grows like a leak yet: {followed} followed, {open} a longer look.")
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
