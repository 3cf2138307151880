//! Who holds objects of a process.

use super::census::tool;
use super::error::SessionError;
use super::heap::{HeapReading, HeapTarget, ReadingWanted};
use crate::heap::{self, Depth, FoundSubject, Heap, Named, NoHeapSubject, Retainers, View};
use crate::model::{Address, CENSUS_SCHEMA, Namesake, RetainerGroup, RetainerReport};

/// How the answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhoOptions {
    /// Whether the process stands still meanwhile.
    pub pause: bool,
    /// Whether strings of the process are told in full.
    pub values: bool,
    /// Most kinds of paths that are reported.
    pub top: usize,
}

/// Finds what keeps the objects that `asked` means: a type, an address (`0x…`) or a module.
///
/// # Errors
/// As `HeapTarget::open` and `HeapTarget::snapshot`, or there is nothing of that name.
pub fn find(selector: &str, asked: &str, options: &WhoOptions) -> Result<Answer, SessionError> {
    let mut target = HeapTarget::open(selector)?;
    let code_type = target.code_type();
    let wanted = ReadingWanted {
        pause: options.pause,
        depth: Depth { graph: true, sums: true, ..Depth::default() },
    };
    let HeapReading { value, snapshot } = target.snapshot(wanted, |view, heap, roots| {
        let subject = heap::find(view, heap, asked)?;
        Ok::<_, NoHeapSubject>(answer(view, heap, roots, code_type, subject, options))
    })?;
    let Found { subject, bytes, mut groups, more } = value?;
    find_pointers(&target, &mut groups);
    let retainers = RetainerReport {
        schema: CENSUS_SCHEMA,
        tool: tool(),
        target: target.document(),
        snapshot,
        asked: asked.to_owned(),
        count: u64::try_from(subject.objects.len()).unwrap_or(u64::MAX),
        subject: subject.subject,
        bytes,
        groups,
        more_groups: more,
    };
    Ok(Answer { retainers, namesake: subject.namesake })
}

/// Groups whose first objects are looked for in memory.
const SEARCHED: usize = 3;

/// Where the addresses of objects are written that something outside the Python heap holds.
fn find_pointers(target: &HeapTarget, groups: &mut [RetainerGroup]) {
    let outside = groups.iter_mut().filter_map(|group| group.outside.as_mut());
    let mut outside: Vec<_> = outside.take(SEARCHED).collect();
    let wanted: Vec<Address> = outside.iter().map(|outside| outside.address).collect();
    let found = if wanted.is_empty() { None } else { target.pointers(&wanted) };
    for (outside, found) in outside.iter_mut().zip(found.into_iter().flatten()) {
        outside.pointers = Some(found);
    }
}

/// What was found.
pub struct Answer {
    /// Objects, and what retains them.
    pub retainers: RetainerReport,
    /// What else the name could have meant.
    pub namesake: Option<Namesake>,
}

struct Found {
    subject: FoundSubject,
    bytes: u64,
    groups: Vec<RetainerGroup>,
    more: u64,
}

fn answer(
    view: &View<'_>,
    heap: &mut Heap,
    roots: Vec<Named>,
    code_type: Address,
    subject: FoundSubject,
    options: &WhoOptions,
) -> Found {
    let objects: Vec<(u32, u64)> = heap.bytes_of(view, &subject.objects);
    let bytes = objects.iter().fold(0, |sum: u64, object| sum.saturating_add(object.1));
    let held = Retainers::new(view, heap, roots, code_type).with_values(options.values);
    let (groups, more) = held.groups(&objects, options.top);
    Found { subject, bytes, groups, more }
}
