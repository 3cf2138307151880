//! Types of Python objects that grow: what a leak of small objects is made of, which no stack
//! shows.

use std::io;

use crate::model::{Document, TypeGrowth, Verdict};
use crate::report::census::growth::rows;
use crate::report::quantity::counted;
use crate::report::text::page::Page;

/// Types that are reported.
const TOP: usize = 3;
/// The same, when somebody wants to see more of everything.
const TOP_OF_MORE: usize = 10;

/// The chapter; nothing where objects were not counted. `more` for those who want to see more of
/// everything.
///
/// # Errors
/// Those of the page.
pub fn write(page: &mut Page<'_>, document: &Document, more: bool) -> io::Result<()> {
    let Some(types) = &document.types else { return Ok(()) };
    let leaking = |found: &&TypeGrowth| found.verdict == Verdict::Leak;
    let leaking: Vec<&TypeGrowth> = types.iter().filter(leaking).collect();
    page.gap()?;
    page.heading("Python objects")?;
    if leaking.is_empty() {
        return page.paragraph(2, &no_leak(types));
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

/// What to say where no type grows like a leak.
pub fn no_leak(types: &[TypeGrowth]) -> String {
    let open = types.iter().filter(|found| found.verdict == Verdict::Undetermined).count();
    let followed = types.len();
    if followed == 0 {
        return "No leak: they were counted, and of no type there were more at the end.".to_owned();
    }
    let followed = counted(number(followed), "type that grew was", "types that grew were");
    match open {
        0 => format!("No leak: {followed} followed, and none grows like a leak."),
        _ => {
            let open = counted(number(open), "of them needs", "of them need");
            format!("No type grows like a leak yet: {followed} followed, {open} a longer watch.")
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
