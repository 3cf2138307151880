//! The sites of a document: rows that look the same to a reader are one site.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::Source;
use crate::model::{CallStack, Domain, Site, StackNote};
use crate::store::{StoreError, note};

/// A row of `site`.
struct SiteRow {
    id: i64,
    domain: Domain,
    size_class: u64,
    allocator: String,
    stack: Option<i64>,
    sums: Sums,
}

/// What sites did, in the order of the columns.
#[derive(Clone, Copy, Default)]
struct Sums {
    allocated_bytes: u64,
    allocated_count: u64,
    live_bytes: u64,
    live_count: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.allocated_bytes = self.allocated_bytes.saturating_add(other.allocated_bytes);
        self.allocated_count = self.allocated_count.saturating_add(other.allocated_count);
        self.live_bytes = self.live_bytes.saturating_add(other.live_bytes);
        self.live_count = self.live_count.saturating_add(other.live_count);
    }
}

/// The sites of a document.
pub(super) struct Sites {
    /// The largest first.
    pub sites: Vec<Site>,
    /// Which of them each row of `site` became part of.
    pub places: HashMap<i64, usize>,
}

/// What a reader can tell sites apart by: domain, size class, allocator, and frames by their looks.
type Look = (Domain, u64, String, Arc<[u32]>);

/// Rows that look the same: their sums, the stack of the first, and all their rows for the notes.
struct Group {
    sums: Sums,
    stack: CallStack,
    rows: Vec<i64>,
}

impl Source<'_> {
    /// All sites, the largest first.
    pub(super) fn sites(&self) -> Result<Sites, StoreError> {
        let mut stacks = self.stacks()?;
        let mut text = 0_usize;
        let mut groups: HashMap<Look, Group> = HashMap::new();
        for row in self.site_rows()? {
            let known = stacks.stack(row.stack)?;
            match groups.entry((row.domain, row.size_class, row.allocator, known.look)) {
                Entry::Occupied(mut group) => {
                    group.get_mut().sums.add(row.sums);
                    group.get_mut().rows.push(row.id);
                }
                Entry::Vacant(place) => {
                    text = text.saturating_add(known.text);
                    place.insert(Group { sums: row.sums, stack: known.stack, rows: vec![row.id] });
                }
            }
        }
        if text > self.limits.stack_text {
            return Err(self.damaged("the names in its stacks are more than can be printed"));
        }
        self.finished(groups)
    }

    fn finished(&self, groups: HashMap<Look, Group>) -> Result<Sites, StoreError> {
        let notes = self.site_notes()?;
        let ranked =
            ranked(groups).into_iter().map(|((domain, size_class, allocator, _), group)| {
                let notes = notes_of(&group.rows, &notes);
                (site(domain, size_class, allocator, group.stack, group.sums, notes), group.rows)
            });
        let mut sites: Vec<(Site, Vec<i64>)> = ranked.collect();
        // Stable, so that the order of equals is that of their looks.
        sites.sort_by_key(|(site, _)| Reverse((site.live_bytes, site.live_count)));
        let mut places = HashMap::new();
        for (index, (_, rows)) in sites.iter().enumerate() {
            places.extend(rows.iter().map(|row| (*row, index)));
        }
        Ok(Sites { sites: sites.into_iter().map(|(site, _)| site).collect(), places })
    }

    fn site_rows(&self) -> Result<Vec<SiteRow>, StoreError> {
        let sql = "SELECT id, domain, size_class, allocator, stack, allocated_bytes, \
                   allocated_count, freed_bytes, freed_count FROM site ORDER BY id";
        let rows = self.all(sql, self.limits.sites, "sites", |row| {
            let domain: String = row.get(1)?;
            let [allocated_bytes, allocated_count, freed_bytes, freed_count]: [u64; 4] =
                [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?];
            let sums = Sums {
                allocated_bytes,
                allocated_count,
                live_bytes: allocated_bytes.saturating_sub(freed_bytes),
                live_count: allocated_count.saturating_sub(freed_count),
            };
            Ok((domain, row.get(0)?, row.get(2)?, row.get(3)?, row.get(4)?, sums))
        })?;
        rows.into_iter()
            .map(|(domain, id, size_class, allocator, stack, sums)| {
                let domain = Domain::from_name(&domain)
                    .ok_or_else(|| self.damaged(format!("domain {domain:?} is not known")))?;
                Ok(SiteRow { id, domain, size_class, allocator, stack, sums })
            })
            .collect()
    }

    fn site_notes(&self) -> Result<HashMap<i64, Vec<StackNote>>, StoreError> {
        let sql = "SELECT site, text FROM site_note ORDER BY rowid";
        let rows =
            self.all(sql, self.limits.remarks, "notes", |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut notes: HashMap<i64, Vec<StackNote>> = HashMap::new();
        for (site, text) in rows {
            notes.entry(site).or_default().push(note::of_stack(text));
        }
        Ok(notes)
    }
}

/// The largest first; the order depends on the contents alone.
fn ranked(groups: HashMap<Look, Group>) -> Vec<(Look, Group)> {
    let mut groups: Vec<(Look, Group)> = groups.into_iter().collect();
    groups.sort_by(|(a_look, a), (b_look, b)| {
        let rank = |sums: Sums| (sums.live_bytes, sums.live_count, sums.allocated_bytes);
        rank(b.sums).cmp(&rank(a.sums)).then_with(|| a_look.cmp(b_look))
    });
    groups
}

fn notes_of(rows: &[i64], notes: &HashMap<i64, Vec<StackNote>>) -> Vec<StackNote> {
    let mut all = Vec::new();
    for note in rows.iter().filter_map(|row| notes.get(row)).flatten() {
        if !all.contains(note) {
            all.push(note.clone());
        }
    }
    all
}

fn site(
    domain: Domain,
    size_class: u64,
    allocator: String,
    stack: CallStack,
    sums: Sums,
    notes: Vec<StackNote>,
) -> Site {
    Site {
        id: Site::identify(domain, size_class, &allocator, &stack),
        live_bytes: sums.live_bytes,
        live_count: sums.live_count,
        allocated_bytes: sums.allocated_bytes,
        allocated_count: sums.allocated_count,
        size_class,
        domain,
        allocator,
        stack,
        notes,
    }
}
