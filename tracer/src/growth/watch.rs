//! What a recording covers: for how long, from when growth counts, and what share of events was
//! lost.

use crate::model::{Collection, CounterClass, Document, ProcessPoint};

/// New sites per minute below which a program has warmed up, and for how long it must stay below.
const NEW_PER_MINUTE: f64 = 1.0;
const WARM_SECONDS: f64 = 600.0;
/// Warming up never counts longer than this, and never more than this share of a short recording.
const LONGEST: f64 = 1800.0;
const SHORT_SHARE: f64 = 1.0 / 8.0;

/// Sums of sites are kept at every tick of the process or less often, but not less than this.
const TICKS_BETWEEN: f64 = 10.0;

/// The time that a recording covers. All in seconds from its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// When the program had warmed up; growth counts from here.
    pub begin: f64,
    /// The last snapshot of the live table.
    pub snapshot: f64,
    /// Usual distance of two moments at which the sums of sites were retained.
    pub tick: f64,
    /// Share of the events that got lost. 0 to 1.
    pub lost: f64,
    /// Whether the recording has no cohorts at all, only sums.
    pub only_sums: bool,
    /// When full collections happened.
    pub collections: Vec<Collection>,
    /// Growth of anonymous memory that is worth a word, bytes per hour.
    pub least_per_hour: f64,
}

impl Coverage {
    /// Of a recording.
    pub fn from_document(document: &Document, least_per_day: f64) -> Self {
        let process = &document.history.process;
        let last = process.last().map_or(0.0, |point| point.t);
        let end = [document.capture.seconds, last].into_iter().filter(|t| t.is_finite());
        let end = end.fold(0.0, f64::max);
        let cohorts = || document.history.sites.iter().flat_map(|site| &site.cohorts);
        let seen = cohorts().map(|cohort| cohort.to).filter(|to| to.is_finite());
        let seen = seen.fold(0.0, f64::max);
        let snapshot = if seen > 0.0 && end > 0.0 { seen.min(end) } else { end.max(seen) };
        Self {
            begin: warm_up(process, snapshot),
            snapshot,
            tick: tick(document),
            lost: lost(document),
            only_sums: seen <= 0.0,
            collections: document.history.collections.clone(),
            least_per_hour: least_per_day / 24.0,
        }
    }

    /// Fewest bytes that a stack must keep to be tested.
    pub fn gate_bytes(&self) -> f64 {
        (self.least_per_hour * self.snapshot / 3600.0).clamp(8.0 * 1024.0, 64.0 * 1024.0)
    }
}

/// When the program had warmed up: from then on for ten minutes, hardly any new site appeared.
fn warm_up(process: &[ProcessPoint], snapshot: f64) -> f64 {
    let short = snapshot * SHORT_SHARE;
    let points: Vec<(f64, f64)> =
        process.iter().filter_map(|point| Some((point.t, point.sites? as f64))).collect();
    let mut ahead = 0;
    for (t, sites) in &points {
        while ahead < points.len() && points[ahead].0 < t + WARM_SECONDS {
            ahead += 1;
        }
        let Some((later, more)) = points.get(ahead) else { break };
        if more - sites < NEW_PER_MINUTE * (later - t) / 60.0 {
            return t.min(LONGEST).min(short).max(0.0);
        }
    }
    LONGEST.min(short)
}

/// The distance of the points of the site with most of them: they stand only where something
/// changed, so an idle program leaves holes, and then the ticks of the process say how long it is
/// at most.
fn tick(document: &Document) -> f64 {
    let usual = |times: &[f64]| {
        let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        super::statistics::quantile(&mut gaps, 0.1).filter(|gap| *gap > 0.0)
    };
    let process: Vec<f64> = document.history.process.iter().map(|point| point.t).collect();
    let process = usual(&process);
    let busiest = document.history.sites.iter().max_by_key(|site| site.sums.len());
    let sums: Vec<f64> =
        busiest.map_or(&[][..], |site| &site.sums).iter().map(|point| point.t).collect();
    match (process, usual(&sums)) {
        (Some(process), Some(sums)) => sums.clamp(process, TICKS_BETWEEN * process),
        (Some(tick), None) | (None, Some(tick)) => tick,
        (None, None) => 10.0,
    }
}

fn lost(document: &Document) -> f64 {
    let sum = |class: CounterClass| -> f64 {
        document
            .losses
            .iter()
            .filter(|loss| loss.counter.class() == class)
            .map(|loss| loss.count as f64)
            .sum()
    };
    let (lost, seen) = (sum(CounterClass::Loss), sum(CounterClass::Seen));
    if lost <= 0.0 { 0.0 } else { (lost / seen.max(lost)).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::samples;
    use crate::model::{SiteHistory, SitePoint};

    fn points(sites: impl Fn(f64) -> f64, minutes: u32) -> Vec<ProcessPoint> {
        (0..=minutes)
            .map(|minute| {
                let t = 60.0 * f64::from(minute);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let sites = Some(sites(t) as u64);
                ProcessPoint { t, sites, ..ProcessPoint::default() }
            })
            .collect()
    }

    #[test]
    fn a_program_warms_up_until_new_sites_are_rare() {
        let process = points(|t| 500.0 + 3.0 * t.min(900.0), 600);
        assert_eq!(warm_up(&process, 36_000.0), 900.0);
        assert_eq!(warm_up(&points(|t| t, 600), 36_000.0), LONGEST);
    }

    #[test]
    fn sums_are_retained_less_often_than_the_process_is_looked_at() {
        let mut document = samples::document(120.0);
        document.history.process = (0..120)
            .map(|second| ProcessPoint { t: f64::from(second), ..ProcessPoint::default() })
            .collect();
        let every = |seconds: u32| SiteHistory {
            sums: (0..120 / seconds)
                .map(|point| SitePoint { t: f64::from(point * seconds), ..SitePoint::default() })
                .collect(),
            ..SiteHistory::default()
        };
        document.history.sites = vec![every(40), every(5)];
        assert_eq!(tick(&document), 5.0);
        document.history.sites = vec![every(40)];
        assert_eq!(tick(&document), 10.0, "an idle program");
        document.history.sites.clear();
        assert_eq!(tick(&document), 1.0);
        document.history.process.clear();
        assert_eq!(tick(&document), 10.0);
    }

    #[test]
    fn short_recordings_are_not_paralysed() {
        assert_eq!(warm_up(&points(|t| t, 2), 120.0), 15.0);
        assert_eq!(warm_up(&[], 120.0), 15.0);
    }
}
