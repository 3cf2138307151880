//! Measures a subject and makes a finding of it.

use super::arena;
use super::decision::Decision;
use super::gauge::{Gauge, growth, measure};
use super::owners::{self, FindingOwners};
use super::persistence::Flatness;
use super::reasons::{Facts, reasons};
use super::subject::Subject;
use super::verdict;
use super::watch::Coverage;
use crate::model::library_allocator;
use crate::model::{
    Amount, Confidence, Document, Evidence, Finding, Frame, Interval, Model, Site, SiteHistory,
    UnreachableBlocks, Verdict,
};

/// A subject that grew enough to be tested.
pub struct Tested {
    /// What is judged.
    pub subject: Subject,
    /// What was measured.
    pub gauge: Gauge,
    /// The search for pointers.
    pub unreferenced: Option<UnreachableBlocks>,
}

/// Histories of these sites.
pub fn histories<'a>(document: &'a Document, sites: &[usize]) -> Vec<&'a SiteHistory> {
    sites.iter().filter_map(|index| document.history.sites.get(*index)).collect()
}

/// Measures a subject, and its size classes alone where the whole says little: a leak of small
/// blocks must not hide behind large ones that come and go on the same stack.
pub fn test(document: &Document, subject: Subject, watch: &Coverage) -> Option<Tested> {
    let unreachable: Vec<usize> = subject
        .sites
        .iter()
        .copied()
        .filter(|index| search(document, &[*index]).is_some_and(verdict::is_unreachable))
        .collect();
    let whole = growth(&histories(document, &subject.sites), watch);
    let strong = whole.as_ref().is_some_and(|gauge| {
        gauge.p < 1e-3 && gauge.bytes.per_hour.lo > 0.5 * gauge.bytes.per_hour.est
    });
    let part =
        match (unreachable.is_empty(), strong || subject.of_allocator() || subject.sites.len() < 2)
        {
            (false, _) => Some(unreachable),
            (true, true) => None,
            (true, false) => growing_classes(document, &subject, watch, whole.as_ref()),
        };
    let full = |sites: Vec<usize>| Some((measure(&histories(document, &sites), watch)?, sites));
    let (gauge, sites) = match part.and_then(full) {
        Some(found) => found,
        None => full(subject.sites)?,
    };
    let unreferenced = search(document, &sites);
    Some(Tested { subject: Subject { sites, ..subject }, gauge, unreferenced })
}

/// The size classes that grow by themselves, if together they say more than the whole.
fn growing_classes(
    document: &Document,
    subject: &Subject,
    watch: &Coverage,
    whole: Option<&Gauge>,
) -> Option<Vec<usize>> {
    let level = 0.05 / subject.sites.len() as f64;
    let mut low = 0.0;
    let part: Vec<usize> = subject
        .sites
        .iter()
        .copied()
        .filter(|index| {
            let gauge = growth(&histories(document, &[*index]), watch);
            let grows = gauge
                .filter(|gauge| gauge.p < level && gauge.persistence.flatness != Flatness::Falls);
            low += grows.as_ref().map_or(0.0, |gauge| gauge.lasting(watch));
            grows.is_some()
        })
        .collect();
    let better = whole.is_none_or(|gauge| {
        low > 0.5 * gauge.lasting(watch) || gauge.persistence.flatness == Flatness::Falls
    });
    (!part.is_empty() && part.len() < subject.sites.len() && better).then_some(part)
}

/// The search for pointers to blocks of these sites.
fn search(document: &Document, sites: &[usize]) -> Option<UnreachableBlocks> {
    let searches = histories(document, sites).into_iter().filter_map(|site| site.unreferenced);
    searches.reduce(|a, b| UnreachableBlocks {
        looked_for: a.looked_for.saturating_add(b.looked_for),
        unreachable: a.unreachable.saturating_add(b.unreachable),
    })
}

impl Tested {
    /// How much this matters: bytes per hour that will be retained for ever, at least, times how
    /// probable it is that it is a leak.
    pub fn weight(&self, decision: &Decision, watch: &Coverage) -> f64 {
        let probable = match (decision.verdict, decision.confidence) {
            (Verdict::Leak, Confidence::Confirmed) => 1.0,
            (Verdict::Leak, Confidence::Likely) => 0.8,
            (Verdict::Leak, Confidence::Suspect) => 0.4,
            (Verdict::Undetermined, _) => 0.2,
            (Verdict::CacheWarming, _) => 0.1,
            _ => 0.02,
        };
        let slope = &self.gauge.bytes.per_hour;
        probable
            * self
                .gauge
                .lasting(watch)
                .max(1e-3 * slope.est * (-self.gauge.hazard * watch.snapshot).exp())
    }

    /// The finding; its rank is not known yet.
    pub fn finding(
        &self,
        document: &Document,
        watch: &Coverage,
        decision: &Decision,
        p_adjusted: f64,
        growth: Option<f64>,
    ) -> Finding {
        let gauge = &self.gauge;
        let retained = self.retained(document, watch);
        let (shown, alike) = self.shown(document, &retained);
        let site = summed(document, shown, &self.subject.sites);
        let owners_of_finding = self.owners(document);
        let facts = Facts {
            gauge,
            decision,
            watch,
            allocated: site.allocated.count,
            freed: site.allocated.minus(site.live).count,
            arenas: self.subject.arenas.then_some(alike),
            collections: survived(gauge, watch),
            garbage: owners_of_finding.is_garbage(),
        };
        let (model, steps, against) = models(gauge);
        let evidence = Evidence {
            reasons: reasons(&facts),
            sites: retained.iter().map(|(index, ..)| document.sites[*index].id.clone()).collect(),
            arenas: self.subject.arenas,
            allocator: self.subject.allocator.clone().map(|(name, module)| (name.into(), module)),
            stacks_alike: alike,
            since: Some(gauge.since),
            age_seconds: gauge.age.seconds,
            retained: gauge.retained,
            slope_blocks_per_hour: gauge.counts.per_hour,
            model,
            against,
            steps,
            plateau_bytes: (model == Model::Saturating).then(|| self.plateau(document)).flatten(),
            retention: gauge.thirds.shares(),
            lifetime_seconds: gauge.age.lifetime,
            p_adjusted,
            periods: periods(gauge.bytes.periods),
            collections_survived: facts.collections,
            share_of_growth: growth.map(|growth| gauge.bytes.per_hour.est / growth),
            unreferenced: self.unreferenced,
            needs_hours: verdict::needs_hours(decision, gauge, watch),
        };
        Finding {
            site,
            rank: 0,
            verdict: decision.verdict,
            confidence: decision.confidence,
            slope_bytes_per_hour: gauge.bytes.per_hour,
            evidence,
            types: owners_of_finding.types,
            retainer: owners_of_finding.retainer,
            owners: owners_of_finding.owners,
        }
    }

    /// What owns its blocks. An arena is no object's block.
    pub fn owners(&self, document: &Document) -> FindingOwners {
        match self.subject.of_allocator() {
            true => FindingOwners::default(),
            false => owners::of_sites(&histories(document, &self.subject.sites)),
        }
    }

    /// Where it levels off, with what it has from before growth is counted.
    fn plateau(&self, document: &Document) -> Option<Interval> {
        let cohorts = histories(document, &self.subject.sites);
        let early = cohorts
            .iter()
            .flat_map(|site| &site.cohorts)
            .filter(|cohort| cohort.from < self.gauge.since)
            .map(|cohort| cohort.live.bytes as f64)
            .sum::<f64>();
        let Interval { lo, est, hi } = self.gauge.plateau()?;
        Some(Interval { lo: lo + early, est: est + early, hi: hi + early })
    }

    /// Its sites with the bytes and blocks that each keeps, the one that keeps most first.
    fn retained(&self, document: &Document, watch: &Coverage) -> Vec<(usize, Amount)> {
        let end = watch.snapshot - self.gauge.age.seconds;
        let mut retained: Vec<(usize, Amount)> = self
            .subject
            .sites
            .iter()
            .map(|index| {
                let history = document.history.sites.get(*index);
                let cohorts = history.map_or(&[][..], |history| &history.cohorts);
                let old = cohorts
                    .iter()
                    .filter(|cohort| cohort.from >= self.gauge.since && cohort.to <= end + 1e-6);
                (*index, old.map(|cohort| cohort.live).fold(Amount::default(), Amount::plus))
            })
            .collect();
        retained.sort_by_key(|(index, amount)| (std::cmp::Reverse(amount.bytes), *index));
        retained
    }

    /// The site whose stack is shown, and how many of the retained blocks it speaks for, of how
    /// many.
    fn shown(&self, document: &Document, retained: &[(usize, Amount)]) -> (usize, (u64, u64)) {
        let first = retained.first().map_or(self.subject.sites[0], |(index, ..)| *index);
        let all = (self.gauge.retained.count, self.gauge.retained.count);
        if !self.subject.arenas {
            return (first, all);
        }
        let counts: Vec<(usize, u64)> = retained
            .iter()
            .filter(|(_, amount)| amount.count > 0)
            .map(|(index, amount)| (*index, amount.count))
            .collect();
        arena::representative(document, &counts)
            .map_or((first, all), |(index, alike, all)| (index, (alike, all)))
    }
}

/// The site at `shown` with the sums of all of `sites`.
fn summed(document: &Document, shown: usize, sites: &[usize]) -> Site {
    let site = without_lines(&document.sites[shown]);
    let others = sites.iter().filter(|index| **index != shown).map(|index| &document.sites[*index]);
    let (live, allocated) = others.fold((site.live, site.allocated), |(live, allocated), other| {
        (live.plus(other.live), allocated.plus(other.allocated))
    });
    Site { live, allocated, ..site }
}

/// The line that made a library's allocator map memory says nothing of who keeps blocks in it: what
/// is left of such a stack is the allocator's own code.
fn without_lines(site: &Site) -> Site {
    let Some(mapper) = library_allocator::mapper(site) else { return site.clone() };
    let stack: Vec<Frame> = site.stack.iter().skip(mapper.outermost).cloned().collect();
    Site { stack: stack.into(), ..site.clone() }
}

/// Full collections since the middle of the time in which the retained blocks were born.
fn survived(gauge: &Gauge, watch: &Coverage) -> Option<u64> {
    if watch.collections.is_empty() {
        return None;
    }
    let middle = gauge.since + 0.5 * gauge.span();
    let later = watch.collections.iter().filter(|collection| collection.t > middle);
    Some(later.fold(0_u64, |sum, collection| sum.saturating_add(collection.count)))
}

/// The shape that fits best, its steps, and by how much each other one is worse.
fn models(gauge: &Gauge) -> (Model, Option<u64>, Vec<(Model, f64)>) {
    let stepped = gauge.steps.filter(|steps| {
        steps.worse < 0.0
            && matches!(gauge.persistence.shape.model, Model::Linear | Model::Constant)
    });
    let model = if stepped.is_some() { Model::Steps } else { gauge.persistence.shape.model };
    let mut tried = vec![(Model::Linear, 0.0)];
    tried.extend(gauge.persistence.shape.over_linear.iter().copied());
    tried.extend(gauge.steps.map(|steps| (Model::Steps, steps.worse)));
    let own = tried.iter().find(|(other, _)| *other == model).map_or(0.0, |(_, worse)| *worse);
    let others = tried.into_iter().filter(|(other, worse)| *other != model && worse.is_finite());
    let against = others.map(|(other, worse)| (other, worse - own)).collect();
    (model, stepped.map(|steps| steps.count), against)
}

fn periods(periods: f64) -> u32 {
    // Saturating; there are at most some thousand.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = periods.round() as u32;
    whole
}
