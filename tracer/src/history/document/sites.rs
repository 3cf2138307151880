//! The sites of a document: rows that look the same to a reader are one site.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use crate::model::{CallStack, Domain, FrameIdentity, Site, StackNote, Totals};

/// Which site of a document each row became part of.
pub type Places = HashMap<i64, usize>;

/// Rows so far.
#[derive(Debug, Default)]
pub struct Sites {
    groups: HashMap<SiteAppearance, Group>,
}

/// What a reader can tell sites apart by. Equal ones may have stacks that differ in what no report
/// shows.
#[derive(Debug)]
struct SiteAppearance {
    domain: Domain,
    size_class: u64,
    allocator: String,
    stack: CallStack,
}

/// Rows that look the same: their sums, all of them, and their notes.
#[derive(Debug, Default)]
struct Group {
    sums: Totals,
    rows: Vec<i64>,
    notes: Vec<StackNote>,
}

impl Sites {
    /// Adds a row; the stack of the first of those that look the same is shown. `sums` are those
    /// since the start.
    pub fn add(
        &mut self,
        row: i64,
        (domain, size_class, allocator, stack): (Domain, u64, String, CallStack),
        sums: Totals,
        notes: impl IntoIterator<Item = StackNote>,
    ) {
        let appearance = SiteAppearance { domain, size_class, allocator, stack };
        let group = self.groups.entry(appearance).or_default();
        group.sums = group.sums.plus(sums);
        group.rows.push(row);
        for note in notes {
            if !group.notes.contains(&note) {
                group.notes.push(note);
            }
        }
    }

    /// All sites, the largest first; the order depends on the contents alone.
    pub fn finish(self) -> (Vec<Site>, Places) {
        let mut groups: Vec<(SiteAppearance, Group)> = self.groups.into_iter().collect();
        let rank = |group: &Group| Reverse((group.sums.live(), group.sums.allocated.bytes));
        groups.sort_by(|(a_appearance, a), (b_appearance, b)| {
            rank(a).cmp(&rank(b)).then_with(|| a_appearance.compare(b_appearance))
        });
        let (mut sites, mut places) = (Vec::with_capacity(groups.len()), Places::new());
        for (appearance, group) in groups {
            places.extend(group.rows.iter().map(|row| (*row, sites.len())));
            sites.push(appearance.site(group));
        }
        (sites, places)
    }
}

impl SiteAppearance {
    fn frames(&self) -> impl Iterator<Item = FrameIdentity<'_>> {
        self.stack.iter().map(|frame| frame.identity())
    }

    fn kind(&self) -> (Domain, u64, &str) {
        (self.domain, self.size_class, &self.allocator)
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.kind().cmp(&other.kind()).then_with(|| self.frames().cmp(other.frames()))
    }

    fn site(self, group: Group) -> Site {
        let Self { domain, size_class, allocator, stack } = self;
        Site {
            id: Site::identify(domain, size_class, &allocator, &stack),
            live: group.sums.live(),
            allocated: group.sums.allocated,
            size_class,
            domain,
            allocator,
            stack,
            notes: group.notes,
        }
    }
}

impl PartialEq for SiteAppearance {
    fn eq(&self, other: &Self) -> bool {
        let shared = || std::ptr::eq(self.stack.shared(), other.stack.shared());
        self.kind() == other.kind() && (shared() || self.frames().eq(other.frames()))
    }
}

impl Eq for SiteAppearance {}

impl Hash for SiteAppearance {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind().hash(state);
        self.frames().for_each(|frame| frame.hash(state));
    }
}
