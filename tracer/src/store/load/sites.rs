//! The rows of `site`.

use std::collections::HashMap;

use super::{Source, series};
use crate::history::{Places, Sites};
use crate::model::{Domain, Site, StackNote, Totals};
use crate::store::{StoreError, note};

/// A row of `site`.
struct Row {
    id: i64,
    domain: Domain,
    size_class: u64,
    allocator: String,
    stack: Option<i64>,
    totals: Totals,
}

impl Source<'_> {
    /// All sites, the largest first, and which of them each row became part of.
    pub(super) fn sites(&self) -> Result<(Vec<Site>, Places), StoreError> {
        let (mut stacks, mut notes) = (self.stacks()?, self.site_notes()?);
        let (mut sites, mut text) = (Sites::default(), 0_usize);
        for row in self.site_rows()? {
            let known = stacks.stack(row.stack)?;
            text = text.saturating_add(known.text);
            if text > self.limits.stack_text {
                return Err(self.damaged("the names in its stacks are more than can be printed"));
            }
            let appearance = (row.domain, row.size_class, row.allocator, known.stack);
            let notes = notes.remove(&row.id).unwrap_or_default();
            sites.add(row.id, appearance, row.totals, notes);
        }
        Ok(sites.finish())
    }

    fn site_rows(&self) -> Result<Vec<Row>, StoreError> {
        let sql = "SELECT id, domain, size_class, allocator, stack, allocated_bytes, \
                   allocated_count, freed_bytes, freed_count FROM site ORDER BY id";
        let rows = self.all(sql, self.limits.sites, "sites", |row| {
            let domain: String = row.get(1)?;
            let totals = series::totals(row, 5)?;
            Ok((domain, row.get(0)?, row.get(2)?, row.get(3)?, row.get(4)?, totals))
        })?;
        rows.into_iter()
            .map(|(domain, id, size_class, allocator, stack, totals)| {
                let domain = Domain::from_name(&domain)
                    .ok_or_else(|| self.damaged(format!("domain {domain:?} is not known")))?;
                Ok(Row { id, domain, size_class, allocator, stack, totals })
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
