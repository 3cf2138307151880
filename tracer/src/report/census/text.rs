//! A census as a page to read.

use std::io::{self, Write};

use super::{CensusExporter, closing, growth, pools, sessions, types};
use crate::model::{Census, Verdict};
use crate::report::Options;
use crate::report::quantity::{bytes, counted};
use crate::report::text::page::Page;

/// Types that are listed by default.
const TOP: usize = 20;

/// The page.
pub struct CensusText;

impl CensusExporter for CensusText {
    fn write(&self, census: &Census, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut page = Page::narrow(out, options.colour);
        let top = options.top.unwrap_or(TOP);
        page.heading(&headline(census))?;
        let snapshot_of = closing::snapshot_of(&census.target, &census.snapshot);
        page.paragraph(0, &format!("{snapshot_of} {}", tracked(census)))?;
        if let Some(found) = &census.growth {
            growth::write(&mut page, found, top)?;
        }
        types::write(&mut page, &census.types, census.snapshot.bytes, top)?;
        if let Some(found) = &census.pools {
            pools::write(&mut page, found)?;
        }
        if let Some(found) = &census.sessions {
            sessions::write(&mut page, found)?;
        }
        closing::write(&mut page, &census.target, &census.snapshot, &census.tool, &[])
    }
}

/// The answer: what leaks, or what is there.
fn headline(census: &Census) -> String {
    let kinds = u64::try_from(census.types.len()).unwrap_or(u64::MAX);
    let holds = format!(
        "{} of {}, {}",
        counted(census.snapshot.objects, "object", "objects"),
        counted(kinds, "type", "types"),
        bytes(census.snapshot.bytes)
    );
    let Some(growth) = &census.growth else { return holds };
    let number = |verdict| growth.iter().filter(|found| found.verdict == verdict).count();
    let count = |verdict| u64::try_from(number(verdict)).unwrap_or(u64::MAX);
    match (count(Verdict::Leak), count(Verdict::Undetermined)) {
        (0, 0) => format!("No type grows that should not; {holds}"),
        (0, early) => {
            let types = counted(early, "type grows", "types grow");
            format!("{types}, but it is too early to say why; {holds}")
        }
        (leaks, _) => format!("{}; {holds}", counted(leaks, "type leaks", "types leak")),
    }
}

fn tracked(census: &Census) -> String {
    let objects = counted(census.snapshot.tracked_objects, "object is", "objects are");
    format!("{objects} in the lists of the garbage collector; the others were found through them.")
}
