//! From a recording in memory to its document.

use super::{Head, InMemory, KnownSite};
use crate::history::document::{Contradiction, Places, Series, Sites, in_order, memory_point};
use crate::history::finite;
use crate::model::{
    Capture, Document, GrownContainer, History, Note, Owner, ProcessPoint, RetainedPoint, SCHEMA,
    Site, SiteHistory, SitePoint, Tool,
};

impl InMemory {
    /// The document so far, with its history. What was reported since the last tick may be in it or
    /// not.
    ///
    /// # Errors
    /// Nothing was reported yet, or what was reported contradicts itself.
    pub fn document(&self) -> Result<Document, Contradiction> {
        let head = self.head.as_ref().ok_or_else(|| Contradiction("it holds nothing".into()))?;
        let process: Vec<ProcessPoint> = self.kept.ticks.values().map(|tick| tick.0).collect();
        let end = process.last().map_or(0.0, |point| point.t);
        let (sites, histories, places) = self.sites_until(end)?;
        let collections: Vec<_> = self.kept.collections.values().copied().collect();
        in_order(process.iter().map(|point| point.t), "ticks")?;
        in_order(self.marks.iter().map(|mark| mark.t), "marks")?;
        in_order(collections.iter().map(|collection| collection.t), "collections")?;
        in_order(self.counts.iter().map(|count| count.0), "counts of objects")?;
        in_order(self.malloc.iter().map(|point| point.t), "readings of malloc")?;
        let place = |key: &u64| Some(*places.get(&i64::try_from(*self.places.get(key)?).ok()?)?);
        let named = |container: &GrownContainer<u64>| {
            container.rename(|key| sites.get(place(key)?).map(Site::as_growth))
        };
        let containers = self.containers.iter().map(named).collect();
        Ok(Document {
            schema: SCHEMA,
            tool: Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            target: head.target.clone(),
            capture: head.capture(end),
            losses: self.counters.values().cloned().collect(),
            memory: process.iter().filter_map(memory_point).collect(),
            malloc: self.malloc.clone(),
            growth: None,
            leaks: Vec::new(),
            findings: Vec::new(),
            types: None,
            sites,
            history: History {
                process,
                marks: self.marks.clone(),
                collections,
                sites: histories,
                counts: self.counts.len(),
                types: self.types.to_vec(),
                type_retainers: self.type_retainers.to_vec(),
                containers,
                retained_sizes: self.retained_sizes.to_vec(),
                contrasts: self.contrasts.to_vec(),
                lost: self.lost.clone(),
            },
        })
    }

    fn sites_until(
        &self,
        end: f64,
    ) -> Result<(Vec<Site>, Vec<SiteHistory>, Places), Contradiction> {
        let mut sites = Sites::default();
        for (row, site) in (0..).zip(&self.sites) {
            let KnownSite { domain, size_class, allocator, stack, .. } = site;
            let appearance = (*domain, *size_class, String::from(&**allocator), stack.clone());
            sites.add(row, appearance, site.totals.totals, site.notes.iter().cloned());
        }
        let (sites, places) = sites.finish();
        let mut series = Series::new(sites.len(), &places);
        self.add_ticks(&mut series)?;
        for (row, site) in (0..).zip(&self.sites) {
            series.last_sums(row, SitePoint { t: end, totals: site.totals.totals })?;
            add_rest(&mut series, row, site)?;
        }
        let mut snapshots = self.kept.ticks.values().filter(|(_, blocks)| blocks.is_some());
        let histories = series.finish(snapshots.next_back().map(|(process, _)| process.t));
        Ok((sites, histories, places))
    }

    fn add_ticks(&self, series: &mut Series<'_>) -> Result<(), Contradiction> {
        let t = |tick: &i64| self.kept.ticks.get(tick).map(|(process, _)| process.t);
        for (tick, rows) in &self.kept.sums {
            let Some(t) = t(tick) else { continue };
            for (site, totals) in &**rows {
                series.sums(i64::from(*site), SitePoint { t, totals: totals.totals })?;
            }
        }
        for (tick, rows) in &self.kept.retained {
            let Some(t) = t(tick) else { continue };
            for (site, retained) in &**rows {
                let point = RetainedPoint { t, age: retained.age, blocks: retained.blocks };
                series.retained(i64::from(*site), point)?;
            }
        }
        Ok(())
    }
}

/// What is known of a site as of the last snapshot.
fn add_rest(series: &mut Series<'_>, row: i64, site: &KnownSite) -> Result<(), Contradiction> {
    for cohort in &*site.cohorts {
        series.cohort(row, *cohort)?;
    }
    for lifetime in &*site.lifetimes {
        series.lifetime(row, *lifetime)?;
    }
    if let Some(found) = site.unreferenced {
        series.unreferenced(row, found)?;
    }
    if let Some(owned) = &site.owned {
        series.owned(row, owned.looked_for, owned.owned)?;
        for owner in &owned.types {
            series.owner(row, Owner::clone(owner))?;
        }
    }
    Ok(())
}

impl Head {
    /// The capture; one without an end goes as far as the last tick.
    fn capture(&self, last: f64) -> Capture {
        let mut capture = self.capture.clone();
        if !self.finished {
            capture.seconds = finite(last);
            capture.notes.push(Note::RecordingUnfinished);
        }
        capture
    }
}
