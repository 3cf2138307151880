//! Time in which the target stood still is no time in which it did not grow: a recording is judged
//! as if it had never been.

use crate::model::{Cohort, Document, History, Note, SiteHistory, TypeSeries};

use super::Analysis;

/// When the target stood still, seconds from the start, in the order of time and apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standstills(Vec<(f64, f64)>);

impl Standstills {
    /// As a recording says it.
    pub fn of(document: &Document) -> Self {
        let gap = |note: &Note| match note {
            Note::TargetStoodStill { from, to } if from.is_finite() && to.is_finite() => {
                (*from < *to).then_some((from.max(0.0), *to))
            }
            _ => None,
        };
        let mut all: Vec<(f64, f64)> = document.capture.notes.iter().filter_map(gap).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut apart: Vec<(f64, f64)> = Vec::new();
        for (from, to) in all {
            match apart.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        Self(apart)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A time without those before it.
    fn without(&self, t: f64) -> f64 {
        t - self.0.iter().map(|(from, to)| (to.min(t) - from).max(0.0)).sum::<f64>()
    }

    /// A time as it was.
    fn with(&self, t: f64) -> f64 {
        self.0.iter().fold(t, |t, (from, to)| if t > *from { t + (to - from) } else { t })
    }

    fn holds(&self, t: f64) -> bool {
        self.0.iter().any(|(from, to)| *from < t && t < *to)
    }

    /// The same, from the moment on at which one begins: that at which it ends is the same afterwards.
    fn begins_or_holds(&self, t: f64) -> bool {
        self.0.iter().any(|(from, to)| *from <= t && t < *to)
    }

    /// The recording without them.
    pub fn left_out(&self, document: &Document) -> Document {
        let mut document = document.clone();
        document.capture.seconds = self.without(document.capture.seconds);
        let History { process, marks, collections, sites, types, .. } = &mut document.history;
        process.retain(|point| !self.holds(point.t));
        process.iter_mut().for_each(|point| point.t = self.without(point.t));
        marks.iter_mut().for_each(|mark| mark.t = self.without(mark.t));
        collections.iter_mut().for_each(|collection| collection.t = self.without(collection.t));
        sites.iter_mut().for_each(|site| self.shorten_site(site));
        types.iter_mut().for_each(|series| self.shorten_types(series));
        document
    }

    fn shorten_site(&self, site: &mut SiteHistory) {
        site.sums.iter_mut().for_each(|point| point.t = self.without(point.t));
        site.retained.iter_mut().for_each(|point| point.t = self.without(point.t));
        for cohort in &mut site.cohorts {
            (cohort.from, cohort.to) = (self.without(cohort.from), self.without(cohort.to));
        }
        // What seems to be born while it stood still belongs to the time before.
        let mut cohorts: Vec<Cohort> = Vec::with_capacity(site.cohorts.len());
        for cohort in site.cohorts.drain(..) {
            match cohorts.last_mut() {
                Some(last) if cohort.to <= cohort.from => last.join(&cohort),
                _ => cohorts.push(cohort),
            }
        }
        site.cohorts = cohorts;
    }

    /// Snapshots of a heap that stood still say what the next one says.
    fn shorten_types(&self, series: &mut TypeSeries) {
        let (mut points, mut survivors) = (Vec::new(), Vec::new());
        let mut skipped = (0_u64, 0_u64);
        for (index, point) in series.points.iter().enumerate() {
            let survived = series.survivors.get(index).copied().unwrap_or(0);
            if self.begins_or_holds(point.t) && index + 1 < series.points.len() {
                skipped.0 = skipped.0.saturating_add(point.born_count);
                skipped.1 = skipped.1.saturating_add(survived);
                continue;
            }
            let (born, alive) = std::mem::take(&mut skipped);
            let mut point = *point;
            point.t = self.without(point.t);
            point.born_count = point.born_count.saturating_add(born);
            point.retained_count = point.retained_count.saturating_sub(born);
            points.push(point);
            survivors.push(survived.saturating_add(alive));
        }
        survivors.truncate(series.survivors.len());
        (series.points, series.survivors) = (points, survivors);
    }

    /// Times of verdicts on the shortened recording as they were.
    pub fn restore(&self, mut analysis: Analysis) -> Analysis {
        analysis.growth.warm_up_seconds = self.with(analysis.growth.warm_up_seconds);
        for finding in &mut analysis.findings {
            finding.evidence.since = finding.evidence.since.map(|since| self.with(since));
        }
        for row in analysis.types.iter_mut().flatten() {
            row.series.iter_mut().for_each(|(t, ..)| *t = self.with(*t));
        }
        analysis
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::{Settings, analyse, samples};
    use crate::model::{TypePoint, Verdict};

    fn still(gaps: &[(f64, f64)]) -> Standstills {
        let mut document = samples::document(600.0);
        let note = |(from, to): &(f64, f64)| Note::TargetStoodStill { from: *from, to: *to };
        document.capture.notes = gaps.iter().map(note).collect();
        Standstills::of(&document)
    }

    #[test]
    fn times_go_both_ways() {
        let still = still(&[(300.0, 400.0), (100.0, 160.0), (150.0, 180.0), (9.0, f64::NAN)]);
        assert_eq!(still.0, [(100.0, 180.0), (300.0, 400.0)]);
        for (t, shorter) in [(50.0, 50.0), (140.0, 100.0), (200.0, 120.0), (500.0, 320.0)] {
            assert!((still.without(t) - shorter).abs() < 1e-9, "{t}");
        }
        for t in [50.0, 100.0, 200.0, 450.0, 600.0] {
            assert!((still.with(still.without(t)) - t).abs() < 1e-9, "{t}");
        }
    }

    #[test]
    fn objects_that_seem_to_be_born_meanwhile_are_not_lost() {
        let point = |t: f64, count: u64, born_count: u64| TypePoint {
            t,
            count,
            born_count,
            retained_count: count - born_count,
            ..TypePoint::default()
        };
        let points =
            vec![point(0.0, 5, 0), point(60.0, 7, 2), point(150.0, 8, 1), point(240.0, 9, 1)];
        let mut series = TypeSeries { name: "x".into(), points, survivors: vec![5, 2, 1, 1] };
        still(&[(100.0, 200.0)]).shorten_types(&mut series);
        assert_eq!(series.points, [point(0.0, 5, 0), point(60.0, 7, 2), point(140.0, 9, 2)]);
        assert_eq!(series.survivors, [5, 2, 2]);
        let points = vec![point(0.0, 5, 0), point(100.0, 7, 2), point(200.0, 7, 0)];
        let mut series = TypeSeries { name: "x".into(), points, survivors: vec![5, 2, 0] };
        still(&[(100.0, 200.0)]).shorten_types(&mut series);
        assert_eq!(series.points, [point(0.0, 5, 0), point(100.0, 7, 2)], "one at each end");
    }

    #[test]
    fn a_leak_has_the_rate_that_it_has_while_it_runs() {
        let leak = |gap: Option<(f64, f64)>| {
            let mut document = samples::document(1200.0);
            samples::process(&mut document, |_| 100_000_000);
            samples::grow(&mut document, "load", 1000, 5, |_| 5);
            if let Some((from, to)) = gap {
                document.capture.notes = vec![Note::TargetStoodStill { from, to }];
                let later = |t: &mut f64| *t += if *t > from { to - from } else { 0.0 };
                later(&mut document.capture.seconds);
                document.history.process.iter_mut().for_each(|point| later(&mut point.t));
                for site in &mut document.history.sites {
                    site.sums.iter_mut().for_each(|point| later(&mut point.t));
                    for cohort in &mut site.cohorts {
                        later(&mut cohort.from);
                        later(&mut cohort.to);
                    }
                }
            }
            analyse(&document, &Settings::default())
        };
        let (plain, stood) = (leak(None), leak(Some((605.0, 3605.0))));
        assert_eq!(stood.findings[0].verdict, Verdict::Leak);
        assert_eq!(stood.findings[0].slope_bytes_per_hour, plain.findings[0].slope_bytes_per_hour);
        assert_eq!(stood.growth.verdict, plain.growth.verdict);
    }
}
